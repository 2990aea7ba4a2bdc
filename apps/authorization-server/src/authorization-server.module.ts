import { Module, type DynamicModule } from '@nestjs/common';
import type { AuthorizationServer } from './assembly/create-server.js';
import { FederationController } from './federation/federation.controller.js';
import { InteractionController } from './interaction/interaction.controller.js';
import { JwksController } from './keys/jwks.controller.js';
import { BackChannelLogoutController } from './sign-out/back-channel-logout.controller.js';
import { SignOutController } from './sign-out/sign-out.controller.js';
import {
  AUTHORIZATION_STEPS,
  BACK_CHANNEL_LOGOUT,
  BROWSER_BINDING,
  CONFIGURATION,
  ISSUER,
  LOGGER,
  PUBLIC_KEYS,
  RECORDER,
  SIGN_IN,
  SIGN_OUT,
} from './tokens.js';

/** The routes that Nest serves, and what their controllers are given. The OAuth endpoints are the engine's. */
@Module({
  controllers: [
    InteractionController,
    FederationController,
    BackChannelLogoutController,
    SignOutController,
    JwksController,
  ],
})
export class AuthorizationServerModule {
  static with(
    {
      steps,
      binding,
      signIn,
      signOut,
      backChannel,
      keys,
      configuration,
      recorder,
      logger,
    }: AuthorizationServer['controllers'],
    issuer: string,
  ): DynamicModule {
    return {
      module: AuthorizationServerModule,
      providers: [
        { provide: AUTHORIZATION_STEPS, useValue: steps },
        { provide: BROWSER_BINDING, useValue: binding },
        { provide: SIGN_IN, useValue: signIn },
        { provide: SIGN_OUT, useValue: signOut },
        { provide: BACK_CHANNEL_LOGOUT, useValue: backChannel },
        { provide: PUBLIC_KEYS, useValue: keys },
        { provide: CONFIGURATION, useValue: configuration },
        { provide: RECORDER, useValue: recorder },
        { provide: ISSUER, useValue: issuer },
        { provide: LOGGER, useValue: logger },
      ],
    };
  }
}
