import { Module, type DynamicModule } from '@nestjs/common';
import {
  CLIENT_REGISTRATIONS_CONTEXT,
  ClientRegistrationsController,
  type ClientRegistrationsContext,
} from './client-registrations.controller.js';
import { ADMIN_DISCONNECT_CONTEXT, ConnectionsController } from './connections.controller.js';
import {
  CREDENTIAL_PROVIDERS_CONTEXT,
  CredentialProvidersController,
  type CredentialProvidersContext,
} from './credential-providers.controller.js';
import type { DisconnectContext } from './disconnect.js';
import { UpstreamRevocationsController } from './upstream-revocations.controller.js';

export interface ConnectionsParts {
  readonly disconnecting: DisconnectContext;
  readonly providers: CredentialProvidersContext;
  readonly registrations: ClientRegistrationsContext;
}

/** What administrators see of connections and of those who give out their credentials, and how they end them. */
@Module({})
export class ConnectionsModule {
  static of({ disconnecting, providers, registrations }: ConnectionsParts): DynamicModule {
    return {
      module: ConnectionsModule,
      controllers: [
        ConnectionsController,
        UpstreamRevocationsController,
        CredentialProvidersController,
        ClientRegistrationsController,
      ],
      providers: [
        { provide: ADMIN_DISCONNECT_CONTEXT, useValue: disconnecting },
        { provide: CREDENTIAL_PROVIDERS_CONTEXT, useValue: providers },
        { provide: CLIENT_REGISTRATIONS_CONTEXT, useValue: registrations },
      ],
    };
  }
}
