import { isConnected, type ConfigurationSnapshot } from '@sallyport/configuration';
import { configuredTarget, type ConnectionStore, type ConnectionSummary } from '@sallyport/credential';
import type { Database } from '@sallyport/database';
import type { UserId } from '@sallyport/kernel';
import { compilePolicies, personalProvidersFor, rolesFor, type AgentAssurance } from '@sallyport/policy';

export interface AccountContext {
  /** The authorization server's tables; they are only read here. */
  readonly database: Pick<Database, 'user' | 'agentSession'>;
  readonly store: Pick<ConnectionStore, 'list'>;
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
}

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

/** What a user has: live agents, connections, and the servers that one of those agents could reach for them and that are not connected. */
export async function readAccount(userId: string, { database, store, snapshot }: AccountContext): Promise<Account> {
  const now = snapshot();
  const [user, rows, connections] = await Promise.all([
    database.user.findUnique({ where: { id: userId } }),
    database.agentSession.findMany({
      where: { userId, endedAt: null },
      orderBy: { lastUsedAt: 'desc' },
      take: MAX_SHOWN,
    }),
    store.list({ userId, limit: MAX_SHOWN }),
  ]);
  const sessions = rows.filter(
    ({ sid, clientId, createdAt }) =>
      !now.revocations.isRevoked({ userId, clientId, sid, issuedAt: Math.floor(createdAt.getTime() / 1000) }),
  );
  const isConnectedBy = (name: string) => {
    const provider = now.get('CredentialProvider', name);
    return provider !== undefined && isConnected(provider.spec);
  };
  const reachable = new Map<string, string>();
  if (user) {
    const roles = rolesFor(now, user);
    for (const { clientId, agentName, assurance } of sessions) {
      const facts = {
        userId: userId as UserId,
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
  }
  const entryOf = (server: string, connection: ConnectionSummary | null): AccountServer => {
    const document = now.get('McpServer', server);
    const credentialProvider =
      reachable.get(server) ?? (connection && configuredTarget(now, connection) ? connection.credentialProvider : null);
    return {
      server,
      title: document?.spec.title ?? server,
      host: document ? new URL(document.spec.url).host : null,
      connection,
      credentialProvider,
    };
  };
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
