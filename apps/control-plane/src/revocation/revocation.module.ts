import { Module, type DynamicModule } from '@nestjs/common';
import { RevocationsController } from './revocations.controller.js';
import { Revoker } from './revoke.js';

/** Revocation of users, agents, sessions, and of what was leased. */
@Module({})
export class RevocationModule {
  static of(revoker: Revoker): DynamicModule {
    return {
      module: RevocationModule,
      controllers: [RevocationsController],
      providers: [{ provide: Revoker, useValue: revoker }],
      exports: [Revoker],
    };
  }
}
