import { randomBytes } from 'node:crypto';
import { startAuthorizationServer } from '@sallyport/authorization-server';
import { startControlPlane } from '@sallyport/control-plane';
import { startDemo } from '@sallyport/demo';
import type { Demo, DemoConfig } from '@sallyport/demo';
import { startGateway } from '@sallyport/gateway';
import { startHealthServer } from '@sallyport/process';
import type { ProcessScope, RunningService } from '@sallyport/process';
import { SallyportError, Secret } from '@sallyport/kernel';
import { ensureDeploymentKeys } from '@sallyport/keys';
import { createInProcessMessaging, traceRequests } from '@sallyport/messaging';
import type { Messaging } from '@sallyport/messaging';
import { announceProxy } from '@sallyport/safe-fetch';
import { createLogger, createMetrics, createTracer } from '@sallyport/telemetry';
import type { Logger, Tracer } from '@sallyport/telemetry';
import { startTokenRefreshWorker } from '@sallyport/token-refresh-worker';
import type { StandaloneEnvironment } from './config.js';
import { configurationFile } from './configuration-file.js';
import { openDataDirectory } from './data-directory.js';
import { findDatabase, migrateOwn, openDatabase } from './database.js';
import { ensurePortsAreFree } from './ensure-ports-are-free.js';
import { greeting, type Typed } from './greeting.js';
import { REPLICA, serviceConfigurations } from './service-configurations.js';

const READY_TIMEOUT_MS = 30_000;

/**
 * The four services in one process, on an embedded PostgreSQL and an in-process bus, with the demonstration beside
 * them. What this file chooses are adapters; the services are those of a distributed deployment.
 * @returns what to print once everything is ready
 */
export async function startStandalone(
  settings: StandaloneEnvironment,
  env: Readonly<Record<string, string | undefined>>,
  scope: ProcessScope,
  typed: Typed,
): Promise<string> {
  const host = settings.SALLYPORT_HOST;
  await ensurePortsAreFree(host, wantedPorts(settings));
  const data = openDataDirectory(settings.SALLYPORT_DATA_DIR);
  scope.onClose('data directory', () => data.release());
  // What is missing is found out before anything is made: who is refused finds the directory as it was.
  const place = findDatabase(data.path, settings.DATABASE_URL);
  const hasDatabase = place.kind === 'embedded' ? place.hasData : !(await migrateOwn(place.url)).isNew;
  const keys = await ensureDeploymentKeys(data.keys, { gateways: [REPLICA], hasDatabase, say: scope.say });
  const secrets = data.secrets(scope.say);
  const logger = createLogger({ level: settings.SALLYPORT_LOG_LEVEL, name: 'standalone' });
  const metrics = createMetrics();
  scope.onClose('metrics', () => metrics.shutdown());

  const databaseUrl = await openDatabase(place, {
    port: settings.SALLYPORT_DATABASE_PORT,
    password: secrets.databasePassword,
    scope,
  });
  const bus = openBus(logger, scope);

  const authority = host.includes(':') ? `[${host}]` : host;
  const url = (port: number) => `http://${authority}:${port}`;
  const gatewayUrl = url(settings.SALLYPORT_GATEWAY_PORT);
  const issuer = url(settings.SALLYPORT_AUTHORIZATION_SERVER_PORT);
  const controlPlaneUrl = url(settings.SALLYPORT_CONTROL_PLANE_PORT);

  const services: RunningService[] = [];
  const reported: RunningService[] = []; // empty, health says "starting": some of the services are not the system
  const health = await startHealthServer(settings.SALLYPORT_HEALTH_PORT, host, reported, { metrics, logger });
  scope.onClose('health', () => health.close());
  const keep = (service: RunningService): void => {
    services.push(service);
    scope.onClose(service.name, () => service.close());
  };

  const clientSecret = settings.SALLYPORT_DEMO_IDP_CLIENT_SECRET ?? new Secret(randomBytes(32).toString('base64url'));
  const demo = settings.SALLYPORT_DEMO
    ? await openDemo(settings, { dataDir: data.path, issuer, clientSecret }, scope)
    : undefined;
  const wanted = settings.SALLYPORT_CONFIGURATION_FILE;
  const declarativeFile = configurationFile({ wanted, root: process.cwd(), dataDirectory: data.path });

  const configurations = serviceConfigurations({
    settings,
    env,
    urls: { gateway: gatewayUrl, issuer, controlPlane: controlPlaneUrl },
    databaseUrl,
    keys,
    secrets,
    data,
    declarativeFile,
    demo,
    clientSecret,
  });
  const tell = (about: object, message: string) => scope.say(sentenceOf(about, message));
  announceProxy(configurations.proxy, { info: tell, warn: tell });
  const parts = { ...bus, logger, metrics };
  keep(await startControlPlane(configurations.controlPlane, parts));
  keep(await startAuthorizationServer(configurations.authorizationServer, parts));
  keep(await startTokenRefreshWorker(configurations.tokenRefreshWorker, parts));
  keep(await startGateway(configurations.gateway, parts));

  reported.push(...services);
  await untilReady(services);
  data.announce({ gateway: gatewayUrl, authorizationServer: issuer, controlPlane: controlPlaneUrl });
  return greeting({
    gatewayUrl,
    controlPlaneUrl,
    healthUrl: health.url,
    dataDirectory: data.path,
    configurationFile: declarativeFile,
    ...{ demo, typed },
  });
}

/** The bus inside this process, traced where traces are on. */
function openBus(logger: Logger, scope: ProcessScope): { messaging: Messaging; tracer: Tracer | undefined } {
  const bus = createInProcessMessaging({ onProblem: (problem, err) => logger.warn({ problem, err }, 'bus') });
  scope.onClose('bus', () => bus.close());
  const tracer = createTracer('standalone');
  return { messaging: traceRequests(bus, tracer), tracer };
}

/** Starts the identity provider and the two servers of the demonstration. */
async function openDemo(
  settings: StandaloneEnvironment,
  given: Pick<DemoConfig, 'dataDir' | 'issuer' | 'clientSecret'>,
  scope: ProcessScope,
): Promise<Demo> {
  const demo = await startDemo({
    host: settings.SALLYPORT_HOST,
    ports: {
      identityProvider: settings.SALLYPORT_DEMO_IDP_PORT,
      notes: settings.SALLYPORT_DEMO_NOTES_PORT,
      whoami: settings.SALLYPORT_DEMO_WHOAMI_PORT,
    },
    ...given,
  });
  scope.onClose('demonstration', () => demo.close());
  return demo;
}

/** For whoever reads a terminal, which shows nothing below a warning. */
const sentenceOf = (about: object, message: string): string =>
  `${message} (${Object.entries(about)
    .map(([name, value]) => `${name}: ${value}`)
    .join('; ')})`;

function wantedPorts(settings: StandaloneEnvironment) {
  const ports = [
    { use: 'gateway', variable: 'SALLYPORT_GATEWAY_PORT' },
    { use: 'authorization server', variable: 'SALLYPORT_AUTHORIZATION_SERVER_PORT' },
    { use: 'control plane', variable: 'SALLYPORT_CONTROL_PLANE_PORT' },
    { use: 'health and metrics', variable: 'SALLYPORT_HEALTH_PORT' },
    ...(settings.SALLYPORT_DEMO
      ? ([
          { use: 'demo identity provider', variable: 'SALLYPORT_DEMO_IDP_PORT' },
          { use: 'demo server notes', variable: 'SALLYPORT_DEMO_NOTES_PORT' },
          { use: 'demo server whoami', variable: 'SALLYPORT_DEMO_WHOAMI_PORT' },
        ] as const)
      : []),
  ] as const;
  return ports.map(({ use, variable }) => ({ use, variable, port: settings[variable] }));
}

/** Everything has started; what is left is configuration and keys on their way between the services. */
async function untilReady(services: readonly RunningService[]): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  for (;;) {
    const waiting = services.flatMap((service) =>
      service.readiness().reasons.map((reason) => `${service.name}: ${reason}`),
    );
    if (waiting.length === 0) return;
    if (Date.now() > deadline)
      throw new SallyportError('not_ready', `Not ready after ${READY_TIMEOUT_MS / 1000} s: ${waiting.join('; ')}.`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
