import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureDeploymentKeys, type DeploymentKeyFiles } from '@sallyport/keys';
import { ensureBusUsers, natsServerConfig, nkeySeedFile } from '@sallyport/messaging';
import {
  freePorts,
  makeScratch,
  removeScratch,
  spawnApp,
  startPrivateNats,
  startTestPostgres,
  startTestRedis,
  type SpawnedApp,
} from '@sallyport/testing';

export const GATEWAY = 'gateway-1';
export const GATEWAY_URL = 'http://gateway.test';
export const ISSUER = 'http://issuer.test';

const WORKERS = ['worker-1', 'worker-2', 'worker-3', 'worker-4'] as const;
const CONTROL_PLANES = ['control-plane', 'control-plane-2'] as const;
type Name = (typeof WORKERS)[number] | (typeof CONTROL_PLANES)[number];

/** Four refresh workers and two control planes, a process each, over one PostgreSQL, NATS and Redis. */
export interface Fleet {
  readonly keys: DeploymentKeyFiles;
  readonly databaseUrl: string;
  readonly natsUrl: string;
  readonly gatewaySeedFile: string;
  /** By name and start, as PostgreSQL knows them: `worker-1.3`. */
  readonly killed: ReadonlySet<string>;
  /** SIGKILL to one of them at random, never the last control plane, which is then started again. */
  killOne(random: () => number): Promise<void>;
  /** The admin API of the first control plane. */
  administer(method: 'GET' | 'POST', path: string): Promise<unknown>;
  logs(): string;
  stop(): Promise<void>;
}

export async function startFleet({
  configuration,
  jwksUrl,
}: {
  configuration: string;
  jwksUrl: string;
}): Promise<Fleet> {
  const directory = join(makeScratch('faults'), 'data');
  mkdirSync(directory, { recursive: true, mode: 0o711 });
  const file = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text, { mode: 0o600 });
    return join(directory, name);
  };
  const keys = await ensureDeploymentKeys(join(directory, 'keys'), { gateways: [GATEWAY] });
  const nkeys = join(directory, 'nkeys');
  const users = await ensureBusUsers(nkeys, [
    ...CONTROL_PLANES.map((name) => ({ role: 'control-plane' as const, name })),
    ...WORKERS.map((name) => ({ role: 'token-refresh-worker' as const, name })),
    { role: 'gateway', name: GATEWAY },
  ]);
  const adminToken = file('admin-token', randomBytes(32).toString('base64url'));
  const configurationFile = file('faults.yaml', configuration);
  const [postgres, redis, nats] = await Promise.all([
    startTestPostgres(),
    startTestRedis(),
    startPrivateNats((place) => natsServerConfig({ ...place, users })),
  ]);
  const names: readonly Name[] = [...CONTROL_PLANES, ...WORKERS];
  const ports = await freePorts(names.length * 2);
  const environmentOf = (name: Name, instance: string): Record<string, string> => {
    const databaseUrl = new URL(postgres.url);
    databaseUrl.searchParams.set('application_name', instance);
    const index = names.indexOf(name);
    const common = {
      NATS_URL: nats.url,
      SALLYPORT_NATS_SEED_FILE: nkeySeedFile(nkeys, name),
      SALLYPORT_REPLICA: name,
      SALLYPORT_HEALTH_PORT: String(ports[index]),
      SALLYPORT_LOG_LEVEL: 'info',
      DATABASE_URL: databaseUrl.toString(),
      SALLYPORT_MASTER_KEY_FILE: keys.master,
    };
    if (WORKERS.some((worker) => worker === name))
      return {
        ...common,
        REDIS_URL: redis.url,
        SALLYPORT_CONFIGURATION_PUBLIC_KEY_FILE: keys.configurationSigningPublic,
        SALLYPORT_TICK_INTERVAL: '500ms',
      };
    const port = ports[names.length + index];
    return {
      ...common,
      SALLYPORT_PORT: String(port),
      SALLYPORT_CONTROL_PLANE_URL: `http://127.0.0.1:${port}`,
      SALLYPORT_GATEWAY_URL: GATEWAY_URL,
      SALLYPORT_ISSUER: ISSUER,
      SALLYPORT_JWKS_URL: jwksUrl,
      SALLYPORT_ADMIN_TOKEN_FILE: adminToken,
      SALLYPORT_CONFIGURATION_FILE: configurationFile,
      SALLYPORT_CONFIGURATION_SIGNING_KEY_FILE: keys.configurationSigning,
      SALLYPORT_LEASE_KEY_FILE: keys.lease,
      SALLYPORT_LEASE_SIGNING_KEY_FILE: keys.leaseSigning,
      SALLYPORT_ENROLLED_GATEWAYS: keys.gateways,
    };
  };
  const all: SpawnedApp[] = [];
  const running = new Map<Name, { app: SpawnedApp; instance: string }>();
  const killed = new Set<string>();
  const start = async (name: Name): Promise<void> => {
    const instance = `${name}.${all.length}`;
    const role = CONTROL_PLANES.some((one) => one === name) ? 'control-plane' : 'token-refresh-worker';
    const app = await spawnApp({
      entry: `apps/${role}/dist/main.js`,
      env: environmentOf(name, instance),
      readyPattern: /"msg":"running"/,
      readyTimeoutMs: 120_000,
    });
    running.set(name, { app, instance });
    all.push(app);
  };
  const kill = async (name: Name): Promise<void> => {
    const victim = running.get(name);
    if (!victim) return;
    running.delete(name);
    killed.add(victim.instance);
    await victim.app.kill();
  };
  const fleet: Fleet = {
    keys,
    databaseUrl: postgres.url,
    natsUrl: nats.url,
    gatewaySeedFile: nkeySeedFile(nkeys, GATEWAY),
    killed,
    async killOne(random) {
      // One control plane is left to answer: on-demand refreshes are to meet the scheduled ones.
      const controlPlanes = CONTROL_PLANES.filter((one) => running.has(one));
      const alive = [...running.keys()].filter(
        (one) => controlPlanes.length > 1 || !controlPlanes.some((last) => last === one),
      );
      const name = alive[Math.floor(random() * alive.length)];
      if (name === undefined) return;
      await kill(name);
      await start(name);
    },
    async administer(method, path) {
      const response = await fetch(`http://127.0.0.1:${ports[names.length]}${path}`, {
        method,
        headers: { authorization: `Bearer ${readFileSync(adminToken, 'utf8')}` },
      });
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
      return response.json();
    },
    logs: () => all.map((app) => app.output()).join('\n'),
    async stop() {
      await Promise.all([...running.values()].map(({ app }) => app.kill()));
      await nats.stop();
      await redis.stop();
      await postgres.stop();
      removeScratch(directory);
    },
  };
  await start('control-plane')
    .then(() => Promise.all(names.slice(1).map(start)))
    .catch(async (error: unknown) => {
      await fleet.stop();
      throw error;
    });
  return fleet;
}
