import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AdminClient } from '@sallyport/admin-api';
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
import { adminClient } from '../../system/administrator.js';

export const GATEWAY = 'gateway-1';
export const GATEWAY_URL = 'http://gateway.test';
export const ISSUER = 'http://issuer.test';

type Role = 'control-plane' | 'authorization-server' | 'token-refresh-worker';
/** How many processes of each role there are. */
export type Replicas = Partial<Record<Role, number>>;
export const REFRESHING: Replicas = { 'control-plane': 2, 'token-refresh-worker': 4 };

/** A process by its role and name: `control-plane-1`. */
interface Member {
  readonly role: Role;
  readonly name: string;
  readonly healthPort: number;
  readonly port: number;
}

/** Our processes over one PostgreSQL, NATS and Redis. */
export interface Fleet {
  readonly keys: DeploymentKeyFiles;
  readonly databaseUrl: string;
  readonly natsUrl: string;
  readonly gatewaySeedFile: string;
  /** By name and start, as PostgreSQL knows them: `token-refresh-worker-1.3`. */
  readonly killed: ReadonlySet<string>;
  /** Where the processes of a role listen, those that are dead just now included. */
  portsOf(role: Role): readonly number[];
  /** SIGKILL to one of them at random, which is then started again; never to the last one that answers requests. */
  killOne(random: () => number): Promise<void>;
  /** The admin API of the first control plane. */
  admin(): AdminClient;
  logs(): string;
  stop(): Promise<void>;
}

export async function startFleet({
  configuration,
  jwksUrl,
  issuer = ISSUER,
  replicas = REFRESHING,
}: {
  configuration: string;
  jwksUrl: string;
  issuer?: string;
  replicas?: Replicas;
}): Promise<Fleet> {
  const directory = join(makeScratch('faults'), 'data');
  mkdirSync(directory, { recursive: true, mode: 0o711 });
  const file = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text, { mode: 0o600 });
    return join(directory, name);
  };
  const members = await membersOf(replicas);
  const keys = await ensureDeploymentKeys(join(directory, 'keys'), { gateways: [GATEWAY] });
  const nkeys = join(directory, 'nkeys');
  const users = await ensureBusUsers(nkeys, [
    ...members.map(({ role, name }) => ({ role, name })),
    { role: 'gateway', name: GATEWAY },
  ]);
  const adminToken = file('admin-token', randomBytes(32).toString('base64url'));
  const configurationFile = file('faults.yaml', configuration);
  const [postgres, redis, nats] = await Promise.all([
    startTestPostgres(),
    startTestRedis(),
    startPrivateNats((place) => natsServerConfig({ ...place, users })),
  ]);
  const deployment = {
    databaseUrl: postgres.url,
    natsUrl: nats.url,
    redisUrl: redis.url,
    authorizationServers: members.filter(({ role }) => role === 'authorization-server').map(({ name }) => name),
    nkeys,
    keys,
    adminToken,
    configurationFile,
    jwksUrl,
    issuer,
  };
  const processes = new Processes((member, instance) => environmentOf(member, instance, deployment));
  const portsOf = (role: Role) => members.filter((member) => member.role === role).map(({ port }) => port);
  const fleet: Fleet = {
    keys,
    databaseUrl: postgres.url,
    natsUrl: nats.url,
    gatewaySeedFile: nkeySeedFile(nkeys, GATEWAY),
    killed: processes.killed,
    portsOf,
    killOne: (random) => processes.killOne(random),
    admin: () =>
      adminClient({
        controlPlaneUrl: `http://127.0.0.1:${portsOf('control-plane')[0]}`,
        adminToken: readFileSync(adminToken, 'utf8'),
      }),
    logs: () => processes.logs(),
    async stop() {
      await processes.killAll();
      await nats.stop();
      await redis.stop();
      await postgres.stop();
      removeScratch(directory);
    },
  };
  const [first, ...others] = members;
  await (first ? processes.start(first) : Promise.resolve())
    .then(() => Promise.all(others.map((member) => processes.start(member))))
    .catch(async (error: unknown) => {
      await fleet.stop();
      throw error;
    });
  return fleet;
}

/** A control plane comes first: it migrates the database and publishes the configuration. */
async function membersOf(replicas: Replicas): Promise<readonly Member[]> {
  const roles: readonly Role[] = ['control-plane', 'authorization-server', 'token-refresh-worker'];
  const named = roles.flatMap((role) =>
    Array.from({ length: replicas[role] ?? 0 }, (_, index) => ({ role, name: `${role}-${index + 1}` })),
  );
  const ports = await freePorts(named.length * 2);
  return named.map((member, index) => ({
    ...member,
    healthPort: ports[index] ?? 0,
    port: ports[named.length + index] ?? 0,
  }));
}

interface Deployment {
  readonly databaseUrl: string;
  readonly natsUrl: string;
  readonly redisUrl: string;
  readonly authorizationServers: readonly string[];
  readonly nkeys: string;
  readonly keys: DeploymentKeyFiles;
  readonly adminToken: string;
  readonly configurationFile: string;
  readonly jwksUrl: string;
  readonly issuer: string;
}

function environmentOf(
  { role, name, healthPort, port }: Member,
  instance: string,
  { keys, issuer, ...deployment }: Deployment,
): Record<string, string> {
  const databaseUrl = new URL(deployment.databaseUrl);
  databaseUrl.searchParams.set('application_name', instance);
  const url = `http://127.0.0.1:${port}`;
  const common = {
    NATS_URL: deployment.natsUrl,
    SALLYPORT_NATS_SEED_FILE: nkeySeedFile(deployment.nkeys, name),
    SALLYPORT_REPLICA: name,
    SALLYPORT_HEALTH_PORT: String(healthPort),
    SALLYPORT_LOG_LEVEL: 'info',
    DATABASE_URL: databaseUrl.toString(),
    SALLYPORT_MASTER_KEY_FILE: keys.master,
  };
  const listening = { SALLYPORT_PORT: String(port), SALLYPORT_GATEWAY_URL: GATEWAY_URL, SALLYPORT_ISSUER: issuer };
  switch (role) {
    case 'token-refresh-worker':
      return {
        ...common,
        REDIS_URL: deployment.redisUrl,
        SALLYPORT_CONFIGURATION_PUBLIC_KEY_FILE: keys.configurationSigningPublic,
        SALLYPORT_TICK_INTERVAL: '500ms',
      };
    case 'authorization-server':
      return {
        ...common,
        ...listening,
        SALLYPORT_INTERNAL_URLS: url,
        SALLYPORT_CONFIGURATION_PUBLIC_KEY_FILE: keys.configurationSigningPublic,
      };
    case 'control-plane':
      return {
        ...common,
        ...listening,
        SALLYPORT_CONTROL_PLANE_URL: url,
        SALLYPORT_JWKS_URL: deployment.jwksUrl,
        SALLYPORT_ADMIN_TOKEN_FILE: deployment.adminToken,
        SALLYPORT_CONFIGURATION_FILE: deployment.configurationFile,
        SALLYPORT_CONFIGURATION_SIGNING_KEY_FILE: keys.configurationSigning,
        SALLYPORT_LEASE_KEY_FILE: keys.lease,
        SALLYPORT_LEASE_SIGNING_KEY_FILE: keys.leaseSigning,
        SALLYPORT_ENROLLED_GATEWAYS: keys.gateways,
        ...(deployment.authorizationServers.length === 0
          ? {}
          : { SALLYPORT_AUTHORIZATION_SERVERS: deployment.authorizationServers.join(',') }),
      };
  }
}

/** The members that run, and every start of them. */
class Processes {
  readonly killed = new Set<string>();
  readonly #environmentOf: (member: Member, instance: string) => Record<string, string>;
  readonly #all: SpawnedApp[] = [];
  readonly #running = new Map<Member, { readonly app: SpawnedApp; readonly instance: string }>();

  constructor(environment: (member: Member, instance: string) => Record<string, string>) {
    this.#environmentOf = environment;
  }

  async start(member: Member): Promise<void> {
    const instance = `${member.name}.${this.#all.length}`;
    const app = await spawnApp({
      entry: `apps/${member.role}/dist/main.js`,
      env: this.#environmentOf(member, instance),
      readyPattern: /"msg":"running"/,
      readyTimeoutMs: 120_000,
    });
    this.#running.set(member, { app, instance });
    this.#all.push(app);
  }

  async killOne(random: () => number): Promise<void> {
    const running = [...this.#running.keys()];
    // One is left to answer, so that what requests cause meets what runs on a schedule.
    const mayDie = running.filter(
      ({ role }) => role === 'token-refresh-worker' || running.filter((other) => other.role === role).length > 1,
    );
    const member = mayDie[Math.floor(random() * mayDie.length)];
    if (member === undefined) return;
    await this.#kill(member);
    await this.start(member);
  }

  logs(): string {
    return this.#all.map((app) => app.output()).join('\n');
  }

  async killAll(): Promise<void> {
    await Promise.all([...this.#running.values()].map(({ app }) => app.kill()));
  }

  async #kill(member: Member): Promise<void> {
    const victim = this.#running.get(member);
    if (!victim) return;
    this.#running.delete(member);
    this.killed.add(victim.instance);
    await victim.app.kill();
  }
}
