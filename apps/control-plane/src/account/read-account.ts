import { isConnected, type ConfigurationSnapshot } from '@sallyport/configuration';
import { configuredTarget, type ConnectionStore, type ConnectionSummary } from '@sallyport/connection';
import type { ProviderHealthStore } from '@sallyport/connection/refresh';
import type { Database } from '@sallyport/database';
import type { UserId } from '@sallyport/kernel';
import type { ProviderFailureReason } from '@sallyport/oauth';
import { compilePolicies, personalProvidersFor, rolesFor, type AgentAssurance } from '@sallyport/policy';
import { titleOfServer } from '@sallyport/server';

export interface AccountContext {
  /** The authorization server's tables; they are only read here. */
  readonly database: Pick<Database, 'user' | 'agentSession'>;
  readonly store: Pick<ConnectionStore, 'list'>;
  readonly providerHealth: Pick<ProviderHealthStore, 'list'>;
  readonly snapshot: () => ConfigurationSnapshot;
}

/** A server of a user's: connected, to be connected again, or to be connected for the first time. */
export interface AccountServer {
  readonly server: string;
  readonly title: string;
  readonly host: string | null;
  readonly connection: ConnectionSummary | null;
  /** The provider it can be connected with now; `null`: nobody offers it any more. */
  readonly credentialProvider: string | null;
  /** Its provider is asked for nobody. */
  readonly pause: ProviderPause | null;
}

export interface ProviderPause {
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly reason: ProviderFailureReason;
}

/** Time does not mend it. */
export const isForAdministrators = (reason: ProviderFailureReason): boolean =>
  reason === 'client_refused' ||
  reason === 'address_refused' ||
  reason === 'malformed_answer' ||
  reason === 'request_refused';

export interface AccountAgent {
  readonly sid: string;
  readonly clientId: string;
  readonly agentName: string;
  readonly redirectHost: string | null;
  readonly createdAt: Date;
  readonly lastUsedAt: Date;
}

export interface Account {
  readonly servers: readonly AccountServer[];
  readonly agents: readonly AccountAgent[];
}

const MAX_SHOWN = 200;

/**
 * Reads what a user has: live agents, connections, and the servers that one of those agents could reach for them and
 * that are not connected yet.
 */
export async function readAccount(
  userId: string,
  { database, store, providerHealth, snapshot }: AccountContext,
): Promise<Account> {
  const now = snapshot();
  const [user, rows, connections, { providers: failing }] = await Promise.all([
    database.user.findUnique({ where: { id: userId } }),
    database.agentSession.findMany({
      where: { userId, endedAt: null },
      orderBy: { lastUsedAt: 'desc' },
      take: MAX_SHOWN,
    }),
    store.list({ userId, limit: MAX_SHOWN }),
    providerHealth.list(),
  ]);
  const sessions = rows.filter(
    ({ sid, clientId, createdAt }) =>
      !now.revocations.isRevoked({ userId, clientId, sid, issuedAt: Math.floor(createdAt.getTime() / 1000) }),
  );
  const reachable = user ? reachableServers(now, user, sessions) : new Map<string, string>();
  const entryOf = (server: string, connection: ConnectionSummary | null) =>
    describeServer(server, { now, connection, provider: reachable.get(server), failing });
  const connected = new Set(connections.map(({ server }) => server));
  const servers = [
    ...connections.map((connection) => entryOf(connection.server, connection)),
    ...[...reachable.keys()].filter((server) => !connected.has(server)).map((server) => entryOf(server, null)),
  ];
  return {
    servers: servers.toSorted((a, b) => (a.title < b.title ? -1 : 1)),
    agents: sessions.map(({ sid, clientId, agentName, redirectHost, createdAt, lastUsedAt }) => ({
      sid,
      clientId,
      agentName,
      redirectHost,
      createdAt,
      lastUsedAt,
    })),
  };
}

type UserRow = NonNullable<Awaited<ReturnType<AccountContext['database']['user']['findUnique']>>>;
type SessionRow = Awaited<ReturnType<AccountContext['database']['agentSession']['findMany']>>[number];

/** By server, the credential provider with which one of these agents reaches it, where users connect an account. */
function reachableServers(
  now: ConfigurationSnapshot,
  user: UserRow,
  sessions: readonly SessionRow[],
): ReadonlyMap<string, string> {
  const isConnectedBy = (name: string) => {
    const provider = now.get('CredentialProvider', name);
    return provider !== undefined && isConnected(provider.spec);
  };
  const reachable = new Map<string, string>();
  const roles = rolesFor(now, user);
  for (const { clientId, agentName, assurance } of sessions) {
    const facts = {
      userId: user.id as UserId,
      trustProvider: user.trustProvider,
      subject: user.subject,
      groups: user.groups,
      roles,
      clientId,
      agentName,
      agentAssurance: assurance as AgentAssurance,
      isKeyBound: false,
      authTime: 0,
      acr: undefined,
      amr: [],
    };
    for (const [server, provider] of personalProvidersFor(compilePolicies(now), facts))
      if (!reachable.has(server) && isConnectedBy(provider)) reachable.set(server, provider);
  }
  return reachable;
}

interface Known {
  readonly now: ConfigurationSnapshot;
  readonly connection: ConnectionSummary | null;
  /** With which the user reaches the server, if one of their agents may. */
  readonly provider: string | undefined;
  readonly failing: Awaited<ReturnType<AccountContext['providerHealth']['list']>>['providers'];
}

function describeServer(server: string, { now, connection, provider, failing }: Known): AccountServer {
  const document = now.get('McpServer', server);
  const health =
    connection &&
    failing.find(
      (known) => known.credentialProvider === connection.credentialProvider && known.issuer === connection.issuer,
    );
  return {
    server,
    title: titleOfServer(now, server),
    host: document ? new URL(document.spec.url).host : null,
    connection,
    credentialProvider:
      provider ?? (connection && configuredTarget(now, connection) ? connection.credentialProvider : null),
    pause: health && health.pausedSince !== null ? { since: health.pausedSince, reason: health.reason } : null,
  };
}
