import { Module, type DynamicModule } from '@nestjs/common';
import type { Database } from '@sallyport/database';
import { AccountModule } from './account/account.module.js';
import { AdminModule } from './admin/admin.module.js';
import type { ApiResource } from './admin/resource-metadata.controller.js';
import type { AgentRegistrationsContext } from './agents/agent-registrations.controller.js';
import type { AgentSessionListContext } from './agents/agent-sessions.controller.js';
import { AgentsModule } from './agents/agents.module.js';
import { ApiReferenceModule } from './api-reference/api-reference.module.js';
import { ApprovalsModule } from './approvals/approvals.module.js';
import { BrowserSessionModule } from './browser-session/browser-session.module.js';
import { ConfigurationModule, type ConfigurationModuleParts } from './configuration/configuration.module.js';
import { ConnectModule } from './credentials/connect/connect.module.js';
import { ConnectionsModule } from './credentials/connections/connections.module.js';
import type { CredentialParts } from './credentials/connections/create-credential-parts.js';
import { RevocationModule } from './revocation/revocation.module.js';
import type { Revoker } from './revocation/revoke.js';
import type { SigningKeysContext } from './signing-keys/signing-keys.controller.js';
import { SigningKeysModule } from './signing-keys/signing-keys.module.js';
import type { StatusContext } from './status/read-status.js';
import { StatusModule } from './status/status.module.js';
import { CallsModule } from './trail/calls/calls.module.js';
import type { AuditContext } from './trail/chain/audit.controller.js';
import type { PostgresEventStore } from './trail/event-store.js';
import type { EventsContext } from './trail/events.controller.js';
import type { EventExportsContext } from './trail/export/event-exports.controller.js';
import type { RecordEvent } from '@sallyport/trail';
import type { LogStreamsContext } from './trail/streams/log-streams.controller.js';
import { LogStreamsModule } from './trail/streams/log-streams.module.js';
import { TrailModule } from './trail/trail.module.js';
import type { UserListContext } from './users/users.controller.js';
import { UsersModule } from './users/users.module.js';
import type { VaultContext } from './vault/vault.controller.js';
import { VaultModule } from './vault/vault.module.js';
import type { VerifyContext } from './verify/context.js';
import { VerifyModule } from './verify/verify.module.js';

/** Made at the start; each feature's module gets what its controllers use, and no more. */
export interface ControlPlaneParts {
  /** The public address. */
  readonly url: string;
  readonly api: ApiResource;
  readonly configuration: ConfigurationModuleParts;
  readonly lifecycle: RecordEvent;
  readonly revoker: Revoker;
  readonly events: PostgresEventStore;
  readonly reading: EventsContext;
  readonly calls: Pick<Database, '$queryRaw'>;
  readonly exports: EventExportsContext;
  readonly audit: AuditContext;
  readonly users: UserListContext;
  readonly logStreams: LogStreamsContext;
  readonly agentSessions: AgentSessionListContext;
  readonly agentRegistrations: AgentRegistrationsContext;
  readonly signingKeys: SigningKeysContext;
  readonly vault: VaultContext;
  readonly status: StatusContext;
  readonly verify: VerifyContext;
  readonly credentials: Pick<CredentialParts, 'browserSession' | 'connect' | 'account' | 'connections'>;
}

/** Every route of the control plane, a module per feature. */
@Module({})
export class ControlPlaneModule {
  static of(parts: ControlPlaneParts): DynamicModule {
    const { credentials } = parts;
    const configuration = ConfigurationModule.of(parts.configuration);
    const trail = TrailModule.of(parts.events, parts.reading, parts.lifecycle, parts.audit, parts.exports);
    const revocation = RevocationModule.of(parts.revoker);
    const browserSession = BrowserSessionModule.of(credentials.browserSession);
    const connect = ConnectModule.of(credentials.connect, browserSession);
    return {
      module: ControlPlaneModule,
      imports: [
        AdminModule.of(parts.api),
        configuration,
        trail,
        revocation,
        ApiReferenceModule.of(parts.url),
        CallsModule.of(parts.calls),
        LogStreamsModule.of(parts.logStreams),
        ApprovalsModule.of([configuration, trail]),
        UsersModule.of(parts.users),
        AgentsModule.of(parts.agentSessions, parts.agentRegistrations),
        SigningKeysModule.of(parts.signingKeys),
        VaultModule.of(parts.vault),
        StatusModule.of(parts.status),
        VerifyModule.of(parts.verify),
        browserSession,
        connect,
        ConnectionsModule.of(credentials.connections),
        AccountModule.of(credentials.account, [browserSession, connect, revocation]),
      ],
    };
  }
}
