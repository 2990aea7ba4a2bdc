import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureDeploymentKeys } from '@sallyport/keys';
import { ensureBusUsers, natsServerConfig, nkeySeedFile } from '@sallyport/messaging';
import {
  eventually,
  freePorts,
  spawnApp,
  startPrivateNats,
  startPrivatePostgres,
  startPrivateRedis,
  startTestPostgres,
  startTestRedis,
} from '@sallyport/testing';
import type { PrivateNats, SpawnedApp } from '@sallyport/testing';
import { buildImage } from './build-image.js';
import { prepareSurroundings } from './surroundings.js';
import type { System } from './system.js';

export const GATEWAY = 'gateway-1';

/** Where each replica listens; the first one of each is what the public URL names. */
export interface DistributedSystem extends System {
  readonly gateways: readonly string[];
  readonly authorizationServers: readonly string[];
  /** Where the bus keeps its streams, and where our processes keep what they write. */
  readonly natsStore: string;
  readonly dataDir: string;
  readonly redisUrl: string;
  /** Where it was asked for (`interruptible`): what our processes stand on, to be taken away and given back. */
  readonly services: Readonly<Record<'postgres' | 'nats' | 'redis', InterruptibleService>> | undefined;
  /** PEM of the authority that our certificates and the vendor's site have. */
  readonly certificateAuthority: string;
  /** Puts another certificate into the files of our listeners (`tls`). @returns it, in PEM */
  replaceCertificate(): Promise<string>;
  /** What runs now, by name: its process, and where it tells of its health. */
  processes(): readonly { readonly name: string; readonly pid: number; readonly healthUrl: string }[];
  /** SIGKILL to one process, by its name: `gateway-2`. */
  kill(name: string): Promise<void>;
  /** Starts it again on the same data, and waits until it is ready. */
  restart(name: string): Promise<void>;
}

export interface InterruptibleService {
  halt(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  resume(): Promise<void>;
}

/** Processes over PostgreSQL, NATS with a least-privilege user each, and Redis: what an operator deploys. */
export async function startDistributed(
  replicas: {
    gateways?: number;
    controlPlanes?: number;
    /** Processes of each gateway. */
    workers?: number;
    /** Whether gateways are what their image holds and start as it does; what the compiler left if not said. */
    gatewaysFrom?: 'image' | 'dist';
    /** Whether gateways take the short-cut for warm calls; as they are shipped if not said. */
    shortcut?: 'on' | 'off';
    authorizationServers?: number;
    logLevel?: 'trace' | 'info';
    interruptible?: boolean;
    configure?: Parameters<typeof prepareSurroundings>[0];
    /** Milliseconds until a process must be ready; two minutes unless said. */
    readyTimeoutMs?: number;
    /** Arguments of Node itself, by process name. */
    nodeArgs?: Readonly<Record<string, readonly string[]>>;
    /** Whether TLS ends at our listeners; what they show is vouched for by `certificateAuthority` alone. */
    tls?: boolean;
    /** For all processes. */
    env?: Readonly<Record<string, string>>;
  } = {},
): Promise<DistributedSystem> {
  const gateways = Array.from({ length: replicas.gateways ?? 1 }, (_, index) => `gateway-${index + 1}`);
  const authorizationServers = Array.from({ length: replicas.authorizationServers ?? 1 }, (_, index) =>
    index === 0 ? 'authorization-server' : `authorization-server-${index + 1}`,
  );
  const controlPlanes = Array.from({ length: replicas.controlPlanes ?? 1 }, (_, index) =>
    index === 0 ? 'control-plane' : `control-plane-${index + 1}`,
  );
  const ROLES = [
    ...controlPlanes.map((name) => ({ role: 'control-plane', name }) as const),
    ...authorizationServers.map((name) => ({ role: 'authorization-server', name }) as const),
    { role: 'token-refresh-worker', name: 'token-refresh-worker' },
    ...gateways.map((name) => ({ role: 'gateway', name }) as const),
  ] as const;
  const surroundings = await prepareSurroundings(replicas.configure, { tls: replicas.tls === true });
  const { ports, urls, dataDir } = surroundings;
  const furtherPorts = await freePorts(gateways.length + authorizationServers.length + controlPlanes.length);
  const portOf = (names: readonly string[], first: number, further: readonly number[]) =>
    Object.fromEntries(names.map((name, index) => [name, index === 0 ? first : (further[index] ?? 0)]));
  const gatewayPorts = portOf(gateways, ports.gateway, furtherPorts);
  const authorizationServerPorts = portOf(
    authorizationServers,
    ports.authorizationServer,
    furtherPorts.slice(gateways.length),
  );
  const controlPlanePorts = portOf(
    controlPlanes,
    ports.controlPlane,
    furtherPorts.slice(gateways.length + authorizationServers.length),
  );
  const local = (port: number | undefined) => `${replicas.tls === true ? 'https' : 'http'}://127.0.0.1:${port}`;
  const keys = await ensureDeploymentKeys(join(dataDir, 'keys'), { gateways });
  const nkeys = join(dataDir, 'nkeys');
  const users = await ensureBusUsers(nkeys, ROLES);
  const adminTokenFile = join(dataDir, 'admin-token');
  writeFileSync(adminTokenFile, randomBytes(32).toString('base64url'), { mode: 0o600 });
  const spoolOf = (name: string): string => {
    const spool = join(dataDir, `spool-${name}`);
    mkdirSync(spool, { mode: 0o700 });
    return spool;
  };

  const startNats = () => startPrivateNats((place) => natsServerConfig({ ...place, users }));
  const started = replicas.interruptible === true ? await startInterruptible(startNats) : undefined;
  const [postgres, redis, nats] =
    started?.running ?? (await Promise.all([startTestPostgres(), startTestRedis(), startNats()]));
  const healthPorts = Object.fromEntries(
    (await freePorts(ROLES.length)).map((port, index) => [ROLES[index]?.name ?? '', port]),
  );
  const common = (name: string, port?: number) => ({
    ...replicas.env,
    NATS_URL: nats.url,
    SALLYPORT_NATS_SEED_FILE: nkeySeedFile(nkeys, name),
    SALLYPORT_REPLICA: name,
    SALLYPORT_HEALTH_PORT: String(healthPorts[name]),
    SALLYPORT_LOG_LEVEL: replicas.logLevel ?? 'trace',
    SALLYPORT_CA_FILES: surroundings.certificateAuthorityFile,
    ...(port === undefined
      ? {}
      : {
          ...surroundings.listenerCertificate?.env,
          SALLYPORT_PORT: String(port),
          SALLYPORT_GATEWAY_URL: urls.gatewayUrl,
          SALLYPORT_ISSUER: urls.issuer,
        }),
  });
  const environments: Record<string, Record<string, string>> = {
    ...Object.fromEntries(
      controlPlanes.map((name) => [
        name,
        {
          ...common(name, controlPlanePorts[name]),
          ...surroundings.secretEnvironment,
          DATABASE_URL: postgres.url,
          SALLYPORT_CONTROL_PLANE_URL: urls.controlPlaneUrl,
          SALLYPORT_ADMIN_TOKEN_FILE: adminTokenFile,
          SALLYPORT_CONFIGURATION_FILE: surroundings.configurationFile,
          SALLYPORT_MASTER_KEY_FILE: keys.master,
          SALLYPORT_CONFIGURATION_SIGNING_KEY_FILE: keys.configurationSigning,
          SALLYPORT_LEASE_KEY_FILE: keys.lease,
          SALLYPORT_LEASE_SIGNING_KEY_FILE: keys.leaseSigning,
          SALLYPORT_ENROLLED_GATEWAYS: keys.gateways,
          SALLYPORT_AUTHORIZATION_SERVERS: authorizationServers.join(','),
        },
      ]),
    ),
    ...Object.fromEntries(
      authorizationServers.map((name) => [
        name,
        {
          ...common(name, authorizationServerPorts[name]),
          SALLYPORT_INTERNAL_URLS: local(authorizationServerPorts[name]),
          DATABASE_URL: postgres.url,
          SALLYPORT_CONTROL_PLANE_URL: urls.controlPlaneUrl,
          SALLYPORT_MASTER_KEY_FILE: keys.master,
          SALLYPORT_CONFIGURATION_PUBLIC_KEY_FILE: keys.configurationSigningPublic,
        },
      ]),
    ),
    'token-refresh-worker': {
      ...common('token-refresh-worker'),
      DATABASE_URL: postgres.url,
      REDIS_URL: redis.url,
      SALLYPORT_MASTER_KEY_FILE: keys.master,
      SALLYPORT_CONFIGURATION_PUBLIC_KEY_FILE: keys.configurationSigningPublic,
    },
    ...Object.fromEntries(
      gateways.map((name) => [
        name,
        {
          ...common(name, gatewayPorts[name]),
          SALLYPORT_CONFIGURATION_PUBLIC_KEY_FILE: keys.configurationSigningPublic,
          SALLYPORT_LEASE_PUBLIC_KEY_FILE: keys.leasePublic,
          SALLYPORT_LEASE_SIGNING_PUBLIC_KEY_FILE: keys.leaseSigningPublic,
          SALLYPORT_GATEWAY_KEY_FILE: keys.gatewayKey(name),
          SALLYPORT_GATEWAY_STATE_KEY_FILES: keys.gatewayState,
          SALLYPORT_SPOOL_DIR: spoolOf(name),
          ...(replicas.workers === undefined ? {} : { SALLYPORT_GATEWAY_WORKERS: String(replicas.workers) }),
          ...(replicas.shortcut === undefined ? {} : { SALLYPORT_GATEWAY_WARM: replicas.shortcut }),
        },
      ]),
    ),
  };

  const image =
    replicas.gatewaysFrom === 'image' ? await buildImage('gateway', join(dataDir, 'gateway-image')) : undefined;
  const all: SpawnedApp[] = [];
  const running = new Map<string, SpawnedApp>();
  const startOne = async ({ role, name }: (typeof ROLES)[number]): Promise<void> => {
    const program = (role === 'gateway' ? image : undefined) ?? { entry: `apps/${role}/dist/main.js`, nodeArgs: [] };
    const app = await spawnApp({
      entry: program.entry,
      env: environments[name] ?? {},
      nodeArgs: [...program.nodeArgs, ...(replicas.nodeArgs?.[name] ?? [])],
      readyPattern: /"msg":"running"/,
      readyTimeoutMs: replicas.readyTimeoutMs ?? 120_000,
    });
    all.push(app);
    running.set(name, app);
  };
  const isReady = (name: string) =>
    eventually(
      async () => {
        const response = await fetch(`http://127.0.0.1:${healthPorts[name]}/readyz`);
        const report = (await response.json()) as { status: string };
        if (report.status !== 'ready') throw new Error(`${name}: ${JSON.stringify(report)}`);
        return true;
      },
      { timeoutMs: 30_000 },
    );
  const start = async (): Promise<void> => {
    const failures = (await Promise.allSettled(ROLES.map(startOne))).flatMap((result) =>
      result.status === 'rejected' ? [result.reason] : [],
    );
    if (failures.length > 0) throw new AggregateError(failures, failures.map(String).join('\n'));
    for (const { name } of ROLES) await isReady(name);
  };
  const stopSurroundings = async (): Promise<void> => {
    await nats.stop();
    await redis.stop();
    await postgres.stop();
    await surroundings.close();
  };
  await start().catch(async (error: unknown) => {
    await Promise.all(all.map((app) => app.kill()));
    await stopSurroundings();
    throw error;
  });

  return {
    mode: 'distributed',
    ...urls,
    gateways: gateways.map((name) => local(gatewayPorts[name])),
    authorizationServers: authorizationServers.map((name) => local(authorizationServerPorts[name])),
    adminToken: readFileSync(adminTokenFile, 'utf8'),
    demo: surroundings.demo,
    downstream: surroundings.downstream,
    clientMetadataUrl: surroundings.clientMetadataUrl,
    redirectUri: surroundings.redirectUri,
    keys: join(dataDir, 'keys'),
    databaseUrl: postgres.url,
    natsUrl: nats.url,
    natsStore: nats.storeDir,
    dataDir,
    redisUrl: redis.url,
    services: started?.services,
    certificateAuthority: readFileSync(surroundings.certificateAuthorityFile, 'utf8'),
    replaceCertificate: async () => (await surroundings.listenerCertificate?.issue()) ?? '',
    nkeys,
    logs: () => all.map((app) => app.output()).join('\n'),
    processes: () =>
      [...running].map(([name, { pid }]) => ({ name, pid, healthUrl: `http://127.0.0.1:${healthPorts[name]}` })),
    async kill(name) {
      await running.get(name)?.kill();
    },
    async restart(name) {
      await Promise.all(ROLES.filter((role) => role.name === name).map(startOne));
      await isReady(name);
    },
    async killAndRestart() {
      await Promise.all([...running.values()].map((app) => app.kill()));
      await start();
    },
    async stop() {
      await Promise.all([...running.values()].map((app) => app.stop()));
      await stopSurroundings();
    },
  };
}

/** Private servers in any case: nobody else's are taken away. */
async function startInterruptible(startNats: () => Promise<PrivateNats>) {
  const [postgres, redis, nats] = await Promise.all([startPrivatePostgres(), startPrivateRedis(), startNats()]);
  const services: NonNullable<DistributedSystem['services']> = {
    postgres: { halt: () => postgres.halt(), kill: () => postgres.kill(), resume: () => postgres.resume() },
    nats: { halt: () => nats.kill(), kill: () => nats.kill(), resume: () => nats.restart() },
    redis: { halt: () => redis.kill(), kill: () => redis.kill(), resume: () => redis.restart() },
  };
  return { running: [postgres, redis, nats] as const, services };
}
