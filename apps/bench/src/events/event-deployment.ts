import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectDatabase } from '@sallyport/database';
import { ensureDeploymentKeys } from '@sallyport/keys';
import { ensureBusUsers, natsServerConfig, nkeySeedFile } from '@sallyport/messaging';
import {
  freePorts,
  makeScratch,
  removeScratch,
  spawnApp,
  startPrivateNats,
  startPrivatePostgres,
} from '@sallyport/testing';
import { readProcessStats } from './processor-time.js';

const GATEWAY = 'gateway-1';

const FILE = `kind: OutboundNetwork
name: default
spec: { allow: [] }
`;

/**
 * A control plane over PostgreSQL and NATS with the settings they come with, and a place for one gateway's events.
 * @param prepare fills the database before the control plane sees it
 */
export async function startEventDeployment(prepare?: (databaseUrl: string) => Promise<void>) {
  const directory = makeScratch('bench-events');
  const keys = await ensureDeploymentKeys(join(directory, 'keys'), { gateways: [GATEWAY] });
  const nkeys = join(directory, 'nkeys');
  const users = await ensureBusUsers(nkeys, [
    { role: 'control-plane', name: 'control-plane' },
    { role: 'gateway', name: GATEWAY },
  ]);
  const [configuration, adminToken, spool] = ['sallyport.yaml', 'admin-token', 'spool'].map((name) =>
    join(directory, name),
  ) as [string, string, string];
  writeFileSync(configuration, FILE);
  const token = randomBytes(32).toString('base64url');
  writeFileSync(adminToken, token, { mode: 0o600 });
  mkdirSync(spool, { mode: 0o700 });
  const [postgres, nats, [port = 0, healthPort = 0]] = await Promise.all([
    startPrivatePostgres(),
    startPrivateNats((place) => natsServerConfig({ ...place, users })),
    freePorts(2),
  ]);
  await prepare?.(postgres.url);
  const controlPlane = await spawnApp({
    entry: 'apps/control-plane/dist/main.js',
    env: {
      NATS_URL: nats.url,
      DATABASE_URL: postgres.url,
      SALLYPORT_NATS_SEED_FILE: nkeySeedFile(nkeys, 'control-plane'),
      SALLYPORT_REPLICA: 'control-plane',
      SALLYPORT_PORT: String(port),
      SALLYPORT_HEALTH_PORT: String(healthPort),
      SALLYPORT_GATEWAY_URL: 'http://127.0.0.1:7400',
      SALLYPORT_ISSUER: 'http://127.0.0.1:7401',
      SALLYPORT_CONTROL_PLANE_URL: `http://127.0.0.1:${port}`,
      SALLYPORT_ADMIN_TOKEN_FILE: adminToken,
      SALLYPORT_CONFIGURATION_FILE: configuration,
      SALLYPORT_MASTER_KEY_FILE: keys.master,
      SALLYPORT_CONFIGURATION_SIGNING_KEY_FILE: keys.configurationSigning,
      SALLYPORT_LEASE_KEY_FILE: keys.lease,
      SALLYPORT_LEASE_SIGNING_KEY_FILE: keys.leaseSigning,
      SALLYPORT_ENROLLED_GATEWAYS: keys.gateways,
      SALLYPORT_AUTHORIZATION_SERVERS: 'authorization-server',
    },
    readyPattern: /"msg":"running"/,
    readyTimeoutMs: 60_000,
  });
  const database = connectDatabase(postgres.url, 1);
  const [backend] = await database.$queryRaw<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`;
  const processes = readProcessStats();
  const pidOf = (what: string, pid: number | undefined): number => {
    if (pid === undefined) throw new Error(`The process of ${what} was not found in /proc.`);
    return pid;
  };
  return {
    writer: { natsUrl: nats.url, seedFile: nkeySeedFile(nkeys, GATEWAY), replica: GATEWAY, spool },
    api: { url: `http://127.0.0.1:${port}`, token },
    healthUrl: `http://127.0.0.1:${healthPort}`,
    pids: {
      'control plane': controlPlane.pid,
      PostgreSQL: pidOf('PostgreSQL', processes.find(({ pid }) => pid === backend?.pid)?.parent),
      NATS: pidOf('NATS', processes.find((one) => one.parent === process.pid && one.name.startsWith('nats'))?.pid),
    },
    /** The sequence of the newest row: cheap to ask for, and not less than the number of rows. */
    async newest(): Promise<number> {
      const [row] = await database.$queryRaw<
        { newest: bigint | null }[]
      >`SELECT max("sequence") AS newest FROM "Event"`;
      return Number(row?.newest ?? 0);
    },
    /** Rows of the trail that tell of calls; each call has two. */
    storedRows: (): Promise<number> =>
      database.event.count({ where: { type: { in: ['mcp.request', 'mcp.response'] } } }),
    output: () => controlPlane.output(),
    async stop(): Promise<void> {
      await controlPlane.stop();
      await database.$disconnect();
      await nats.stop();
      await postgres.stop();
      removeScratch(directory);
    },
  };
}
