import type { CredentialContext, CredentialPartsOptions } from '../credential-context.js';
import { ClientMetadataDocument } from './client-metadata-document.js';
import { ConnectFlow } from './connect-flow.js';
import type { ConnectSharedContext } from './connect-shared.controller.js';
import { ConnectHealthStore } from './connect-health-store.js';
import { ConnectTickets } from './connect-tickets.js';
import { isRevokedFor } from './finish-connecting.js';
import { OAuthClientRegistry } from './oauth-client-registry.js';
import { PendingGrants } from './pending-grants.js';
import { createConnectFailureReport } from './report-connect-failure.js';
import { SharedInvitations } from './shared-invitations.js';

export interface ConnectParts {
  readonly tickets: ConnectTickets;
  readonly flow: ConnectFlow;
  readonly shared: ConnectSharedContext;
  readonly clientDocument: ClientMetadataDocument;
}

/** What the connect pages use: the tickets of their links, the flow from a link to a connection, and who we are. */
export function createConnectParts(options: CredentialPartsOptions, context: CredentialContext): ConnectParts {
  const { publicUrl, snapshot, databases } = options;
  const { vault: sealer, clock, fetch } = context;
  const database = databases.agents;
  const redirectUri = `${publicUrl}/connect/callback`;
  const tickets = new ConnectTickets({
    database,
    sealer,
    clock,
    isRevoked: (ticket) => isRevokedFor(ticket, ticket.issuedAt, snapshot()),
  });
  const document = new ClientMetadataDocument({ database, sealer, publicUrl, redirectUri });
  const connectHealth = new ConnectHealthStore(database);
  const connecting = {
    ...context,
    connectHealth,
    reportFailure: createConnectFailureReport({ ...options, connectHealth }),
    snapshot,
    redirectUri,
    tickets,
    pending: new PendingGrants({ database, sealer, clock }),
    clients: new OAuthClientRegistry({ database, sealer, fetch, clock, redirectUri, publicUrl, document }),
  };
  return {
    tickets,
    flow: new ConnectFlow(connecting),
    shared: {
      ...connecting,
      invitations: new SharedInvitations({ database, sealer, clock }),
      inviting: new SharedInvitations({ database: databases.administration, sealer, clock }),
    },
    clientDocument: document,
  };
}
