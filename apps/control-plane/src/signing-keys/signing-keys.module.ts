import { Module, type DynamicModule } from '@nestjs/common';
import { SIGNING_KEYS_CONTEXT, SigningKeysController, type SigningKeysContext } from './signing-keys.controller.js';

/** The signing keys of the authorization server, as administrators rotate and withdraw them. */
@Module({})
export class SigningKeysModule {
  static of(context: SigningKeysContext): DynamicModule {
    return {
      module: SigningKeysModule,
      controllers: [SigningKeysController],
      providers: [{ provide: SIGNING_KEYS_CONTEXT, useValue: context }],
    };
  }
}
