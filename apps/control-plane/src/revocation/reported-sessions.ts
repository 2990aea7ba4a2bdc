import type { Database } from '@sallyport/database';
import type { AuditRecord } from '@sallyport/messages';
import type { ConfigurationPublisher } from '../configuration/configuration-publisher.js';
import type { RecordEvent } from '@sallyport/trail';
import type { PostgresRevocationStore } from './revocation-store.js';

export interface ReportedSessionsContext {
  /** Names the bus lets only authorization servers publish under (S26). */
  readonly authorizationServers: readonly string[];
  readonly database: Pick<Database, 'agentSession'>;
  readonly store: Pick<PostgresRevocationStore, 'endReportedSession'>;
  readonly publisher: Pick<ConfigurationPublisher, 'flush'>;
  readonly lifecycle: RecordEvent;
  readonly onProblem: (error: unknown) => void;
}

/** Sessions whose end is being recorded, beyond which whoever delivers events waits. */
const MOST_UNDER_WAY = 20_000;

/**
 * A session that the authorization server ended (a code or refresh token came twice, the agent revoked it) is made void
 * at every gateway as well, instead of living on until its access token expires (S17, S28).
 *
 * Who may cause that: the bus names the sender of a batch, and only names configured as authorization servers count.
 * The event is a hint even then: what is believed is the session's end in PostgreSQL, which the authorization server
 * writes in the transaction that revokes the grant (S8), before it tells anybody. Safe to repeat.
 *
 * An agent can end thousands. Their ends are gathered into few change sets, and events do not wait for that: an end
 * that could not be recorded is told again, by the authorization server, until there is a revocation.
 */
export function createReportedSessions({
  authorizationServers,
  database,
  store,
  publisher,
  lifecycle,
  onProblem,
}: ReportedSessionsContext): (replica: string, records: readonly AuditRecord[]) => Promise<void> {
  const trusted = new Set(authorizationServers);
  let underWay = 0;
  return async (replica, records) => {
    if (!trusted.has(replica)) return;
    const reported = new Map(
      records.flatMap((record) =>
        record.type === 'token.revoked' && record.sid !== undefined
          ? [[record.sid, record.reason ?? 'ended by the authorization server'] as const]
          : [],
      ),
    );
    if (reported.size === 0) return;
    const ended = await database.agentSession.findMany({
      where: { sid: { in: [...reported.keys()] }, endedAt: { not: null } },
      select: { sid: true, userId: true, clientId: true },
    });
    underWay += ended.length;
    const recording = Promise.allSettled(ended.map((session) => end(session, reported.get(session.sid) ?? ''))).then(
      (ends) => {
        underWay -= ended.length;
        const failure = ends.find((one) => one.status === 'rejected');
        if (failure) onProblem(failure.reason);
      },
    );
    if (underWay > MOST_UNDER_WAY) await recording;
  };

  async function end(
    { sid, userId, clientId }: { sid: string; userId: string; clientId: string },
    reason: string,
  ): Promise<void> {
    const revocation = await store.endReportedSession(sid, reason);
    if (!revocation) return;
    publisher.flush().catch(() => undefined); // logged there, and tried again by itself
    await lifecycle({
      type: 'revocation.created',
      sid,
      userId,
      clientId,
      reason,
      detail: { revocationId: revocation.id, revision: revocation.revision, subject: 'session', block: false },
    });
  }
}
