import { readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { eventually } from '@sallyport/testing';
import { z } from 'zod';
import { beginSession, legacyCalls, modernCalls, type Route } from '../load/mcp-request.js';
import { primeWith } from '../load/prime.js';
import { inTurns } from '../scenarios/in-turns.js';
import { startDistributedProduct } from '../subjects/product.js';
import type { BenchServer } from '../subjects/subject.js';

/** Bytes that are in use after a collection, and what the process holds. */
const Memory = z.object({ heapUsed: z.number(), external: z.number(), rss: z.number() });
export type MemoryInUse = z.infer<typeof Memory>;

export interface MemoryStep {
  readonly what: string;
  /** How many of them were added in this step; 0 where it is a state. */
  readonly count: number;
  readonly memory: MemoryInUse;
}

const modern: BenchServer = { name: 'modern', era: 'modern' };
const legacy: BenchServer = { name: 'legacy', era: 'legacy' };
const USERS = 100;
const EACH = 1_000;
const PRELOADED = fileURLToPath(new URL('./tell-memory.js', import.meta.url));

/**
 * What a gateway holds, in steps of a thousand: of each step, what is more after all garbage was collected. The first
 * sessions are a step of their own, since they bring the code that all later ones use.
 * @param file that the gateway writes its memory into
 */
export async function measureMemory(upstream: string, file: string): Promise<MemoryStep[]> {
  const nodeArgs = { 'gateway-1': [`--title=${file}`, `--import=${PRELOADED}`] };
  const product = await startDistributedProduct({ servers: [modern, legacy], upstream, nodeArgs });
  const { origin, pid, toolName, tokens } = product;
  const routeTo = ({ name }: BenchServer): Route => ({
    path: '/mcp',
    server: name,
    toolName: (tool) => toolName(name, tool),
  });
  const steps: MemoryStep[] = [];
  const note = async (what: string, count: number): Promise<void> =>
    void steps.push({ what, count, memory: await memoryOf(pid, file) });
  const sockets: ReturnType<typeof connect>[] = [];
  try {
    const known = await tokens(USERS);
    const begin = () =>
      inTurns(
        Array.from({ length: EACH }, (_, index) => known[index % USERS]),
        async (token) => ({ id: await beginSession(origin, '/mcp', token), token }),
      );
    const beginAndUse = async () => primeWith(origin, legacyCalls(routeTo(legacy), EACH, await begin()));

    await note('a gateway that waits', 0);
    await beginAndUse();
    await note('the first sessions, used once each', 0);
    await beginAndUse();
    await note('a further session of 2025-11-25, used once', EACH);
    await beginAndUse();
    await note('a further session of 2025-11-25, used once', EACH);
    await begin();
    await note('a further session of 2025-11-25, never used', EACH);
    for (let time = 0; time < 2; time++) {
      await primeWith(origin, modernCalls(routeTo(modern), EACH, { tokens: await tokens(EACH) }));
      await note('a further user of 2026-07-28, with a token and a lease', EACH);
    }
    const { hostname, port } = new URL(origin);
    for (let count = 0; count < EACH; count++) {
      const socket = connect({ host: hostname, port: Number(port) });
      sockets.push(socket);
      await new Promise<void>((resolve, reject) => void socket.once('connect', resolve).once('error', reject));
    }
    await note('a further connection that is open and says nothing', EACH);
    return steps;
  } finally {
    for (const socket of sockets) socket.destroy();
    await product.stop();
  }
}

async function memoryOf(pid: number, file: string): Promise<MemoryInUse> {
  rmSync(file, { force: true });
  process.kill(pid, 'SIGUSR2');
  return await eventually(() => Memory.parse(JSON.parse(readFileSync(file, 'utf8'))), { timeoutMs: 30_000 });
}
