import { Module, type DynamicModule } from '@nestjs/common';
import { BrowserSessions } from './browser-sessions.js';
import { CONTROL_PLANE_URL, SessionController } from './session.controller.js';
import { SignIn } from './sign-in.js';

export interface BrowserSessionParts {
  readonly publicUrl: string;
  readonly sessions: BrowserSessions;
  readonly signIn: SignIn;
}

/** The browser sessions of people who use the pages: sign-in, sign-out, and which user a browser belongs to. */
@Module({})
export class BrowserSessionModule {
  static of({ publicUrl, sessions, signIn }: BrowserSessionParts): DynamicModule {
    const providers = [
      { provide: CONTROL_PLANE_URL, useValue: publicUrl },
      { provide: BrowserSessions, useValue: sessions },
      { provide: SignIn, useValue: signIn },
    ];
    return {
      module: BrowserSessionModule,
      controllers: [SessionController],
      providers,
      exports: [CONTROL_PLANE_URL, BrowserSessions, SignIn],
    };
  }
}
