import { measureConnections } from '@sallyport/connection-store';
import { listenNestApp } from '@sallyport/http/nest';
import { subjects } from '@sallyport/messages';
import { startService, whileDue, type RunningService } from '@sallyport/process';
import { createResealing, VAULT_LOOK_MS } from '@sallyport/vault';
import { measurePins } from './approvals/measure-pins.js';
import { EVENT_RETENTION_MS, type ControlPlaneConfig } from './config.js';
import { reportWarnings } from './configuration/report-warnings.js';
import type { CredentialParts } from './credentials/connections/create-credential-parts.js';
import { EndedMcpSessions } from './mcp-sessions/ended-mcp-sessions.js';
import { PostgresRevocationStore } from './revocation/revocation-store.js';
import { Revoker } from './revocation/revoke.js';
import { keepTrail, serveGateways } from './start/follow-bus.js';
import { followReplicas, reportControlPlane } from './start/follow-replicas.js';
import { layFoundation, type ControlPlaneAdapters, type Foundation } from './start/foundation.js';
import { openApp } from './start/open-app.js';
import { followSecretFiles, openConfiguration, type ConfigurationParts } from './start/open-configuration.js';
import { openCredentials } from './start/open-credentials.js';
import { sealTrail } from './start/seal-trail.js';
import { serveLogStreams } from './start/serve-log-streams.js';
import { forgetCounts } from './trail/calls/forget-counts.js';
import { makeMonths } from './trail/event-months.js';
import { forgetOld } from './trail/forget-old.js';
import { observeIngest } from './trail/observe-ingest.js';
import { sealedColumns } from './vault/sealed-columns.js';

export type { ControlPlaneAdapters } from './start/foundation.js';

const FORGET_REVOCATIONS_MS = 3_600_000;
/** Sessions make room for their users' next ones. */
const FORGET_SESSIONS_MS = 60_000;
const FORGET_EVENTS_MS = 60_000;
const FORGET_COUNTS_MS = 3_600_000;
const MAKE_MONTHS_MS = 3_600_000;

/**
 * Applies the declarative file, brings the configuration onto the bus and answers: admin API, leases, connect pages.
 * The database must be migrated. Closing leaves `messaging` open: who made it closes it.
 * @throws SallyportError what a wrong file, key or port says, in words for whoever started it.
 */
export function startControlPlane(config: ControlPlaneConfig, adapters: ControlPlaneAdapters): Promise<RunningService> {
  return startService('control-plane', adapters, async (scope) => {
    const foundation = await layFoundation(config, adapters, scope);
    const { databases, clock, logger, metrics } = foundation;

    const configuration = await openConfiguration(foundation);
    const { revisions, snapshot } = configuration;
    const revocations = new PostgresRevocationStore({ database: databases.core, revisions, clock });
    const endedSessions = createEndedSessions(foundation);
    await keepMonths(foundation);
    forgetWhatIsOver(foundation, revocations, endedSessions);
    followSecretFiles(foundation, configuration);
    const credentials = await openCredentials(foundation, configuration, revocations);
    const revoker = createRevoker(foundation, configuration, { credentials, revocations });
    const logStreams = await serveLogStreams(foundation, configuration);
    const replicas = await followReplicas(foundation);
    const ingest = observeIngest(metrics, clock);
    if (metrics !== undefined) {
      measureConnections(metrics, databases.administration);
      measurePins(metrics, snapshot);
    }
    const audit = sealTrail(foundation, configuration);
    const app = await openApp(foundation, {
      configuration,
      revocations,
      revoker,
      credentials,
      replicas,
      ingest,
      audit,
      logStreams,
    });
    reseal(foundation);
    await serveGateways(foundation, credentials, endedSessions);
    await keepTrail(foundation, configuration, { credentials, revocations, ingest });
    const url = await listenNestApp(app, { port: config.port, host: config.host });
    reportControlPlane(foundation, configuration);
    void reportWarnings([...snapshot().documents.values()], logStreams.fetch.refuse, logger);
    return { admin: url };
  });
}

function createEndedSessions({ messaging, databases, clock, logger }: Foundation): EndedMcpSessions {
  return new EndedMcpSessions({
    database: databases.agents,
    clock,
    broadcast: (ended) => messaging.broadcast.publish(subjects.mcpSessionsEnded, ended),
    onProblem: (err) => logger.warn({ err }, 'gateways could not be told of ended sessions; they will ask'),
  });
}

/** Events of a month that could not be made are stored all the same, and move into it. */
async function keepMonths({ databases, clock, logger, scope }: Foundation): Promise<void> {
  const make = () => makeMonths({ statements: databases.events, clock });
  const failure = 'months of events could not be made ahead';
  await make().catch((err: unknown) => logger.error({ err }, failure));
  scope.every(MAKE_MONTHS_MS, make, failure);
}

function forgetWhatIsOver(
  { config, databases, clock, scope, logger }: Foundation,
  revocations: PostgresRevocationStore,
  endedSessions: EndedMcpSessions,
): void {
  const retentionMs = config.eventRetentionMs ?? EVENT_RETENTION_MS;
  const { trail: database, events: statements } = databases;
  const forgetEvents = whileDue(() => forgetOld({ database, statements, clock, logger, retentionMs }));
  scope.every(FORGET_REVOCATIONS_MS, () => revocations.forgetExpired(), 'expired revocations could not be removed');
  scope.every(FORGET_SESSIONS_MS, () => endedSessions.forgetExpired(), 'expired ends of sessions could not be removed');
  scope.every(config.forgettingIntervalMs ?? FORGET_EVENTS_MS, forgetEvents, 'old events could not be removed');
  const forgetOldCounts = whileDue(() => forgetCounts(database, clock));
  scope.every(FORGET_COUNTS_MS, forgetOldCounts, 'old counts of calls could not be removed');
}

function createRevoker(
  { databases }: Foundation,
  { publisher, lifecycle, snapshot }: ConfigurationParts,
  { credentials, revocations }: { credentials: CredentialParts; revocations: PostgresRevocationStore },
): Revoker {
  return new Revoker({
    database: databases.core,
    store: revocations,
    publisher,
    lifecycle,
    revocations: () => snapshot().revocations,
    snapshot,
    consents: credentials.consents,
    disconnectAll: credentials.disconnectAll,
  });
}

/** After a rotation of the vault's keys, the records that this process writes are sealed anew. */
function reseal({ databases, vault, logger, onProblem, scope }: Foundation): void {
  const reseal = createResealing({
    vault,
    database: databases.administration,
    columns: sealedColumns,
    onProblem,
    onProgress: (table, resealed) => logger.info({ table, resealed }, 'sealed anew with the current vault key'),
  });
  scope.every(VAULT_LOOK_MS, reseal, 'records could not be sealed with the current vault key');
}
