import { ConfigurationReplica } from '@sallyport/configuration';
import { connectDatabase, isDatabaseOutage, type Database } from '@sallyport/database';
import { Unavailable } from '@sallyport/http';
import { closeNestApp, createNestApp, listenerOf, listenNestApp } from '@sallyport/http/nest';
import { RecordNumbers, systemClock, type Clock } from '@sallyport/kernel';
import { loadVerifyingKey } from '@sallyport/keys';
import { Admission, serveAll, type Messaging } from '@sallyport/messaging';
import {
  configurationReadiness,
  degraded,
  observeConfiguration,
  reportReplica,
  startService,
  type RunningService,
  type ServiceScope,
  type ServiceStart,
  keepCertificate,
} from '@sallyport/process';
import type { Metrics, Tracer } from '@sallyport/telemetry';
import { createResealing, openVault, VAULT_LOOK_MS } from '@sallyport/vault';
import { asDatabaseProblem, createServer, type AuthorizationServer } from './assembly/create-server.js';
import { AuthorizationServerModule } from './authorization-server.module.js';
import type { AuthorizationServerConfig } from './config.js';
import { engineRouteOf } from './engine/configuration/routes.js';
import { handOverToEngine } from './engine/hand-over-to-engine.js';
import { limitPages } from './limits/limit-pages.js';
import { BusTrail } from '@sallyport/trail';
import { unavailablePage } from './pages/unavailable-page.js';
import { refuseUntilConfigured } from './refuse-until-configured.js';
import { sealedColumns } from './storage/sealed-columns.js';

type App = Awaited<ReturnType<typeof createNestApp>>;
type ConfigurationKey = ConstructorParameters<typeof ConfigurationReplica>[0]['verifyKey'];

export interface AuthorizationServerAdapters extends ServiceStart {
  readonly messaging: Messaging;
  readonly metrics?: Metrics;
  /** Absent where traces are off. */
  readonly tracer?: Tracer | undefined;
  /** Shared by the caller, who closes it; opened (and closed) here when missing. */
  readonly database?: Database;
  readonly clock?: Clock;
}

/** MCP clients send the version of their protocol with metadata requests, too. */
const CROSS_ORIGIN_HEADERS = ['Authorization', 'Content-Type', 'Accept', 'DPoP', 'MCP-Protocol-Version'];
const SWEEP_MS = 10 * 60_000;
const REMOVAL_MS = 60_000;
const KEYS_MS = 5_000;
const SESSIONS_MS = 5_000;
/** Each waits for an identity provider, and holds no connection to the database meanwhile. */
const EXCHANGES_AT_ONCE = { running: 128, runningPerAsker: 8, waiting: 1_000 } as const;

/** What the steps of the start below share. */
interface Opened extends AuthorizationServerAdapters {
  readonly config: AuthorizationServerConfig;
  readonly scope: ServiceScope;
  readonly clock: Clock;
}

/**
 * Listens when it resolves; ready once the configuration has arrived. The database must have been migrated.
 * @throws SallyportError `key_unreadable`, `key_invalid`, `port_taken`, …: one clear line each
 */
export function startAuthorizationServer(
  config: AuthorizationServerConfig,
  adapters: AuthorizationServerAdapters,
): Promise<RunningService> {
  return startService('authorization-server', adapters, async (scope) => {
    const { messaging, logger, clock = systemClock } = adapters;
    const opened: Opened = { ...adapters, config, scope, clock };
    const { publicJwk } = await loadVerifyingKey(config.configurationVerifyKeyFile);

    const database = adapters.database ?? connectDatabase(config.databaseUrl.reveal());
    if (!adapters.database) scope.onClose('database', () => database.$disconnect());
    const recorder = new BusTrail({
      publish: (batch) => messaging.events.publish(config.replica, batch),
      replica: config.replica,
      numbers: new RecordNumbers(config.replica),
      logger,
      clock,
    });
    scope.onClose('lifecycle records', () => recorder.close());
    const configuration = openConfiguration(opened, publicJwk);
    const onProblem = (what: string, err: unknown): void => logger.warn({ err }, what);
    const vault = await openVault(config, { database, clock, onProblem }).catch(asDatabaseProblem);
    scope.every(VAULT_LOOK_MS, () => vault.look(), 'new vault keys could not be looked for');
    const unavailable = new Unavailable({ isStoreOutage: isDatabaseOutage, page: unavailablePage, logger, clock });
    const authorizationServer = await createServer({
      config,
      unavailable,
      exchangeAdmission: openExchangeAdmission(opened),
      vault,
      configurationKey: publicJwk,
      database,
      configuration,
      recorder,
      logger,
      tracer: adapters.tracer,
      clock,
    });
    const { controllers, limits, engine, requestHandlers } = authorizationServer;
    const module = AuthorizationServerModule.with(controllers, config.issuer);
    const app = await openApp(opened, module, unavailable);
    const server = app.getHttpAdapter().getInstance();
    refuseUntilConfigured(server, configuration);
    limitPages(server, limits);
    handOverToEngine(server, engine, listenerOf(app).bytes, { logger, unavailable });
    keepHouse(opened, authorizationServer, configuration);
    const reseal = createResealing({
      vault,
      database,
      columns: sealedColumns,
      onProblem,
      onProgress: (table, resealed) => logger.info({ table, resealed }, 'sealed anew with the current vault key'),
    });
    scope.every(VAULT_LOOK_MS, reseal, 'records could not be sealed with the current vault key');
    scope.onClose('requests on the bus', await serveAll(messaging, requestHandlers));
    await configuration.start();
    scope.readiness(() =>
      degraded(...listenerOf(app).watch.worries(), !messaging.connected() && 'the bus is not connected'),
    );
    const listening = await listenNestApp(app, { port: config.port, host: config.host });
    const { replica } = config;
    const role = 'authorization-server';
    reportReplica(scope, { messaging, role, replica, configuration, clock });
    observeConfiguration(adapters.metrics, { role, configuration, messaging, clock });
    return { issuer: config.issuer, listening };
  });
}

function openConfiguration(
  { config, messaging, logger, clock, scope }: Opened,
  verifyKey: ConfigurationKey,
): ConfigurationReplica {
  const configuration = new ConfigurationReplica({
    log: messaging.configuration,
    verifyKey,
    clock,
    stalenessBoundMs: config.stalenessBoundMs,
    onProblem: (problem) => logger.warn({ problem: problem.type }, 'configuration log'),
  });
  scope.onClose('configuration', () => configuration.stop());
  scope.readiness(() => configurationReadiness(configuration.state()));
  return configuration;
}

function openExchangeAdmission({ clock, logger, scope }: Opened): Admission {
  const admission = new Admission({
    ...EXCHANGES_AT_ONCE,
    clock,
    random: Math.random,
    onShedding: ({ shedding, ...counts }) =>
      shedding
        ? logger.warn('too many exchanges of sign-ins at once: some are turned away')
        : logger.info(counts, 'no more exchanges are turned away'),
  });
  scope.onClose('admission of exchanges', () => admission.stop());
  return admission;
}

/** The HTTP side. It does not listen yet. */
async function openApp(
  { config, logger, metrics, tracer, clock, scope }: Opened,
  module: Parameters<typeof createNestApp>[0],
  unavailable: Unavailable,
): Promise<App> {
  const app = await createNestApp(module, {
    logger,
    unavailable,
    publicUrl: [config.issuer, ...(config.internalUrls ?? [])],
    trustedProxies: config.trustedProxies,
    certificate: keepCertificate(scope, config.certificateFiles, { logger, clock }),
    headers: 'pages',
    metrics,
    traced: tracer && { tracer, routeOf: engineRouteOf },
    clock,
    limits: { maxConnections: config.maxConnections },
    publicDocuments: ['/.well-known/', '/jwks'],
    cors: {
      origins: config.allowedOrigins,
      allowedHeaders: CROSS_ORIGIN_HEADERS,
      exposedHeaders: ['WWW-Authenticate', 'DPoP-Nonce'],
    },
  });
  scope.onClose('listener', () => closeNestApp(app));
  return app;
}

/** Signing keys, sessions, and what has expired or is not used any more. */
function keepHouse(
  { scope, logger }: Opened,
  { keeper, work }: Pick<AuthorizationServer, 'keeper' | 'work'>,
  configuration: ConfigurationReplica,
): void {
  configuration.onChange(
    (snapshot) =>
      void keeper
        .onConfiguration(snapshot)
        ?.catch((err: unknown) => logger.error({ err }, 'a withdrawn signing key could not be replaced yet')),
  );
  scope.every(KEYS_MS, () => keeper.keepUp(), 'the signing keys could not be looked after');
  scope.every(REMOVAL_MS, work.removeExpired, 'what has expired could not be removed');
  scope.every(SWEEP_MS, work.endUnused, 'what nobody uses any more could not be ended');
  scope.every(SESSIONS_MS, work.keepSessions, 'sessions could not be looked after');
}
