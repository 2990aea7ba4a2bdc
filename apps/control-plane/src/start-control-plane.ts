import { ConfigurationReplica, type ConfigurationSnapshot } from '@sallyport/configuration';
import { findStoredSecret } from '@sallyport/connection-store';
import { connectDatabase } from '@sallyport/database';
import { BytesInFlight, closeNestApp, createNestApp, listen, listenerOf } from '@sallyport/http';
import type { Readiness, RunningService } from '@sallyport/http';
import { systemClock } from '@sallyport/kernel';
import type { Clock, Secret } from '@sallyport/kernel';
import { loadEnrolledKeys, loadSigningKey } from '@sallyport/keys';
import type { AuditRecord } from '@sallyport/messages';
import type { Messaging } from '@sallyport/messaging';
import { createSafeFetch } from '@sallyport/safe-fetch';
import type { Logger, Metrics } from '@sallyport/telemetry';
import { keepResealing, openVault } from '@sallyport/vault';
import { isAdministration, requireAdminToken } from './admin/require-admin-token.js';
import type { ControlPlaneConfig } from './config.js';
import { ConfigurationPublisher } from './configuration/configuration-publisher.js';
import { PostgresDocumentStore } from './configuration/document-store.js';
import { readDeclarativeFile } from './configuration/read-declarative-file.js';
import { SecretFiles } from './configuration/secret-files.js';
import { RevisionLog } from './configuration/revision-log.js';
import { createCredentialParts } from './connections/create-credential-parts.js';
import { ControlPlaneModule } from './control-plane.module.js';
import { consumeEvents } from './events/consume-events.js';
import { PostgresEventStore } from './events/event-store.js';
import { createLifecycleRecorder } from './events/record-lifecycle.js';
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
const WEBHOOK_INTERVAL_MS = 1_000;
/** Of a body under `/v1/`, and of all of them together. */
const MAX_ADMINISTRATION_BYTES = 1024 * 1024;
const MAX_ADMINISTRATION_IN_FLIGHT = 64 * 1024 * 1024;

/**
 * Applies the declarative file, brings the configuration onto the bus and answers: admin API, leases, connect pages.
 * The database must be migrated. Closing leaves `messaging` open: who made it closes it.
 * @throws SallyportError what a wrong file, key or port says, in words for whoever started it.
 */
export async function startControlPlane(config: ControlPlaneConfig, { messaging, logger, metrics, clock = systemClock }: ControlPlaneAdapters): Promise<RunningService> {
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (let next = closers.pop(); next; next = closers.pop()) await next();
  };
  try {
    const signing = await loadSigningKey(config.keys.configurationSigningKeyFile);
    const enrolled = loadEnrolledKeys(config.keys.enrolledGateways);
    const desired = config.declarativeFile === null ? undefined : await readDeclarativeFile(config.declarativeFile, config.secretVariables);

    const database = connectDatabase(config.databaseUrl.reveal());
    closers.push(() => database.$disconnect());
    const onProblem = (what: string, err: unknown): void => logger.warn({ err }, what);
    const vault = await openVault(config.keys, { database, clock, onProblem });
    closers.push(() => Promise.resolve(vault.close()));
    const { sealer } = vault;
    const revisions = new RevisionLog(database, signing.privateKey);
    const documents = new PostgresDocumentStore({ database, revisions, sealer, clock });
    const webhooks = new WebhookDeliveries(database);
    // The newest there was, also while it is stale: the trail waits for nothing.
    let known: ConfigurationSnapshot | undefined;
    const events = new PostgresEventStore(database, (batch) => {
      const deliveries = known ? deliveriesOf(batch, known) : [];
      return deliveries.length > 0 ? [webhooks.addition(deliveries)] : [];
    });
    const lifecycle = createLifecycleRecorder(events, { replica: config.replica, clock });

    const applied = desired ? await documents.apply(desired) : await revisions.write(() => Promise.resolve(undefined));
    if (desired && applied.changed) {
      logger.info(applied, 'configuration changed');
      await lifecycle({ type: 'configuration.changed', detail: { revision: applied.revision, source: 'file' } });
    }

    const publisher = new ConfigurationPublisher({ log: messaging.configuration, connections: () => messaging.connections(), revisions, documents, signingKey: signing.privateKey, verifyKey: signing.publicJwk, clock, logger, intervalMs: config.heartbeatIntervalMs });
    const replica = new ConfigurationReplica({
      log: messaging.configuration,
      verifyKey: signing.publicJwk,
      clock,
      stalenessBoundMs: config.stalenessBoundMs,
      onProblem: (problem) => logger.warn({ problem: problem.type, ...('error' in problem ? { err: problem.error } : problem) }, 'configuration log'),
    });
    replica.onChange((snapshot) => (known = snapshot));
    closers.push(() => publisher.stop());
    await publisher.start();
    closers.push(() => replica.stop());
    await replica.start();
    await publisher.flush();
    await replica.whenReady(FIRST_CONFIGURATION_TIMEOUT_MS);

    const revocations = new PostgresRevocationStore({ database, revisions, clock });
    const forgetting = setInterval(() => {
      revocations.forgetExpired().catch((error: unknown) => logger.warn({ err: error }, 'expired revocations could not be removed'));
    }, FORGET_INTERVAL_MS).unref();
    closers.push(() => Promise.resolve(clearInterval(forgetting)));
    const revokeLeases = async (connectionIds: readonly string[]): Promise<void> => {
      await revocations.revokeConnections(connectionIds);
      await publisher.flush().catch((err: unknown) => logger.warn({ err, connections: connectionIds.length }, 'the end of connections is recorded and follows when the bus is back'));
    };
    if (config.declarativeFile !== null && desired) {
      const files = new SecretFiles(config.declarativeFile, desired);
      const renew = async (secrets: ReadonlyMap<string, Secret>): Promise<void> => {
        const renewed = await documents.renew(secrets);
        if (!renewed.changed) return;
        logger.info(renewed, 'secrets changed');
        await lifecycle({ type: 'configuration.changed', detail: { revision: renewed.revision, source: 'secret files' } });
        await publisher.flush();
      };
      const look = () => files.follow(renew).then(() => 0);
      closers.push(repeatWhileDue(look, config.secretFilesIntervalMs ?? 10_000, (err) => logger.warn({ err }, 'secrets that changed could not be stored yet')));
    }
    const list = new SigningKeyList({ database, isWithdrawn: (kid) => replica.snapshot().revocations.isKeyWithdrawn(kid), clock });
    const signingKeys = { messaging, signingKey: signing.privateKey, list, store: revocations, publisher, lifecycle, clock };
    const credentials = await createCredentialParts({ ...config, database, vault, messaging, signingKey: signing.privateKey, snapshot: () => replica.snapshot(), record: lifecycle, revokeLeases, clock });
    const revoker = new Revoker({ database, store: revocations, publisher, lifecycle, revocations: () => replica.snapshot().revocations, consents: credentials.consents, disconnectAll: credentials.disconnectAll });
    closers.push(repeatWhileDue(credentials.revokeRemoved, config.revocationIntervalMs ?? 5_000, (err) => logger.warn({ err }, 'removed connections could not be revoked upstream')));
    const webhookFetch = createSafeFetch({ userAgent: 'sallyport-webhooks', allow: () => replica.snapshot().get('OutboundNetwork', 'default')?.spec.allow ?? [], extraCertificateAuthorities: config.extraCertificateAuthorities });
    const webhookContext: WebhookContext = {
      deliveries: webhooks, snapshot: () => replica.snapshot(), findSecret: (name) => findStoredSecret(database, sealer, name), fetch: webhookFetch, clock, random: Math.random,
      onProblem: (problem) => logger.warn(problem, 'a webhook was not taken'),
    };
    closers.push(repeatWhileDue(() => deliverWebhooks(webhookContext), WEBHOOK_INTERVAL_MS, (err) => logger.warn({ err }, 'webhooks could not be delivered')));
    const administration = { maxBytes: MAX_ADMINISTRATION_BYTES, owner: 'administrators', bytes: new BytesInFlight({ perOwner: MAX_ADMINISTRATION_IN_FLIGHT, total: 2 * MAX_ADMINISTRATION_IN_FLIGHT }) };
    const app = await createNestApp(ControlPlaneModule.of({ documents, publisher, revocations, revoker, events, agentSessions: { database, revocations: () => replica.snapshot().revocations }, signingKeys, vault: { vault, database, lifecycle, clock }, credentials }), {
      logger, metrics, clock, publicUrl: config.publicUrl, trustedProxies: config.trustedProxies, headers: 'pages',
      limits: { maxConnections: config.maxConnections },
      // Only with the administrator's token does anybody come as far as a body here.
      bodies: ({ routeOptions }) => (isAdministration(routeOptions.url) ? administration : undefined),
    });
    closers.push(() => closeNestApp(app));
    const resealing = keepResealing({ vault, database, columns: sealedColumns, onProblem, onProgress: (table, resealed) => logger.info({ table, resealed }, 'sealed anew with the current vault key') });
    closers.push(() => resealing.stop());
    requireAdminToken(app.getHttpAdapter().getInstance(), config.adminToken);
    app.connectMicroservice(messaging.server('control-plane'));
    await app.startAllMicroservices();
    const endReportedSessions = createReportedSessions({ authorizationServers: config.authorizationServers, database, store: revocations, publisher, lifecycle });
    closers.push(await consumeEvents(messaging.events, { store: events, isGateway: async (name) => (await enrolled.find(name)) !== undefined, onRecords: async (name, records) => {
      await endReportedSessions(name, records);
      await credentials.markUsed(usesOf(records, clock()));
    }, logger }));
    const url = await listen(app, { port: config.port, host: config.host });

    return { name: 'control-plane', urls: { admin: url }, readiness: () => readinessOf({ messaging, publisher, replica, worries: listenerOf(app).watch.worries() }), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The connections that calls were made with. A gateway may be wrong about the time, but not in the future. */
function usesOf(records: readonly AuditRecord[], now: number): { id: string; usedAt: number }[] {
  return records.flatMap((record) => (record.type === 'mcp.call' && record.decision === 'allow' && record.connectionId !== undefined ? [{ id: record.connectionId, usedAt: Math.min(record.receivedAt, now) }] : []));
}

/** Rounds of work that is found in the database: one after the other while there is some, and a look now and then. @returns what ends it, after the round under way. */
function repeatWhileDue(round: () => Promise<number>, intervalMs: number, onError: (error: unknown) => void): () => Promise<void> {
  let stopped = false;
  let running = Promise.resolve();
  const work = async (): Promise<void> => {
    while (!stopped && (await round()) > 0);
  };
  let busy = false;
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    running = work().catch(onError).finally(() => (busy = false));
  }, intervalMs).unref();
  return async () => {
    stopped = true;
    clearInterval(timer);
    await running;
  };
}

/** Milliseconds without a heartbeat that are worth a word. */
const LATE_MS = 5_000;

function readinessOf({ messaging, publisher, replica, worries }: { messaging: Messaging; publisher: ConfigurationPublisher; replica: ConfigurationReplica; worries: readonly string[] }): Readiness {
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
