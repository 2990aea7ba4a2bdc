import {
  ClientRegistrations,
  PostgresConnectionStore,
  PostgresProviderHealthStore,
  PostgresUpstreamRevocations,
} from '@sallyport/connection-store';
import type { RequestHandler } from '@sallyport/messaging';
import type { AccountContext } from '../../account/read-account.js';
import { BrowserSessions } from '../../browser-session/browser-sessions.js';
import type { BrowserSessionParts } from '../../browser-session/browser-session.module.js';
import { SignIn } from '../../browser-session/sign-in.js';
import { ConnectHealthStore } from '../connect/connect-health-store.js';
import { createConnectParts, type ConnectParts } from '../connect/create-connect-parts.js';
import { ConnectionConsents } from '../consents/connection-consents.js';
import {
  createCredentialContext,
  ownAuthorizationServer,
  type CredentialContext,
  type CredentialPartsOptions,
} from '../credential-context.js';
import { answerLeaseRequest } from '../lease/answer-lease-request.js';
import { createLeaseContext } from '../lease/create-lease-context.js';
import { RefusedLeases } from '../lease/refused-leases.js';
import type { ConnectionsParts } from './connections.module.js';
import { disconnectAll, type DisconnectContext } from './disconnect.js';
import { revokeRemoved } from './revoke-removed.js';

export type { CredentialPartsOptions } from '../credential-context.js';

export interface CredentialParts {
  readonly browserSession: BrowserSessionParts;
  readonly connect: ConnectParts;
  readonly account: { readonly account: AccountContext; readonly disconnecting: DisconnectContext };
  readonly connections: ConnectionsParts;
  /** Serves the lease requests of gateways. */
  readonly answerLease: RequestHandler;
  /** Both for administrators. */
  readonly consents: ConnectionConsents;
  readonly disconnectAll: (ids: readonly string[], reason: string) => Promise<number>;
  /** One round of asking providers to revoke what was removed here. @returns how many were due. */
  readonly revokeRemoved: () => Promise<number>;
  /** Records the leases that were refused and summed up. */
  readonly sumUpRefusedLeases: RefusedLeases['sumUp'];
  readonly markUsed: PostgresConnectionStore['markUsed'];
}

/** Makes the credential service: leases, connect pages, the browser sessions they need, and connections. */
export async function createCredentialParts(options: CredentialPartsOptions): Promise<CredentialParts> {
  const { databases, snapshot, record, clock } = options;
  const context = createCredentialContext(options);
  const connect = createConnectParts(options, context);
  const refusedLeases = new RefusedLeases({ record, clock });
  const leases = await createLeaseContext(options, context, { tickets: connect.tickets, refusedLeases });
  const disconnecting = createDisconnecting(options, context);
  const connections = createConnectionsParts(options, disconnecting);
  return {
    browserSession: createBrowserSession(options),
    connect,
    account: {
      account: {
        database: databases.agents,
        store: context.store,
        providerHealth: new PostgresProviderHealthStore(databases.agents),
        snapshot,
      },
      disconnecting,
    },
    connections,
    answerLease: (wire) => options.admission.admit(wire, () => answerLeaseRequest(wire, leases)),
    consents: connections.consents,
    disconnectAll: (ids, reason) => disconnectAll(ids, reason, connections.disconnecting),
    revokeRemoved: () => revokeRemoved(disconnecting),
    sumUpRefusedLeases: (which) => refusedLeases.sumUp(which),
    markUsed: (uses) => context.store.markUsed(uses),
  };
}

/** With the connections that agents and users share. */
function createDisconnecting(
  { databases, vault, revokeLeases }: CredentialPartsOptions,
  context: CredentialContext,
): DisconnectContext {
  return { ...context, revocations: new PostgresUpstreamRevocations(databases.agents, vault), revokeLeases };
}

/** With the connections of administration: an administrator waits for no agent (S34). */
function createConnectionsParts(
  { databases, vault, snapshot, record }: CredentialPartsOptions,
  disconnecting: DisconnectContext,
): ConnectionsParts & { readonly consents: ConnectionConsents } {
  const database = databases.administration;
  const consents = new ConnectionConsents(database);
  return {
    consents,
    disconnecting: {
      ...disconnecting,
      store: new PostgresConnectionStore(database, vault),
      consents,
      revocations: new PostgresUpstreamRevocations(database, vault),
    },
    providers: {
      snapshot,
      providerHealth: new PostgresProviderHealthStore(database),
      connectHealth: new ConnectHealthStore(database),
    },
    registrations: { registrations: new ClientRegistrations({ database, vault: vault.sealer }), record },
  };
}

function createBrowserSession(options: CredentialPartsOptions): BrowserSessionParts {
  const { publicUrl, databases, vault, snapshot, clock } = options;
  const { sealer } = vault;
  const { urls, fetch } = ownAuthorizationServer(options);
  return {
    publicUrl,
    sessions: new BrowserSessions({
      database: databases.agents,
      sealer,
      clock,
      isRevoked: ({ userId, issuedAt }) =>
        snapshot().revocations.isRevoked({ userId, clientId: '', sid: '', issuedAt }),
    }),
    signIn: new SignIn({ authorizationServer: urls, controlPlaneUrl: publicUrl, fetch, sealer, clock }),
  };
}
