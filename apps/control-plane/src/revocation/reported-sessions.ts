import type { Database } from '@sallyport/database';
import type { AuditRecord } from '@sallyport/messages';
import type { ConfigurationPublisher } from '../configuration/configuration-publisher.js';
import type { LifecycleRecorder } from '../events/record-lifecycle.js';
import type { PostgresRevocationStore } from './revocation-store.js';

export interface ReportedSessionsContext {
  /** Names the bus lets only authorization servers publish under (S26). */
  readonly authorizationServers: readonly string[];
  readonly database: Pick<Database, 'agentSession'>;
  readonly store: Pick<PostgresRevocationStore, 'endSession'>;
  readonly publisher: Pick<ConfigurationPublisher, 'flush'>;
  readonly lifecycle: LifecycleRecorder;
}

/**
 * A session that the authorization server ended (a code or refresh token came twice, the agent revoked it) is made void at
 * every gateway as well, instead of living on until its access token expires (S17, S28).
 *
 * Who may cause that: the bus names the sender of a batch, and only names configured as authorization servers count. The
 * event is a hint even then: what is believed is the session's end in PostgreSQL, which the authorization server writes in
 * the transaction that revokes the grant (S8), before it tells anybody. Safe to repeat.
 */
export function createReportedSessions({ authorizationServers, database, store, publisher, lifecycle }: ReportedSessionsContext): (replica: string, records: readonly AuditRecord[]) => Promise<void> {
  const trusted = new Set(authorizationServers);
  return async (replica, records) => {
    if (!trusted.has(replica)) return;
    const reported = new Map(records.flatMap((record) => (record.type === 'token.revoked' && record.sid !== undefined ? [[record.sid, record.reason ?? 'ended by the authorization server'] as const] : [])));
    if (reported.size === 0) return;
    const ended = await database.agentSession.findMany({ where: { sid: { in: [...reported.keys()] }, endedAt: { not: null } }, select: { sid: true, userId: true, clientId: true } });
    for (const { sid, userId, clientId } of ended) {
      const reason = reported.get(sid) ?? '';
      const revocation = await store.endSession(sid, reason);
      if (!revocation) continue;
      publisher.flush().catch(() => undefined); // logged there, and tried again by itself
      await lifecycle({ type: 'revocation.created', sid, userId, clientId, reason, detail: { revocationId: revocation.id, revision: revocation.revision, subject: 'session', block: false } });
    }
  };
}
