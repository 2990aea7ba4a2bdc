import type { Provider, Type } from '@nestjs/common';
import { createAccessTokenVerifier } from '@sallyport/access-token';
import type { ConfigurationSnapshot } from '@sallyport/configuration';
import {
  createClientLookup,
  findStoredSecret,
  PostgresConnectionStore,
  PostgresProviderStandings,
  PostgresUpstreamRevocations,
} from '@sallyport/connection-store';
import {
  ClientCredentialsTokens,
  CloudCredentials,
  configuredTarget,
  DerivedTokens,
  describeProviderChange,
  MemorySeenNonces,
} from '@sallyport/credential';
import type { Database } from '@sallyport/database';
import type { Clock } from '@sallyport/kernel';
import { loadDecryptionKey, loadEnrolledKeys, loadSigningKey } from '@sallyport/keys';
import { subjects, type CredentialChanged } from '@sallyport/messages';
import type { Vault } from '@sallyport/vault';
import type { Admission, Messaging } from '@sallyport/messaging';
import type { CryptoKey } from 'jose';
import { createSafeFetch } from '@sallyport/safe-fetch';
import { ACCOUNT_CONTEXT, AccountController, DISCONNECT_CONTEXT } from '../account/account.controller.js';
import type { AccountContext } from '../account/read-account.js';
import { ClientMetadataController } from '../connect/client-metadata.controller.js';
import { ClientMetadataDocument } from '../connect/client-metadata-document.js';
import { ConnectController } from '../connect/connect.controller.js';
import {
  CONNECT_SHARED,
  ConnectSharedController,
  type ConnectSharedContext,
} from '../connect/connect-shared.controller.js';
import { SharedInvitations } from '../connect/shared-invitations.js';
import { ConnectFlow } from '../connect/connect-flow.js';
import { ConnectionConsents } from '../connect/connection-consents.js';
import { OAuthClientRegistry } from '../connect/oauth-client-registry.js';
import { PendingGrants } from '../connect/pending-grants.js';
import type { LeaseContext } from '../lease/answer-lease-request.js';
import { createExchange } from '../lease/exchange-sign-in.js';
import { announceRefresh, type RecordLifecycle } from '../lease/announce-refresh.js';
import { signActorToken } from '../lease/sign-actor-token.js';
import { DownstreamSigningKeys } from '../lease/downstream-signing-key.js';
import { ForcedRefreshes } from '../lease/forced-refreshes.js';
import { LEASE_ADMISSION, LEASE_CONTEXT, LeaseController } from '../lease/lease.controller.js';
import { BrowserSessions } from '../session/browser-sessions.js';
import { CONTROL_PLANE_URL, SessionController } from '../session/session.controller.js';
import { SignIn } from '../session/sign-in.js';
import { ADMIN_DISCONNECT_CONTEXT, ConnectionsController } from './connections.controller.js';
import {
  CREDENTIAL_PROVIDERS_CONTEXT,
  CredentialProvidersController,
  type CredentialProvidersContext,
} from './credential-providers.controller.js';
import { disconnectAll, type DisconnectContext } from './disconnect.js';
import { revokeRemoved } from './revoke-removed.js';
import { UpstreamRevocationsController } from './upstream-revocations.controller.js';

export interface CredentialPartsOptions {
  readonly publicUrl: string;
  readonly gatewayUrl: string;
  readonly issuer: string;
  readonly jwksUrl: string;
  /** Where this process reaches the token endpoint; `<issuer>/token` unless the authorization server has an inside name. */
  readonly tokenUrl?: string;
  readonly keys: {
    readonly leaseKeyFile: string;
    readonly leaseSigningKeyFile: string;
    /** Directory of `<replica>.pub.jwk`. */ readonly enrolledGateways: string;
  };
  /** PEM contents. */
  readonly extraCertificateAuthorities?: readonly string[];
  /** Apart, so that administrators do not wait for what agents cause. */
  readonly databases: { readonly agents: Database; readonly administration: Database };
  readonly vault: Vault;
  /** Of lease requests. */
  readonly admission: Admission;
  readonly messaging: Pick<Messaging, 'broadcast' | 'client'>;
  /** The configuration key: what is asked of the authorization server is signed with it. */
  readonly signingKey: CryptoKey;
  readonly snapshot: () => ConfigurationSnapshot;
  readonly record: RecordLifecycle;
  /** In force on every gateway when it resolves, or as soon as the bus is back. */
  readonly revokeLeases: (connectionIds: readonly string[]) => Promise<void>;
  readonly clock: Clock;
  readonly random?: () => number;
}

export interface CredentialParts {
  readonly controllers: Type[];
  readonly providers: Provider[];
  /** Both for administrators. */
  readonly consents: ConnectionConsents;
  readonly disconnectAll: (ids: readonly string[], reason: string) => Promise<number>;
  /** One round of asking providers to revoke what was removed here. @returns how many were due. */
  readonly revokeRemoved: () => Promise<number>;
  readonly markUsed: PostgresConnectionStore['markUsed'];
}

/** The credential service for the control plane's module: leases, connect pages, browser sessions, connections. */
export async function createCredentialParts(options: CredentialPartsOptions): Promise<CredentialParts> {
  const {
    publicUrl,
    gatewayUrl,
    issuer,
    jwksUrl,
    tokenUrl = `${issuer}/token`,
    databases: { agents: database, administration },
    vault,
    messaging,
    snapshot,
    record,
    clock,
    random = Math.random,
  } = options;
  const { sealer } = vault;
  const [leaseKey, leaseSigning] = await Promise.all([
    loadDecryptionKey(options.keys.leaseKeyFile),
    loadSigningKey(options.keys.leaseSigningKeyFile),
  ]);
  const guard = {
    userAgent: 'sallyport-control-plane',
    extraCertificateAuthorities: options.extraCertificateAuthorities ?? [],
  };
  const fetch = createSafeFetch({
    ...guard,
    allow: () => snapshot().get('OutboundNetwork', 'default')?.spec.allow ?? [],
  });
  const ownFetch = createSafeFetch({
    ...guard,
    allow: [issuer, jwksUrl, tokenUrl].map((url) => ({ host: new URL(url).hostname, http: url.startsWith('http:') })),
  });

  const store = new PostgresConnectionStore(database, vault);
  const standings = new PostgresProviderStandings(database);
  const consents = new ConnectionConsents(database);
  const broadcastChanged = (changed: CredentialChanged) =>
    messaging.broadcast.publish(subjects.credentialChanged, changed);
  const clientFor = createClientLookup({ database, vault: sealer, snapshot });
  const redirectUri = `${publicUrl}/connect/callback`;
  const shared = { store, vault: sealer, fetch, clock, random, clientFor, consents, record, broadcastChanged };

  const clientDocument = new ClientMetadataDocument({ database, sealer, publicUrl, redirectUri });
  const connecting = {
    ...shared,
    snapshot,
    redirectUri,
    pending: new PendingGrants({ database, sealer, clock }),
    clients: new OAuthClientRegistry({
      database,
      sealer,
      fetch,
      clock,
      redirectUri,
      publicUrl,
      document: clientDocument,
    }),
  };
  const connectFlow = new ConnectFlow(connecting);
  const connectShared: ConnectSharedContext = {
    ...connecting,
    invitations: new SharedInvitations({ database, sealer, clock }),
    inviting: new SharedInvitations({ database: administration, sealer, clock }),
  };
  const forced = new ForcedRefreshes(clock);
  const signingKeys = new DownstreamSigningKeys({
    database,
    sealer,
    isWithdrawn: (kid) => snapshot().revocations.isKeyWithdrawn(kid),
    clock,
  });
  const leaseContext: LeaseContext = {
    keys: {
      enrolledKeys: loadEnrolledKeys(options.keys.enrolledGateways),
      leasePrivateKey: leaseKey.privateKey,
      clock,
      seenNonces: new MemorySeenNonces(),
    },
    leaseSigning,
    verifier: createAccessTokenVerifier({
      issuer,
      audience: `${gatewayUrl}/mcp`,
      jwksUrl,
      fetch: ownFetch,
      clock,
      revocations: () => snapshot().revocations,
    }),
    snapshot,
    signingKeys,
    issuer,
    controlPlaneUrl: publicUrl,
    sealer,
    clock,
    record,
    findSecret: (name) => findStoredSecret(database, sealer, name),
    clientCredentials: new ClientCredentialsTokens({
      fetch,
      clock,
      onRequest: ({ server, provider, reason }) =>
        record({
          type: reason === null ? 'connection.refreshed' : 'connection.refresh_failed',
          server,
          ...(reason === null ? {} : { reason }),
          detail: { provider, step: 'client_credentials' },
        }),
    }),
    derivedTokens: new DerivedTokens({
      fetch,
      clock,
      exchange: createExchange({ ...options, sealer, clock }),
      actorToken: async (clientId, trustProvider) => {
        const [signingKey, audience] = [
          await signingKeys.newest(),
          snapshot().get('TrustProvider', trustProvider)?.spec.issuer,
        ];
        return signingKey && audience !== undefined
          ? signActorToken({ clientId, audience, issuer, signingKey, now: clock() })
          : undefined;
      },
      onRequest: ({ provider, reason, ...about }) =>
        record({
          type: reason === null ? 'connection.refreshed' : 'connection.refresh_failed',
          ...about,
          ...(reason === null ? {} : { reason }),
          detail: { provider, step: 'exchange' },
        }),
    }),
    cloudCredentials: new CloudCredentials({
      fetch,
      clock,
      issuer,
      onRequest: ({ provider, reason, ...about }) =>
        record({
          type: reason === null ? 'connection.refreshed' : 'connection.refresh_failed',
          ...about,
          ...(reason === null ? {} : { reason }),
          detail: { provider, step: 'cloud' },
        }),
    }),
    userConnections: {
      ...shared,
      standings,
      onProviderChange: (change) => record(describeProviderChange(change)),
      target: (connection) => configuredTarget(snapshot(), connection),
      hasConsented: (use) => consents.has(use),
      mayForceRefresh: (connectionId) => forced.mayRefresh(connectionId),
      onRefresh: (result) => announceRefresh(result, { record, broadcastChanged }),
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    },
  };
  const disconnectContext: DisconnectContext = {
    ...shared,
    revocations: new PostgresUpstreamRevocations(database, vault),
    revokeLeases: options.revokeLeases,
  };
  const consentsOfAdministration = new ConnectionConsents(administration);
  const adminDisconnectContext: DisconnectContext = {
    ...disconnectContext,
    store: new PostgresConnectionStore(administration, vault),
    consents: consentsOfAdministration,
    revocations: new PostgresUpstreamRevocations(administration, vault),
  };
  const authorizationServer = { issuer, authorizeUrl: `${issuer}/authorize`, tokenUrl, jwksUrl };

  return {
    controllers: [
      LeaseController,
      ConnectSharedController,
      ConnectController,
      ClientMetadataController,
      SessionController,
      AccountController,
      ConnectionsController,
      UpstreamRevocationsController,
      CredentialProvidersController,
    ],
    consents: consentsOfAdministration,
    disconnectAll: (ids, reason) => disconnectAll(ids, reason, adminDisconnectContext),
    revokeRemoved: () => revokeRemoved(disconnectContext),
    markUsed: (uses) => store.markUsed(uses),
    providers: [
      { provide: LEASE_CONTEXT, useValue: leaseContext },
      { provide: CONTROL_PLANE_URL, useValue: publicUrl },
      { provide: LEASE_ADMISSION, useValue: options.admission },
      { provide: DISCONNECT_CONTEXT, useValue: disconnectContext },
      { provide: ADMIN_DISCONNECT_CONTEXT, useValue: adminDisconnectContext },
      {
        provide: CREDENTIAL_PROVIDERS_CONTEXT,
        useValue: {
          snapshot,
          standings: new PostgresProviderStandings(administration),
        } satisfies CredentialProvidersContext,
      },
      { provide: ConnectFlow, useValue: connectFlow },
      { provide: CONNECT_SHARED, useValue: connectShared },
      { provide: ClientMetadataDocument, useValue: clientDocument },
      { provide: ACCOUNT_CONTEXT, useValue: { database, store, snapshot } satisfies AccountContext },
      {
        provide: BrowserSessions,
        useValue: new BrowserSessions({
          database,
          sealer,
          clock,
          isRevoked: ({ userId, issuedAt }) =>
            snapshot().revocations.isRevoked({ userId, clientId: '', sid: '', issuedAt }),
        }),
      },
      {
        provide: SignIn,
        useValue: new SignIn({ authorizationServer, controlPlaneUrl: publicUrl, fetch: ownFetch, sealer, clock }),
      },
    ],
  };
}
