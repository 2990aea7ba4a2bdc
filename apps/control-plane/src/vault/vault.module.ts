import { Module, type DynamicModule } from '@nestjs/common';
import { VAULT_CONTEXT, VaultController, type VaultContext } from './vault.controller.js';

/** The keys that seal records at rest, as administrators rotate and remove them. */
@Module({})
export class VaultModule {
  static of(context: VaultContext): DynamicModule {
    return {
      module: VaultModule,
      controllers: [VaultController],
      providers: [{ provide: VAULT_CONTEXT, useValue: context }],
    };
  }
}
