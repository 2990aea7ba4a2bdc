import { Module } from '@nestjs/common';
import type { DynamicModule, Provider, Type } from '@nestjs/common';
import {
  AGENT_REGISTRATIONS_CONTEXT,
  AgentRegistrationsController,
  type AgentRegistrationsContext,
} from './agent-registrations/agent-registrations.controller.js';
import {
  AGENT_SESSION_LIST,
  AgentSessionsController,
  type AgentSessionListContext,
} from './agent-sessions/agent-sessions.controller.js';
import { ConfigurationController } from './configuration/configuration.controller.js';
import { ConfigurationPublisher } from './configuration/configuration-publisher.js';
import { PostgresDocumentStore } from './configuration/document-store.js';
import { PostgresEventStore } from './events/event-store.js';
import { EventsController } from './events/events.controller.js';
import {
  MCP_SESSIONS_CONTEXT,
  McpSessionsController,
  type McpSessionsContext,
} from './mcp-sessions/mcp-sessions.controller.js';
import { PostgresRevocationStore } from './revocation/revocation-store.js';
import { RevocationsController } from './revocation/revocations.controller.js';
import { Revoker } from './revocation/revoke.js';
import { ToolDefinitionsController } from './tool-definitions/tool-definitions.controller.js';
import {
  SIGNING_KEYS_CONTEXT,
  SigningKeysController,
  type SigningKeysContext,
} from './signing-keys/signing-keys.controller.js';
import { VAULT_CONTEXT, VaultController, type VaultContext } from './vault/vault.controller.js';

/** Made in `start-control-plane.ts`; Nest only hands them to the controllers. */
export interface ControlPlaneParts {
  readonly documents: PostgresDocumentStore;
  readonly publisher: ConfigurationPublisher;
  readonly revocations: PostgresRevocationStore;
  readonly revoker: Revoker;
  readonly events: PostgresEventStore;
  readonly mcpSessions: McpSessionsContext;
  readonly agentSessions: AgentSessionListContext;
  readonly agentRegistrations: AgentRegistrationsContext;
  readonly signingKeys: SigningKeysContext;
  readonly vault: VaultContext;
  /** The credential service: leases, connect pages, browser sessions, connections. */
  readonly credentials: { readonly controllers: readonly Type[]; readonly providers: readonly Provider[] };
}

/** Every route and every message pattern of the control plane. */
@Module({})
export class ControlPlaneModule {
  static of(parts: ControlPlaneParts): DynamicModule {
    return {
      module: ControlPlaneModule,
      controllers: [
        ConfigurationController,
        RevocationsController,
        McpSessionsController,
        EventsController,
        ToolDefinitionsController,
        AgentSessionsController,
        AgentRegistrationsController,
        SigningKeysController,
        VaultController,
        ...parts.credentials.controllers,
      ],
      providers: [
        { provide: PostgresDocumentStore, useValue: parts.documents },
        { provide: ConfigurationPublisher, useValue: parts.publisher },
        { provide: PostgresRevocationStore, useValue: parts.revocations },
        { provide: Revoker, useValue: parts.revoker },
        { provide: PostgresEventStore, useValue: parts.events },
        { provide: MCP_SESSIONS_CONTEXT, useValue: parts.mcpSessions },
        { provide: AGENT_SESSION_LIST, useValue: parts.agentSessions },
        { provide: AGENT_REGISTRATIONS_CONTEXT, useValue: parts.agentRegistrations },
        { provide: SIGNING_KEYS_CONTEXT, useValue: parts.signingKeys },
        { provide: VAULT_CONTEXT, useValue: parts.vault },
        ...parts.credentials.providers,
      ],
    };
  }
}
