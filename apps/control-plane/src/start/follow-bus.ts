import type { AuditRecord } from '@sallyport/messages';
import { subjects } from '@sallyport/messages';
import { serveAll } from '@sallyport/messaging';
import { degraded } from '@sallyport/process';
import type { CredentialParts } from '../credentials/connections/create-credential-parts.js';
import type { EndedMcpSessions } from '../mcp-sessions/ended-mcp-sessions.js';
import { mcpSessionHandlers } from '../mcp-sessions/serve-mcp-sessions.js';
import { createReportedSessions } from '../revocation/reported-sessions.js';
import type { PostgresRevocationStore } from '../revocation/revocation-store.js';
import { consumeEvents } from '../trail/consume-events.js';
import { EventIntake } from '../trail/event-intake.js';
import type { observeIngest } from '../trail/observe-ingest.js';
import type { Foundation } from './foundation.js';
import { openAdmission } from './open-admission.js';
import type { ConfigurationParts } from './open-configuration.js';

/** Serves the requests of gateways: leases, and which MCP sessions ended. */
export async function serveGateways(
  foundation: Foundation,
  credentials: CredentialParts,
  ended: EndedMcpSessions,
): Promise<void> {
  const { messaging, scope } = foundation;
  const admission = openAdmission(foundation, 'ended sessions');
  scope.onClose(
    'requests of gateways',
    await serveAll(messaging, {
      [subjects.lease]: credentials.answerLease,
      ...mcpSessionHandlers({ ended, admission }),
    }),
  );
  scope.readiness(() => degraded(!messaging.connected() && 'the bus is not connected'));
}

/**
 * Stores the events of all services, and acts on what they tell: agent sessions that ended, connections that were used.
 */
export async function keepTrail(
  { config, messaging, logger, clock, scope, databases, enrolled }: Foundation,
  { events, publisher, lifecycle }: ConfigurationParts,
  {
    credentials,
    revocations,
    ingest,
  }: { credentials: CredentialParts; revocations: PostgresRevocationStore; ingest: ReturnType<typeof observeIngest> },
): Promise<void> {
  const notRecorded = 'ends of sessions could not be recorded; the authorization server tells of them again';
  const endReportedSessions = createReportedSessions({
    authorizationServers: config.authorizationServers,
    database: databases.agents,
    store: revocations,
    publisher,
    lifecycle,
    onProblem: (err) => logger.warn({ err }, notRecorded),
  });
  scope.readiness(() => degraded(!ingest.state().isStoring && 'events cannot be stored: they wait where they are'));
  const consume = () =>
    consumeEvents(messaging.events, {
      store: events,
      isGateway: async (name) => (await enrolled.find(name)) !== undefined,
      onRecords: async (told) => {
        for (const { replica, records } of told) await endReportedSessions(replica, records);
        const records = told.flatMap((one) => one.records);
        await credentials.markUsed(usesOf(records, clock()));
      },
      logger,
      onOutcome: ingest.ingested,
    });
  // The bus of one process has no other consumer.
  if (messaging.kind === 'in-process') return scope.onClose('events', await consume());
  const intake = new EventIntake({
    database: databases.core,
    holder: config.replica,
    consume: async () => {
      const end = await consume();
      return async () => {
        await end();
        ingest.rests();
      };
    },
    onError: (err) => logger.warn({ err }, 'it could not be seen whose turn it is to take events'),
  });
  scope.onClose('events', () => intake.stop());
  await intake.start();
}

/** The connections that calls were made with. A gateway may be wrong about the time, but not in the future. */
function usesOf(records: readonly AuditRecord[], now: number): { id: string; usedAt: number }[] {
  return records.flatMap((record) =>
    record.type === 'mcp.call' && record.decision === 'allow' && record.connectionId !== undefined
      ? [{ id: record.connectionId, usedAt: Math.min(record.receivedAt, now) }]
      : [],
  );
}
