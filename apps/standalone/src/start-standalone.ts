import { existsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { randomBytes } from 'node:crypto';
import { startAuthorizationServer } from '@sallyport/authorization-server';
import { startControlPlane } from '@sallyport/control-plane';
import { DEMO_CLIENT_SECRET_VARIABLE, defaultDemoUrls, demoConfiguration, startDemo } from '@sallyport/demo';
import type { Demo } from '@sallyport/demo';
import { startGateway } from '@sallyport/gateway';
import { startHealthServer } from '@sallyport/http';
import type { ProcessScope, RunningService } from '@sallyport/http';
import { SallyportError, Secret } from '@sallyport/kernel';
import { ensureDeploymentKeys } from '@sallyport/keys';
import { createInProcessMessaging } from '@sallyport/messaging';
import { readCertificateAuthorities } from '@sallyport/safe-fetch';
import { createLogger, createMetrics } from '@sallyport/telemetry';
import { startTokenRefreshWorker } from '@sallyport/token-refresh-worker';
import type { StandaloneEnvironment } from './config.js';
import { openDataDirectory } from './data-directory.js';
import { findDatabase, migrateOwn, openDatabase } from './database.js';
import { ensurePortsAreFree } from './ensure-ports-are-free.js';
import { greeting } from './greeting.js';

const REPLICA = 'gateway-1';
const STALENESS_BOUND_MS = 300_000;
const READY_TIMEOUT_MS = 30_000;
const MAX_CONNECTIONS = 10_000;
const MEBIBYTE = 1024 * 1024;

/**
 * The four services in one process, on an embedded PostgreSQL and an in-process bus, with the demonstration beside
 * them. What this file chooses are adapters; the services are those of a distributed deployment.
 * @returns what to print once everything is ready
 */
export async function startStandalone(
  settings: StandaloneEnvironment,
  env: Readonly<Record<string, string | undefined>>,
  scope: ProcessScope,
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
  const messaging = createInProcessMessaging({ onProblem: (problem) => logger.warn({ problem }, 'bus') });
  scope.onClose('bus', () => messaging.close());

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
    ? await startDemo({
        host,
        ports: {
          identityProvider: settings.SALLYPORT_DEMO_IDP_PORT,
          notes: settings.SALLYPORT_DEMO_NOTES_PORT,
          whoami: settings.SALLYPORT_DEMO_WHOAMI_PORT,
        },
        dataDir: data.path,
        issuer,
        clientSecret,
      })
    : undefined;
  if (demo) scope.onClose('demonstration', () => demo.close());
  const configurationFile = configurationFileFor(settings, demo, data.path);

  const certificateAuthorities = readCertificateAuthorities(settings.SALLYPORT_CA_FILES);
  const parts = { messaging, logger, metrics };
  keep(
    await startControlPlane(
      {
        publicUrl: controlPlaneUrl,
        gatewayUrl,
        issuer,
        jwksUrl: `${issuer}/jwks`,
        host,
        port: settings.SALLYPORT_CONTROL_PLANE_PORT,
        databaseUrl,
        adminToken: secrets.adminToken,
        declarativeFile: configurationFile,
        secretVariables: { ...env, [DEMO_CLIENT_SECRET_VARIABLE]: clientSecret.reveal() },
        keys: {
          masterKeyFile: keys.master,
          configurationSigningKeyFile: keys.configurationSigning,
          leaseKeyFile: keys.lease,
          leaseSigningKeyFile: keys.leaseSigning,
          enrolledGateways: keys.gateways,
        },
        replica: 'control-plane',
        authorizationServers: ['authorization-server'],
        stalenessBoundMs: STALENESS_BOUND_MS,
        heartbeatIntervalMs: 1_000,
        eventRetentionMs: settings.SALLYPORT_EVENT_RETENTION,
        maxConnections: MAX_CONNECTIONS,
        trustedProxies: [],
        extraCertificateAuthorities: certificateAuthorities,
      },
      parts,
    ),
  );
  keep(
    await startAuthorizationServer(
      {
        issuer,
        gatewayUrl,
        controlPlaneUrl,
        host,
        port: settings.SALLYPORT_AUTHORIZATION_SERVER_PORT,
        databaseUrl,
        masterKeyFile: keys.master,
        configurationVerifyKeyFile: keys.configurationSigningPublic,
        replica: 'authorization-server',
        stalenessBoundMs: STALENESS_BOUND_MS,
        maxConnections: MAX_CONNECTIONS,
        trustedProxies: [],
        allowedOrigins: [],
        extraCertificateAuthorities: certificateAuthorities,
      },
      parts,
    ),
  );
  keep(
    await startTokenRefreshWorker(
      {
        databaseUrl,
        queue: { kind: 'postgres', databaseUrl: databaseUrl.reveal() },
        masterKeyFile: keys.master,
        configurationVerifyKeyFile: keys.configurationSigningPublic,
        replica: 'token-refresh-worker',
        stalenessBoundMs: STALENESS_BOUND_MS,
        extraCertificateAuthorities: certificateAuthorities,
      },
      parts,
    ),
  );
  keep(
    await startGateway(
      {
        replica: REPLICA,
        listen: { host, port: settings.SALLYPORT_GATEWAY_PORT },
        gatewayUrl,
        issuer,
        jwksUrl: `${issuer}/jwks`,
        maxConnections: MAX_CONNECTIONS,
        trustedProxies: [],
        allowedOrigins: [],
        keys: {
          configurationPublicKey: keys.configurationSigningPublic,
          leasePublicKey: keys.leasePublic,
          leaseSigningPublicKey: keys.leaseSigningPublic,
          replicaKey: keys.gatewayKey(REPLICA),
          gatewayState: [keys.gatewayState],
        },
        spoolDirectory: data.spool,
        spoolMaxBytes: 512 * MEBIBYTE,
        maxAnswerBytes: 128 * MEBIBYTE,
        stalenessBoundMs: STALENESS_BOUND_MS,
        maxBodyBytes: 4 * MEBIBYTE,
        maxUserBytes: 64 * MEBIBYTE,
        maxBytesInFlight: 512 * MEBIBYTE,
        listTimeoutMs: 5_000,
        listPageLength: MEBIBYTE,
        leaseTimeoutMs: 5_000,
        extraCertificateAuthorities: certificateAuthorities,
      },
      parts,
    ),
  );

  reported.push(...services);
  await untilReady(services);
  return greeting({
    gatewayUrl,
    controlPlaneUrl,
    healthUrl: health.url,
    dataDirectory: data.path,
    configurationFile,
    demo,
  });
}

/** The file at the root names the demonstration's default ports; with others, the same file is written for them. */
function configurationFileFor(settings: StandaloneEnvironment, demo: Demo | undefined, dataDirectory: string): string {
  if (settings.SALLYPORT_CONFIGURATION_FILE !== undefined) return resolve(settings.SALLYPORT_CONFIGURATION_FILE);
  const isDefault =
    demo === undefined ||
    (['identityProvider', 'notes', 'whoami'] as const).every((name) => demo.urls[name] === defaultDemoUrls[name]);
  const own = join(process.cwd(), 'sallyport.yaml');
  if (isDefault && existsSync(own)) return own;
  const file = join(dataDirectory, 'sallyport.yaml');
  writeFileSync(file, demoConfiguration(demo?.urls), { mode: 0o600 });
  return file;
}

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
