import type { RevocationIndex } from '@sallyport/configuration';
import type { Database } from '@sallyport/database';

export interface ConnectionsToEndContext {
  readonly database: Pick<Database, 'connection' | 'connectionConsent' | 'agentSession'>;
  readonly revocations: () => Pick<RevocationIndex, 'isRevoked'>;
}

const BATCH = 500;

/**
 * The connections that go with a revoked user, all of them; or with a revoked agent, of one user or of everybody: those
 * that it may use and no other live agent of their user does (R82). `all`: others may use them too.
 */
export async function connectionsToEnd(
  { userId, clientId }: { userId: string | undefined; clientId: string | undefined },
  which: 'unused' | 'all',
  context: ConnectionsToEndContext,
): Promise<string[]> {
  const { database } = context;
  if (clientId === undefined)
    return (await database.connection.findMany({ where: { userId: userId ?? '' }, select: { id: true } })).map(
      ({ id }) => id,
    );
  const uses = await database.connectionConsent.findMany({
    where: { clientId, ...(userId !== undefined && { userId }) },
    select: { userId: true, server: true },
    orderBy: { userId: 'asc' },
  });
  const ids: string[] = [];
  for (let from = 0; from < uses.length; from += BATCH)
    ids.push(...(await ofBatch(uses.slice(from, from + BATCH), clientId, which, context)));
  return ids;
}

async function ofBatch(
  uses: readonly { userId: string; server: string }[],
  clientId: string,
  which: 'unused' | 'all',
  { database, revocations }: ConnectionsToEndContext,
): Promise<string[]> {
  const users = [...new Set(uses.map(({ userId }) => userId))];
  const used = new Set(uses.map(keyOf));
  const connections = (
    await database.connection.findMany({
      where: { userId: { in: users } },
      select: { id: true, userId: true, server: true },
    })
  ).flatMap(({ userId, ...rest }) =>
    userId !== null && used.has(keyOf({ userId, ...rest })) ? [{ userId, ...rest }] : [],
  );
  if (which === 'all') return connections.map(({ id }) => id);
  const [consents, sessions] = await Promise.all([
    database.connectionConsent.findMany({
      where: { userId: { in: users }, clientId: { not: clientId } },
      select: { userId: true, clientId: true, server: true },
    }),
    database.agentSession.findMany({
      where: { userId: { in: users }, clientId: { not: clientId }, endedAt: null },
      select: { sid: true, userId: true, clientId: true, createdAt: true },
    }),
  ]);
  const index = revocations();
  const live = new Set(
    sessions
      .filter(
        ({ createdAt, ...session }) =>
          !index.isRevoked({ ...session, issuedAt: Math.floor(createdAt.getTime() / 1000) }),
      )
      .map((session) => `${session.userId} ${session.clientId}`),
  );
  const needed = new Set(consents.filter((consent) => live.has(`${consent.userId} ${consent.clientId}`)).map(keyOf));
  return connections.filter((connection) => !needed.has(keyOf(connection))).map(({ id }) => id);
}

const keyOf = ({ userId, server }: { userId: string; server: string }) => `${userId} ${server}`;
