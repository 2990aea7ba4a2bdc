import { connectDatabase } from '@sallyport/database';
import {
  adminClient,
  signedTokens,
  startDistributed,
  startStandalone,
  type DistributedSystem,
  type System,
} from '@sallyport/e2e';
import { ensureDeploymentKeys, loadMasterKey, Sealer } from '@sallyport/keys';
import { newId } from '@sallyport/kernel';
import { benchConfiguration, type BenchConfiguration } from './bench-configuration.js';
import type { Subject } from './subject.js';

/** The events that the control plane has stored. */
export interface Trail {
  /** How many there are of calls, after this sequence. */
  storedAfter(sequence: bigint): Promise<number>;
  lastSequence(): Promise<bigint>;
}

export interface Product extends Subject {
  readonly trail: Trail;
  /** The process that stores events, where it is another than the one under test. */
  readonly storingPid: number | undefined;
  readonly admin: ReturnType<typeof adminClient>;
  /** As agents see a tool of a server. */
  toolName(server: string, tool: string): string;
  /** Access tokens, each of another user, good for an hour. */
  tokens(count: number, options?: { thumbprint?: string }): Promise<readonly string[]>;
}

export interface DistributedProduct extends Product {
  readonly system: DistributedSystem;
}

export interface ProductOptions extends BenchConfiguration {
  /** As which the report has it. */
  readonly name?: 'distributed' | 'two-workers' | 'compared';
  /** Further arguments of Node itself, by process name: `gateway-1`, `control-plane`. Of the distributed system only. */
  readonly nodeArgs?: Readonly<Record<string, readonly string[]>>;
  /** Processes of the gateway, one if not said. Of the distributed system only. */
  readonly workers?: number;
  /** What the gateway runs from, its image if not said: a profile of `dist` names the module of each function. */
  readonly gatewaysFrom?: 'image' | 'dist';
}

/** Thousands of documents are read at the first start. */
const READY_TIMEOUT_MS = 600_000;

/** Processes over PostgreSQL, NATS and Redis of their own, as an operator deploys them; the gateway is measured. */
export async function startDistributedProduct({
  name = 'distributed',
  nodeArgs = {},
  workers = 1,
  gatewaysFrom = 'image',
  ...options
}: ProductOptions): Promise<DistributedProduct> {
  const system = await startDistributed({
    logLevel: 'info',
    interruptible: true,
    readyTimeoutMs: READY_TIMEOUT_MS,
    gatewaysFrom,
    nodeArgs,
    workers,
    configure: (demo) => benchConfiguration(options, demo),
  });
  const pidOf = (name: string) => system.processes().find((one) => one.name === name)?.pid ?? -1;
  const product = productOf(system, {
    name,
    title: 'Sallyport, gateway of the distributed system',
    pid: pidOf('gateway-1'),
    storingPid: pidOf('control-plane'),
  });
  return { ...product, system };
}

/** What `npm start` runs: everything in one process, and PostgreSQL in one that it starts. */
export async function startStandaloneProduct(options: BenchConfiguration): Promise<Product> {
  const system = await startStandalone({
    logLevel: 'warn',
    configure: (demo) => benchConfiguration(options, demo),
  });
  return productOf(system, {
    name: 'standalone',
    title: 'Sallyport, everything in one process',
    pid: system.pid(),
    storingPid: undefined,
  });
}

function productOf(system: System, about: Pick<Product, 'name' | 'title' | 'pid' | 'storingPid'>): Product {
  const database = connectDatabase(system.databaseUrl);
  return {
    ...about,
    origin: system.gatewayUrl,
    admin: adminClient(system),
    toolName: (server, tool) => `${server}__${tool}`,
    trail: {
      storedAfter: (sequence) => database.event.count({ where: { sequence: { gt: sequence }, type: 'mcp.response' } }),
      lastSequence: async () => (await database.event.aggregate({ _max: { sequence: true } }))._max.sequence ?? 0n,
    },
    async tokens(count, options = {}) {
      const sealer = new Sealer(loadMasterKey((await ensureDeploymentKeys(system.keys, { gateways: [] })).master));
      const users = Array.from({ length: count }, () => newId('usr'));
      const audience = `${system.gatewayUrl}/mcp`;
      const signed = await signedTokens(users, { database, sealer, issuer: system.issuer, audience, ...options });
      return [...signed.values()];
    },
    async stop() {
      await database.$disconnect();
      await system.stop();
    },
  };
}
