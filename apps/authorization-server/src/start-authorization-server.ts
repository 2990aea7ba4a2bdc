import { ConfigurationReplica } from '@sallyport/configuration';
import { connectDatabase, isDatabaseOutage, type Database } from '@sallyport/database';
import {
  addressOwner,
  closeNestApp,
  createNestApp,
  DEFAULT_BODY_BYTES,
  listen,
  listenerOf,
  type BytesInFlight,
  type Readiness,
  type RunningService,
  Unavailable,
} from '@sallyport/http';
import { systemClock, type Clock } from '@sallyport/kernel';
import { loadVerifyingKey } from '@sallyport/keys';
import type { Messaging } from '@sallyport/messaging';
import type { Logger, Metrics } from '@sallyport/telemetry';
import { keepResealing, openVault } from '@sallyport/vault';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { asDatabaseProblem, AuthorizationServerModule } from './authorization-server.module.js';
import type { AuthorizationServerConfig } from './config.js';
import type { AuthorizationEngine } from './engine/engine.js';
import { answerBodyRefused, receiveBody } from './engine/receive-body.js';
import { LifecycleRecorder } from './lifecycle/record-lifecycle.js';
import type { SigningKeyKeeper } from './keys/signing-key-keeper.js';
import { unavailablePage } from './pages/unavailable-page.js';
import { refuseUntilConfigured } from './refuse-until-configured.js';
import { sealedColumns } from './storage/sealed-columns.js';
import { ENGINE, HOUSEKEEPING, KEEP_SESSIONS, SIGNING_KEY_KEEPER } from './tokens.js';

export interface AuthorizationServerAdapters {
  readonly messaging: Messaging;
  readonly logger: Logger;
  readonly metrics?: Metrics;
  /** Shared by the caller, who closes it; opened (and closed) here when missing. */
  readonly database?: Database;
  readonly clock?: Clock;
}

const SWEEP_MS = 10 * 60_000;
const KEYS_MS = 5_000;
const SESSIONS_MS = 5_000;

/**
 * Listens when it resolves; ready once the configuration has arrived. The database must have been migrated.
 * @throws SallyportError `key_unreadable`, `key_invalid`, `port_taken`, …: one clear line each
 */
export async function startAuthorizationServer(
  config: AuthorizationServerConfig,
  adapters: AuthorizationServerAdapters,
): Promise<RunningService> {
  const { messaging, logger, metrics, clock = systemClock } = adapters;
  const { publicJwk } = await loadVerifyingKey(config.configurationVerifyKeyFile);
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (let next = closers.pop(); next; next = closers.pop()) await next();
  };
  const database = adapters.database ?? connectDatabase(config.databaseUrl.reveal());
  if (!adapters.database) closers.push(() => database.$disconnect());
  const recorder = new LifecycleRecorder({ events: messaging.events, replica: config.replica, logger, clock });
  closers.push(() => recorder.close());
  const configuration = new ConfigurationReplica({
    log: messaging.configuration,
    verifyKey: publicJwk,
    clock,
    stalenessBoundMs: config.stalenessBoundMs,
    onProblem: (problem) => logger.warn({ problem: problem.type }, 'configuration log'),
  });
  closers.push(() => configuration.stop());
  const every = (milliseconds: number, work: () => Promise<void>, failure: string): void => {
    const repeating = repeat(work, milliseconds, (err) => logger.warn({ err }, failure));
    closers.push(() => repeating.stop());
  };

  const onProblem = (what: string, err: unknown): void => logger.warn({ err }, what);
  try {
    const vault = await openVault(config, { database, clock, onProblem }).catch(asDatabaseProblem);
    closers.push(() => Promise.resolve(vault.close()));
    const unavailable = new Unavailable({ isStoreOutage: isDatabaseOutage, page: unavailablePage, logger, clock });
    const module = await AuthorizationServerModule.with({
      config,
      unavailable,
      vault,
      configurationKey: publicJwk,
      database,
      configuration,
      recorder,
      logger,
      clock,
    });
    const app = await createNestApp(module, {
      logger,
      unavailable,
      publicUrl: [config.issuer, ...(config.internalUrls ?? [])],
      trustedProxies: config.trustedProxies,
      headers: 'pages',
      metrics,
      clock,
      limits: { maxConnections: config.maxConnections },
      ...(config.allowedOrigins.length > 0
        ? {
            cors: {
              origins: config.allowedOrigins,
              allowedHeaders: ['Authorization', 'Content-Type', 'DPoP'],
              exposedHeaders: ['WWW-Authenticate', 'DPoP-Nonce'],
            },
          }
        : {}),
    });
    closers.push(() => closeNestApp(app));
    const server = app.getHttpAdapter().getInstance();
    refuseUntilConfigured(server, configuration);
    handOverToEngine(server, app.get<AuthorizationEngine>(ENGINE), listenerOf(app).bytes, { logger, unavailable });

    const keeper = app.get<SigningKeyKeeper>(SIGNING_KEY_KEEPER);
    configuration.onChange(
      (snapshot) =>
        void keeper
          .onConfiguration(snapshot)
          ?.catch((err: unknown) => logger.error({ err }, 'a withdrawn signing key could not be replaced yet')),
    );
    every(KEYS_MS, () => keeper.keepUp(), 'the signing keys could not be looked after');
    every(SWEEP_MS, app.get<() => Promise<void>>(HOUSEKEEPING), 'what has expired could not be removed');
    every(SESSIONS_MS, app.get<() => Promise<void>>(KEEP_SESSIONS), 'sessions could not be looked after');
    const resealing = keepResealing({
      vault,
      database,
      columns: sealedColumns,
      onProblem,
      onProgress: (table, resealed) => logger.info({ table, resealed }, 'sealed anew with the current vault key'),
    });
    closers.push(() => resealing.stop());
    app.connectMicroservice(messaging.server('authorization-server'));
    await app.startAllMicroservices();
    await configuration.start();
    const url = await listen(app, { port: config.port, host: config.host });
    let closing: Promise<void> | undefined;
    return {
      name: 'authorization-server',
      urls: { issuer: config.issuer, listening: url },
      readiness: () => readinessOf(configuration, messaging, listenerOf(app).watch.worries()),
      close: () => (closing ??= close()),
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Never twice at once, however long one takes. */
function repeat(
  task: () => Promise<void>,
  everyMs: number,
  onError: (error: unknown) => void,
): { stop(): Promise<void> } {
  let running: Promise<void> | undefined;
  const timer = setInterval(() => {
    running ??= task()
      .catch(onError)
      .finally(() => (running = undefined));
  }, everyMs).unref();
  return {
    stop: async () => {
      clearInterval(timer);
      await running;
    },
  };
}

/** Raw requests, before Fastify reads a body: the engine does its own reading. The host guard has run already (S19). */
function handOverToEngine(
  fastify: FastifyInstance,
  engine: AuthorizationEngine,
  bytes: BytesInFlight,
  { logger, unavailable }: { logger: Logger; unavailable: Unavailable },
): void {
  const handle = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const held = bytes.open(addressOwner(request.ip));
    reply.raw.once('close', held.release);
    const received = await receiveBody(request.raw, DEFAULT_BODY_BYTES, held);
    if (typeof received === 'string') answerBodyRefused(received, request.raw, reply.raw);
    else await engine.handle(received, reply.raw, request.ip);
  };
  fastify.addHook('onRequest', (request, reply, done) => {
    const path = (request.raw.url ?? '').split('?', 1)[0] ?? '';
    if (!engine.owns(path)) return done();
    reply.hijack();
    handle(request, reply).catch((err: unknown) => {
      if (request.raw.destroyed && !request.raw.complete) return; // whoever sent it is gone, or was told already
      if (unavailable.is(err)) {
        unavailable.write(reply.raw, err, path);
        return;
      }
      logger.error({ err }, 'the OAuth engine failed');
      if (!reply.raw.headersSent) reply.raw.writeHead(500, { 'content-type': 'application/json' });
      reply.raw.end();
    });
  });
}

function readinessOf(configuration: ConfigurationReplica, messaging: Messaging, worries: readonly string[]): Readiness {
  const { ready, stale } = configuration.state();
  if (!ready) return { status: 'not-ready', reasons: ['the configuration has not arrived yet'] };
  if (stale) return { status: 'not-ready', reasons: ['the configuration is older than the staleness bound'] };
  const reasons = [...worries, ...(messaging.connected() ? [] : ['the bus is not connected'])];
  return { status: reasons.length > 0 ? 'degraded' : 'ready', reasons };
}
