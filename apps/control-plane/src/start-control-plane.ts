import { ConfigurationReplica, type ConfigurationSnapshot } from '@sallyport/configuration';
import { findStoredSecret } from '@sallyport/connection-store';
import { isDatabaseOutage } from '@sallyport/database';
import { BytesInFlight, closeNestApp, createNestApp, listen, listenerOf, Unavailable } from '@sallyport/http';
import type { Readiness, RunningService } from '@sallyport/http';
import { systemClock } from '@sallyport/kernel';
import type { Clock, Secret } from '@sallyport/kernel';
import { loadEnrolledKeys, loadSigningKey } from '@sallyport/keys';
import { subjects } from '@sallyport/messages';
import type { AuditRecord } from '@sallyport/messages';
import { Admission } from '@sallyport/messaging';
import type { Messaging } from '@sallyport/messaging';
import { createSafeFetch } from '@sallyport/safe-fetch';
import type { Logger, Metrics } from '@sallyport/telemetry';
import { keepResealing, openVault } from '@sallyport/vault';
import { isAdministration, requireAdminToken } from './admin/require-admin-token.js';
import { EVENT_RETENTION_MS } from './config.js';
import type { ControlPlaneConfig } from './config.js';
import { ConfigurationPublisher } from './configuration/configuration-publisher.js';
import { PostgresDocumentStore } from './configuration/document-store.js';
import { readDeclarativeFile } from './configuration/read-declarative-file.js';
import { SecretFiles } from './configuration/secret-files.js';
import { RevisionLog } from './configuration/revision-log.js';
import { createCredentialParts } from './connections/create-credential-parts.js';
import { ControlPlaneModule } from './control-plane.module.js';
import { openDatabasePools } from './database-pools.js';
import { consumeEvents } from './events/consume-events.js';
import { PostgresEventStore } from './events/event-store.js';
import { forgetOld } from './events/forget-old.js';
import { createLifecycleRecorder } from './events/record-lifecycle.js';
import { EndedMcpSessions } from './mcp-sessions/ended-mcp-sessions.js';
import { unavailablePage } from './pages/unavailable-page.js';
import { createReportedSessions } from './revocation/reported-sessions.js';
import { PostgresRevocationStore } from './revocation/revocation-store.js';
import { Revoker } from './revocation/revoke.js';
import { SigningKeyList } from './signing-keys/signing-key-list.js';
import { sealedColumns } from './vault/sealed-columns.js';
import { deliverWebhooks, type WebhookContext } from './webhooks/deliver-webhooks.js';
import { deliveriesOf, WebhookDeliveries } from './webhooks/webhook-deliveries.js';

export interface ControlPlaneAdapters {
  readonly messaging: Messaging;
  readonly logger: Logger;
  readonly metrics?: Metrics;
  readonly clock?: Clock;
}

const FIRST_CONFIGURATION_TIMEOUT_MS = 15_000;
const FORGET_INTERVAL_MS = 3_600_000;
/** They make room for their users' next ones. */
const FORGET_SESSIONS_INTERVAL_MS = 60_000;
const FORGET_OLD_INTERVAL_MS = 60_000;
const WEBHOOK_INTERVAL_MS = 1_000;
/** Of a body under `/v1/`, and of all of them together. */
const MAX_ADMINISTRATION_BYTES = 1024 * 1024;
const MAX_ADMINISTRATION_IN_FLIGHT = 64 * 1024 * 1024;
/** A lease may wait for a provider, so many may be under way; the database serves as many as its pool has connections. */
const LEASES_AT_ONCE = { running: 256, runningPerAsker: 16, waiting: 2_000 } as const;
/** Each gateway has one of a kind under way. */
const SESSION_REQUESTS_AT_ONCE = { running: 4, runningPerAsker: 4, waiting: 200 } as const;

/**
 * Applies the declarative file, brings the configuration onto the bus and answers: admin API, leases, connect pages.
 * The database must be migrated. Closing leaves `messaging` open: who made it closes it.
 * @throws SallyportError what a wrong file, key or port says, in words for whoever started it.
 */
export async function startControlPlane(
  config: ControlPlaneConfig,
  { messaging, logger, metrics, clock = systemClock }: ControlPlaneAdapters,
): Promise<RunningService> {
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (let next = closers.pop(); next; next = closers.pop()) await next();
  };
  try {
    const signing = await loadSigningKey(config.keys.configurationSigningKeyFile);
    const enrolled = loadEnrolledKeys(config.keys.enrolledGateways);
    const desired =
      config.declarativeFile === null
        ? undefined
        : await readDeclarativeFile(config.declarativeFile, config.secretVariables);

    const databases = openDatabasePools(config.databaseUrl);
    closers.push(() => databases.close());
    const { core, administration, trail, agents } = databases;
    const onProblem = (what: string, err: unknown): void => logger.warn({ err }, what);
    const vault = await openVault(config.keys, { database: administration, clock, onProblem });
    closers.push(() => Promise.resolve(vault.close()));
    const { sealer } = vault;
    const revisions = new RevisionLog(core, signing.privateKey);
    const documents = new PostgresDocumentStore({ database: core, revisions, sealer, clock });
    const webhooks = new WebhookDeliveries(trail);
    // The newest there was, also while it is stale: the trail waits for nothing.
    let known: ConfigurationSnapshot | undefined;
    const events = new PostgresEventStore(trail, (batch) => {
      const deliveries = known ? deliveriesOf(batch, known) : [];
      return deliveries.length > 0 ? [webhooks.addition(deliveries)] : [];
    });
    const lifecycle = createLifecycleRecorder(events, { replica: config.replica, clock });

    const applied = desired ? await documents.apply(desired) : await revisions.write(() => Promise.resolve(undefined));
    if (desired && applied.changed) {
      logger.info(applied, 'configuration changed');
      await lifecycle({ type: 'configuration.changed', detail: { revision: applied.revision, source: 'file' } });
    }

    const publisher = new ConfigurationPublisher({
      log: messaging.configuration,
      connections: () => messaging.connections(),
      revisions,
      documents,
      signingKey: signing.privateKey,
      verifyKey: signing.publicJwk,
      clock,
      logger,
      intervalMs: config.heartbeatIntervalMs,
    });
    const replica = new ConfigurationReplica({
      log: messaging.configuration,
      verifyKey: signing.publicJwk,
      clock,
      stalenessBoundMs: config.stalenessBoundMs,
      onProblem: (problem) =>
        logger.warn(
          { problem: problem.type, ...('error' in problem ? { err: problem.error } : problem) },
          'configuration log',
        ),
    });
    replica.onChange((snapshot) => (known = snapshot));
    closers.push(() => publisher.stop());
    await publisher.start();
    closers.push(() => replica.stop());
    await replica.start();
    await publisher.flush();
    await replica.whenReady(FIRST_CONFIGURATION_TIMEOUT_MS);

    const revocations = new PostgresRevocationStore({ database: core, revisions, clock });
    const forgetting = setInterval(() => {
      revocations
        .forgetExpired()
        .catch((error: unknown) => logger.warn({ err: error }, 'expired revocations could not be removed'));
    }, FORGET_INTERVAL_MS).unref();
    closers.push(() => Promise.resolve(clearInterval(forgetting)));
    const endedMcpSessions = new EndedMcpSessions({
      database: agents,
      clock,
      broadcast: (ended) => messaging.broadcast.publish(subjects.mcpSessionsEnded, ended),
      onProblem: (err) => logger.warn({ err }, 'gateways could not be told of ended sessions; they will ask'),
    });
    const forgettingSessions = setInterval(() => {
      endedMcpSessions
        .forgetExpired()
        .catch((error: unknown) => logger.warn({ err: error }, 'expired ends of sessions could not be removed'));
    }, FORGET_SESSIONS_INTERVAL_MS).unref();
    closers.push(() => Promise.resolve(clearInterval(forgettingSessions)));
    const admitting = (what: string, limits: typeof LEASES_AT_ONCE | typeof SESSION_REQUESTS_AT_ONCE): Admission => {
      const admission = new Admission({
        ...limits,
        clock,
        random: Math.random,
        onShedding: ({ shedding, ...counts }) =>
          shedding
            ? logger.warn({ what }, 'too many requests at once: some are turned away')
            : logger.info({ what, ...counts }, 'no more requests are turned away'),
      });
      closers.push(() => Promise.resolve(admission.stop()));
      return admission;
    };
    const forget = () =>
      forgetOld({ database: trail, clock, retentionMs: config.eventRetentionMs ?? EVENT_RETENTION_MS });
    closers.push(
      repeatWhileDue(forget, config.forgettingIntervalMs ?? FORGET_OLD_INTERVAL_MS, (err) =>
        logger.warn({ err }, 'old events could not be removed'),
      ),
    );
    const revokeLeases = async (connectionIds: readonly string[]): Promise<void> => {
      await revocations.revokeConnections(connectionIds);
      await publisher
        .flush()
        .catch((err: unknown) =>
          logger.warn(
            { err, connections: connectionIds.length },
            'the end of connections is recorded and follows when the bus is back',
          ),
        );
    };
    if (config.declarativeFile !== null && desired) {
      const files = new SecretFiles(config.declarativeFile, desired);
      const renew = async (secrets: ReadonlyMap<string, Secret>): Promise<void> => {
        const renewed = await documents.renew(secrets);
        if (!renewed.changed) return;
        logger.info(renewed, 'secrets changed');
        await lifecycle({
          type: 'configuration.changed',
          detail: { revision: renewed.revision, source: 'secret files' },
        });
        await publisher.flush();
      };
      const look = () => files.follow(renew).then(() => 0);
      closers.push(
        repeatWhileDue(look, config.secretFilesIntervalMs ?? 10_000, (err) =>
          logger.warn({ err }, 'secrets that changed could not be stored yet'),
        ),
      );
    }
    const list = new SigningKeyList({
      database: administration,
      isWithdrawn: (kid) => replica.snapshot().revocations.isKeyWithdrawn(kid),
      clock,
    });
    const signingKeys = {
      messaging,
      signingKey: signing.privateKey,
      list,
      store: revocations,
      publisher,
      lifecycle,
      clock,
    };
    const credentials = await createCredentialParts({
      ...config,
      databases,
      vault,
      admission: admitting('leases', LEASES_AT_ONCE),
      messaging,
      signingKey: signing.privateKey,
      snapshot: () => replica.snapshot(),
      record: lifecycle,
      revokeLeases,
      clock,
    });
    const revoker = new Revoker({
      database: core,
      store: revocations,
      publisher,
      lifecycle,
      revocations: () => replica.snapshot().revocations,
      consents: credentials.consents,
      disconnectAll: credentials.disconnectAll,
    });
    closers.push(
      repeatWhileDue(credentials.revokeRemoved, config.revocationIntervalMs ?? 5_000, (err) =>
        logger.warn({ err }, 'removed connections could not be revoked upstream'),
      ),
    );
    const webhookFetch = createSafeFetch({
      userAgent: 'sallyport-webhooks',
      allow: () => replica.snapshot().get('OutboundNetwork', 'default')?.spec.allow ?? [],
      extraCertificateAuthorities: config.extraCertificateAuthorities,
    });
    const webhookContext: WebhookContext = {
      deliveries: webhooks,
      snapshot: () => replica.snapshot(),
      findSecret: (name) => findStoredSecret(trail, sealer, name),
      fetch: webhookFetch,
      clock,
      random: Math.random,
      onProblem: (problem) => logger.warn(problem, 'a webhook was not taken'),
    };
    closers.push(
      repeatWhileDue(
        () => deliverWebhooks(webhookContext),
        WEBHOOK_INTERVAL_MS,
        (err) => logger.warn({ err }, 'webhooks could not be delivered'),
      ),
    );
    const ofAdministrators = {
      maxBytes: MAX_ADMINISTRATION_BYTES,
      owner: 'administrators',
      bytes: new BytesInFlight({ perOwner: MAX_ADMINISTRATION_IN_FLIGHT, total: 2 * MAX_ADMINISTRATION_IN_FLIGHT }),
    };
    const app = await createNestApp(
      ControlPlaneModule.of({
        documents,
        publisher,
        revocations,
        revoker,
        signingKeys,
        credentials,
        events: new PostgresEventStore(administration),
        mcpSessions: { ended: endedMcpSessions, admission: admitting('ended sessions', SESSION_REQUESTS_AT_ONCE) },
        agentSessions: { database: administration, revocations: () => replica.snapshot().revocations },
        agentRegistrations: {
          messaging,
          signingKey: signing.privateKey,
          database: administration,
          revoker,
          lifecycle,
          clock,
        },
        vault: { vault, database: administration, lifecycle, clock },
      }),
      {
        unavailable: new Unavailable({ isStoreOutage: isDatabaseOutage, page: unavailablePage, logger, clock }),
        logger,
        metrics,
        clock,
        publicUrl: config.publicUrl,
        trustedProxies: config.trustedProxies,
        headers: 'pages',
        limits: { maxConnections: config.maxConnections },
        // Only with the administrator's token does anybody come as far as a body here.
        bodies: ({ routeOptions }) => (isAdministration(routeOptions.url) ? ofAdministrators : undefined),
      },
    );
    closers.push(() => closeNestApp(app));
    const resealing = keepResealing({
      vault,
      database: administration,
      columns: sealedColumns,
      onProblem,
      onProgress: (table, resealed) => logger.info({ table, resealed }, 'sealed anew with the current vault key'),
    });
    closers.push(() => resealing.stop());
    requireAdminToken(app.getHttpAdapter().getInstance(), config.adminToken);
    app.connectMicroservice(messaging.server('control-plane'));
    await app.startAllMicroservices();
    const endReportedSessions = createReportedSessions({
      authorizationServers: config.authorizationServers,
      database: agents,
      store: revocations,
      publisher,
      lifecycle,
      onProblem: (err) =>
        logger.warn({ err }, 'ends of sessions could not be recorded; the authorization server tells of them again'),
    });
    closers.push(
      await consumeEvents(messaging.events, {
        store: events,
        isGateway: async (name) => (await enrolled.find(name)) !== undefined,
        onRecords: async (name, records) => {
          await endReportedSessions(name, records);
          await credentials.markUsed(usesOf(records, clock()));
        },
        logger,
      }),
    );
    const url = await listen(app, { port: config.port, host: config.host });

    return {
      name: 'control-plane',
      urls: { admin: url },
      readiness: () => readinessOf({ messaging, publisher, replica, worries: listenerOf(app).watch.worries() }),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The connections that calls were made with. A gateway may be wrong about the time, but not in the future. */
function usesOf(records: readonly AuditRecord[], now: number): { id: string; usedAt: number }[] {
  return records.flatMap((record) =>
    record.type === 'mcp.call' && record.decision === 'allow' && record.connectionId !== undefined
      ? [{ id: record.connectionId, usedAt: Math.min(record.receivedAt, now) }]
      : [],
  );
}

/** Rounds of work that is found in the database: one after the other while there is some, and a look now and then. @returns what ends it, after the round under way. */
function repeatWhileDue(
  round: () => Promise<number>,
  intervalMs: number,
  onError: (error: unknown) => void,
): () => Promise<void> {
  let stopped = false;
  let running = Promise.resolve();
  const work = async (): Promise<void> => {
    while (!stopped && (await round()) > 0);
  };
  let busy = false;
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    running = work()
      .catch(onError)
      .finally(() => (busy = false));
  }, intervalMs).unref();
  return async () => {
    stopped = true;
    clearInterval(timer);
    await running;
  };
}

/** Milliseconds without a heartbeat that are worth a word. */
const LATE_MS = 5_000;

function readinessOf({
  messaging,
  publisher,
  replica,
  worries,
}: {
  messaging: Messaging;
  publisher: ConfigurationPublisher;
  replica: ConfigurationReplica;
  worries: readonly string[];
}): Readiness {
  const { ready, stale, staleForMs } = replica.state();
  if (!ready) return { status: 'not-ready', reasons: ['the configuration has not arrived'] };
  if (stale) return { status: 'not-ready', reasons: ['the configuration is stale'] };
  const reasons = [
    ...worries,
    ...(messaging.connected() ? [] : ['the bus is not connected']),
    ...(publisher.failing ? ['the configuration cannot be published'] : []),
    ...(staleForMs > LATE_MS ? [`no heartbeat for ${Math.round(staleForMs / 1000)} s`] : []),
  ];
  return { status: reasons.length > 0 ? 'degraded' : 'ready', reasons };
}
