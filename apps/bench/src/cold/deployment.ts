import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildImage } from '@sallyport/e2e';
import { ensureDeploymentKeys, type DeploymentKeyFiles } from '@sallyport/keys';
import { ensureBusUsers, natsServerConfig, nkeySeedFile } from '@sallyport/messaging';
import {
  eventually,
  freePorts,
  makeScratch,
  removeScratch,
  spawnApp,
  startPrivateNats,
  startTestPostgres,
  type SpawnedApp,
} from '@sallyport/testing';
import { usageOf, type ProcessUsage } from './process-usage.js';

const ROLES = ['control-plane', 'authorization-server', 'gateway'] as const;
export type Role = (typeof ROLES)[number];

export interface Started extends ProcessUsage {
  readonly app: SpawnedApp;
  /** From before the process was made until `/readyz` said so. */
  readonly readyMs: number;
}

/** Processes over PostgreSQL and NATS, each started alone, so that what one start takes can be told. */
export interface Deployment {
  readonly urls: Readonly<Record<Role, string>>;
  /** @param options.node further arguments of node, such as `--cpu-prof`; `until`: what `/readyz` must say */
  start(role: Role, options?: { readonly node?: string; readonly until?: 'ready' | 'degraded' }): Promise<Started>;
  stop(): Promise<void>;
}

/** @param configuration the declarative file's text */
export async function openDeployment(configuration: string): Promise<Deployment> {
  const directory = makeScratch('cold');
  const free = await freePorts(ROLES.length * 2);
  const ports = Object.fromEntries(ROLES.map((role, index) => [role, free[index]])) as Record<Role, number>;
  const health = Object.fromEntries(ROLES.map((role, index) => [role, free[index + ROLES.length]])) as typeof ports;
  const keys = await ensureDeploymentKeys(join(directory, 'keys'), { gateways: ['gateway'] });
  const nkeys = join(directory, 'nkeys');
  const users = await ensureBusUsers(
    nkeys,
    ROLES.map((role) => ({ role, name: role })),
  );
  const adminToken = join(directory, 'admin-token');
  writeFileSync(adminToken, randomBytes(32).toString('base64url'), { mode: 0o600 });
  const file = join(directory, 'sallyport.yaml');
  writeFileSync(file, configuration);
  const spool = join(directory, 'spool');
  mkdirSync(spool, { mode: 0o700 });
  const [postgres, nats] = await Promise.all([
    startTestPostgres(),
    startPrivateNats((place) => natsServerConfig({ ...place, users })),
  ]);

  const environments = environmentsOf({
    databaseUrl: postgres.url,
    natsUrl: nats.url,
    nkeys,
    keys,
    ports,
    health,
    files: { adminToken, configuration: file, spool },
  });

  const image = await buildImage('gateway', join(directory, 'gateway-image'));
  const running = new Set<SpawnedApp>();
  return {
    urls: Object.fromEntries(ROLES.map((role) => [role, local(ports, role)])) as Record<Role, string>,
    async start(role, { node = '', until = 'ready' } = {}) {
      const began = performance.now();
      const app = await spawnApp({
        ...(role === 'gateway' ? image : { entry: `apps/${role}/dist/main.js` }),
        env: { ...environments[role], ...(node !== '' && { NODE_OPTIONS: node }) },
        readyPattern: /"msg":"running"/,
        readyTimeoutMs: 300_000,
      });
      running.add(app);
      await eventually(
        async () => {
          const response = await fetch(`http://127.0.0.1:${health[role]}/readyz`);
          const text = await response.text();
          if (!response.ok || (until === 'ready' && !text.startsWith('{"status":"ready"'))) throw new Error(text);
          return true;
        },
        { timeoutMs: 60_000, intervalMs: 5 },
      );
      return { app, readyMs: performance.now() - began, ...usageOf(app.pid) };
    },
    async stop() {
      await Promise.all([...running].map((app) => app.stop()));
      await Promise.all([nats.stop(), postgres.stop()]);
      removeScratch(directory);
    },
  };
}

const local = (ports: Readonly<Record<Role, number>>, role: Role): string => `http://127.0.0.1:${ports[role]}`;

interface Places {
  readonly databaseUrl: string;
  readonly natsUrl: string;
  readonly nkeys: string;
  readonly keys: DeploymentKeyFiles;
  readonly ports: Readonly<Record<Role, number>>;
  readonly health: Readonly<Record<Role, number>>;
  readonly files: { readonly adminToken: string; readonly configuration: string; readonly spool: string };
}

/** What each process is told. */
function environmentsOf(places: Places): Record<Role, Record<string, string>> {
  const { databaseUrl, natsUrl, nkeys, keys, ports, health, files } = places;
  const common = (role: Role) => ({
    NATS_URL: natsUrl,
    SALLYPORT_NATS_SEED_FILE: nkeySeedFile(nkeys, role),
    SALLYPORT_REPLICA: role,
    SALLYPORT_HEALTH_PORT: String(health[role]),
    SALLYPORT_PORT: String(ports[role]),
    SALLYPORT_GATEWAY_URL: local(ports, 'gateway'),
    SALLYPORT_ISSUER: local(ports, 'authorization-server'),
  });
  const stored = { DATABASE_URL: databaseUrl, SALLYPORT_MASTER_KEY_FILE: keys.master };
  return {
    'control-plane': {
      ...common('control-plane'),
      ...stored,
      SALLYPORT_CONTROL_PLANE_URL: local(ports, 'control-plane'),
      SALLYPORT_ADMIN_TOKEN_FILE: files.adminToken,
      SALLYPORT_CONFIGURATION_FILE: files.configuration,
      SALLYPORT_CONFIGURATION_SIGNING_KEY_FILE: keys.configurationSigning,
      SALLYPORT_LEASE_KEY_FILE: keys.lease,
      SALLYPORT_LEASE_SIGNING_KEY_FILE: keys.leaseSigning,
      SALLYPORT_ENROLLED_GATEWAYS: keys.gateways,
    },
    'authorization-server': {
      ...common('authorization-server'),
      ...stored,
      SALLYPORT_CONTROL_PLANE_URL: local(ports, 'control-plane'),
      SALLYPORT_CONFIGURATION_PUBLIC_KEY_FILE: keys.configurationSigningPublic,
    },
    gateway: {
      ...common('gateway'),
      SALLYPORT_CONFIGURATION_PUBLIC_KEY_FILE: keys.configurationSigningPublic,
      SALLYPORT_LEASE_PUBLIC_KEY_FILE: keys.leasePublic,
      SALLYPORT_LEASE_SIGNING_PUBLIC_KEY_FILE: keys.leaseSigningPublic,
      SALLYPORT_GATEWAY_KEY_FILE: keys.gatewayKey('gateway'),
      SALLYPORT_GATEWAY_STATE_KEY_FILES: keys.gatewayState,
      SALLYPORT_SPOOL_DIR: files.spool,
    },
  };
}
