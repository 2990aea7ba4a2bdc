import { Module, type DynamicModule } from '@nestjs/common';
import type { DisconnectContext } from '../credentials/connections/disconnect.js';
import { ACCOUNT_CONTEXT, AccountController, DISCONNECT_CONTEXT } from './account.controller.js';
import type { AccountContext } from './read-account.js';

/** The page where a user sees their own connections and agents, and ends them. */
@Module({})
export class AccountModule {
  /** @param imports the browser's session, the connect pages it leads to, and the revoker of agent sessions */
  static of(
    { account, disconnecting }: { account: AccountContext; disconnecting: DisconnectContext },
    imports: DynamicModule[],
  ): DynamicModule {
    return {
      module: AccountModule,
      imports,
      controllers: [AccountController],
      providers: [
        { provide: ACCOUNT_CONTEXT, useValue: account },
        { provide: DISCONNECT_CONTEXT, useValue: disconnecting },
      ],
    };
  }
}
