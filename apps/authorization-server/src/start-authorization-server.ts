import { ConfigurationReplica } from '@sallyport/configuration';
import { connectDatabase, type Database } from '@sallyport/database';
import { closeNestApp, createNestApp, listen, type Readiness, type RunningService } from '@sallyport/http';
import { systemClock, type Clock } from '@sallyport/kernel';
import { loadMasterKey, loadVerifyingKey } from '@sallyport/keys';
import type { Messaging } from '@sallyport/messaging';
import type { Logger } from '@sallyport/telemetry';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import { AuthorizationServerModule } from './authorization-server.module.js';
import type { AuthorizationServerConfig } from './config.js';
import type { AuthorizationEngine } from './engine/engine.js';
import { LifecycleRecorder } from './lifecycle/record-lifecycle.js';
import { ENGINE, HOUSEKEEPING, KEEP_KEYS, KEEP_SESSIONS } from './tokens.js';

export interface AuthorizationServerAdapters {
  readonly messaging: Messaging;
  readonly logger: Logger;
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
export async function startAuthorizationServer(config: AuthorizationServerConfig, adapters: AuthorizationServerAdapters): Promise<RunningService> {
  const { messaging, logger, clock = systemClock } = adapters;
  const master = loadMasterKey(config.masterKeyFile);
  const { publicJwk } = await loadVerifyingKey(config.configurationVerifyKeyFile);
  const database = adapters.database ?? connectDatabase(config.databaseUrl.reveal());
  const configuration = new ConfigurationReplica({
    log: messaging.configuration,
    verifyKey: publicJwk,
    clock,
    stalenessBoundMs: config.stalenessBoundMs,
    onProblem: (problem) => logger.warn({ problem: problem.type }, 'configuration log'),
  });
  const recorder = new LifecycleRecorder({ events: messaging.events, replica: config.replica, logger, clock });

  const release = async (): Promise<void> => {
    await configuration.stop();
    await recorder.close();
    if (!adapters.database) await database.$disconnect();
  };

  let app: NestFastifyApplication;
  let url: string;
  try {
    const module = await AuthorizationServerModule.with({ config, master, database, configuration, recorder, logger, clock });
    app = await createNestApp(module, {
      logger,
      publicUrl: [config.issuer, ...(config.internalUrls ?? [])],
      trustedProxies: config.trustedProxies,
      headers: 'pages',
      bodyLimit: 64 * 1024,
      ...(config.allowedOrigins.length > 0 ? { cors: { origins: config.allowedOrigins } } : {}),
    });
    handOverToEngine(app.getHttpAdapter().getInstance(), app.get<AuthorizationEngine>(ENGINE), logger);
    await configuration.start();
    url = await listen(app, { port: config.port, host: config.host });
  } catch (error) {
    await release();
    throw error;
  }
  const housekeeping = app.get<() => Promise<void>>(HOUSEKEEPING);
  const sweeping = setInterval(() => {
    housekeeping().catch((err: unknown) => logger.warn({ err }, 'what has expired could not be removed'));
  }, SWEEP_MS).unref();
  const keepKeys = app.get<() => Promise<void>>(KEEP_KEYS);
  const keepingKeys = setInterval(() => {
    keepKeys().catch((err: unknown) => logger.warn({ err }, 'the signing keys could not be looked after'));
  }, KEYS_MS).unref();

  const keepingSessions = repeat(app.get<() => Promise<void>>(KEEP_SESSIONS), SESSIONS_MS, (err) => logger.warn({ err }, 'sessions could not be looked after'));

  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    clearInterval(sweeping);
    clearInterval(keepingKeys);
    await keepingSessions.stop();
    await closeNestApp(app);
    await release();
  };
  return {
    name: 'authorization-server',
    urls: { issuer: config.issuer, listening: url },
    readiness: () => readinessOf(configuration, messaging),
    close: () => (closing ??= close()),
  };
}

/** Never twice at once, however long one takes. */
function repeat(task: () => Promise<void>, everyMs: number, onError: (error: unknown) => void): { stop(): Promise<void> } {
  let running: Promise<void> | undefined;
  const timer = setInterval(() => {
    running ??= task().catch(onError).finally(() => (running = undefined));
  }, everyMs).unref();
  return {
    stop: async () => {
      clearInterval(timer);
      await running;
    },
  };
}

/** Raw requests, before Fastify reads a body: the engine does its own reading. The host guard has run already (S19). */
function handOverToEngine(fastify: FastifyInstance, engine: AuthorizationEngine, logger: Logger): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    const path = (request.raw.url ?? '').split('?', 1)[0] ?? '';
    if (!engine.owns(path)) return done();
    reply.hijack();
    engine.handle(request.raw, reply.raw, request.ip).catch((err: unknown) => {
      logger.error({ err }, 'the OAuth engine failed');
      if (!reply.raw.headersSent) reply.raw.writeHead(500, { 'content-type': 'application/json' });
      reply.raw.end();
    });
  });
}

function readinessOf(configuration: ConfigurationReplica, messaging: Messaging): Readiness {
  const { ready, stale } = configuration.state();
  if (!ready) return { status: 'not-ready', reasons: ['the configuration has not arrived yet'] };
  if (stale) return { status: 'not-ready', reasons: ['the configuration is older than the staleness bound'] };
  return messaging.connected() ? { status: 'ready', reasons: [] } : { status: 'degraded', reasons: ['the bus is not connected'] };
}
