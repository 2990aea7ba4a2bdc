import { createAccessTokenVerifier } from '@sallyport/access-token';
import { findStoredSecret, PostgresProviderHealthStore } from '@sallyport/connection-store';
import { configuredTarget } from '@sallyport/connection';
import { describeProviderChange } from '@sallyport/connection/refresh';
import { ClientCredentialsTokens, CloudCredentials, DerivedTokens } from '@sallyport/credential';
import { loadDecryptionKey, loadEnrolledKeys, loadSigningKey } from '@sallyport/keys';
import { MemorySeenNonces } from '@sallyport/lease';
import type { ConnectTickets } from '../connect/connect-tickets.js';
import { ownAuthorizationServer, type CredentialContext, type CredentialPartsOptions } from '../credential-context.js';
import { announceRefresh } from './announce-refresh.js';
import type { LeaseContext } from './answer-lease-request.js';
import { DownstreamSigningKeys } from './downstream-signing-key.js';
import { createExchange } from './exchange-sign-in.js';
import { ForcedRefreshes } from './forced-refreshes.js';
import type { RefusedLeases } from './refused-leases.js';
import { signActorToken } from './sign-actor-token.js';

/** What a lease request is answered with: keys, the verifier of agents' tokens, and where credentials come from. */
export async function createLeaseContext(
  options: CredentialPartsOptions,
  context: CredentialContext,
  { tickets, refusedLeases }: { tickets: ConnectTickets; refusedLeases: RefusedLeases },
): Promise<LeaseContext> {
  const { publicUrl, gatewayUrl, issuer, jwksUrl, snapshot, databases, keys } = options;
  const { vault: sealer, clock } = context;
  const database = databases.agents;
  const [leaseKey, leaseSigning] = await Promise.all([
    loadDecryptionKey(keys.leaseKeyFile),
    loadSigningKey(keys.leaseSigningKeyFile),
  ]);
  const signingKeys = new DownstreamSigningKeys({
    database,
    sealer,
    isWithdrawn: (kid) => snapshot().revocations.isKeyWithdrawn(kid),
    clock,
  });
  return {
    keys: {
      enrolledKeys: loadEnrolledKeys(keys.enrolledGateways),
      leasePrivateKey: leaseKey.privateKey,
      clock,
      seenNonces: new MemorySeenNonces(),
    },
    leaseSigning,
    verifier: createAccessTokenVerifier({
      issuer,
      audience: `${gatewayUrl}/mcp`,
      jwksUrl,
      fetch: ownAuthorizationServer(options).fetch,
      clock,
      revocations: () => snapshot().revocations,
    }),
    snapshot,
    signingKeys,
    issuer,
    controlPlaneUrl: publicUrl,
    tickets,
    clock,
    refusedLeases,
    findSecret: (name) => findStoredSecret(database, sealer, name),
    ...createTokenSources(options, context, signingKeys),
    userConnections: createUserConnections(options, context),
  };
}

type TokenSources = Pick<LeaseContext, 'clientCredentials' | 'derivedTokens' | 'cloudCredentials'>;

/** Credentials that are asked for when they are needed, and stored nowhere. */
function createTokenSources(
  options: CredentialPartsOptions,
  { fetch, clock, record, vault: sealer }: CredentialContext,
  signingKeys: DownstreamSigningKeys,
): TokenSources {
  const { issuer, snapshot } = options;
  const eventOf = (reason: string | null) => ({
    type: reason === null ? ('connection.refreshed' as const) : ('connection.refresh_failed' as const),
    ...(reason === null ? {} : { reason }),
  });
  return {
    clientCredentials: new ClientCredentialsTokens({
      fetch,
      clock,
      onRequest: ({ server, provider, reason, said }) =>
        record({
          ...eventOf(reason),
          server,
          detail: { provider, step: 'client_credentials', ...(said === undefined ? {} : { said }) },
        }),
    }),
    derivedTokens: new DerivedTokens({
      fetch,
      clock,
      exchange: createExchange({ ...options, sealer, clock }),
      actorToken: async (clientId, trustProvider) => {
        const signingKey = await signingKeys.newest();
        const audience = snapshot().get('TrustProvider', trustProvider)?.spec.issuer;
        return signingKey && audience !== undefined
          ? signActorToken({ clientId, audience, issuer, signingKey, now: clock() })
          : undefined;
      },
      onRequest: ({ provider, reason, ...about }) =>
        record({ ...eventOf(reason), ...about, detail: { provider, step: 'exchange' } }),
    }),
    cloudCredentials: new CloudCredentials({
      fetch,
      clock,
      issuer,
      onRequest: ({ provider, reason, ...about }) =>
        record({ ...eventOf(reason), ...about, detail: { provider, step: 'cloud' } }),
    }),
  };
}

/** How a user's connection is found, refreshed on demand and told of. */
function createUserConnections(
  { snapshot, databases, logger }: CredentialPartsOptions,
  context: CredentialContext,
): LeaseContext['userConnections'] {
  const { consents, record, broadcastChanged, clock } = context;
  const forced = new ForcedRefreshes(clock);
  return {
    ...context,
    providerHealth: new PostgresProviderHealthStore(databases.agents),
    onProviderChange: (change) => {
      const { reason, error, description } = change.health;
      const { credentialProvider, issuer } = change;
      logger.warn({ credentialProvider, issuer, reason, error, description }, `credential provider ${change.type}`);
      return record(describeProviderChange(change));
    },
    target: (connection) => configuredTarget(snapshot(), connection),
    hasConsented: (use) => consents.has(use),
    mayForceRefresh: (connectionId) => forced.mayRefresh(connectionId),
    onRefresh: (result) => announceRefresh(result, { record, broadcastChanged }),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  };
}
