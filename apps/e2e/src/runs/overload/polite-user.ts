import { setTimeout as pause } from 'node:timers/promises';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { repositoryRoot } from '@sallyport/testing';
import { Pool } from 'undici';
import { z } from 'zod';

const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
  'io.modelcontextprotocol/clientInfo': { name: 'polite', version: '1.0.0' },
};

const ServiceSeen = z.object({ milliseconds: z.array(z.number()), failures: z.record(z.string(), z.number()) });
export interface ServiceSeen {
  /** Milliseconds each call took, whatever came of it. */
  readonly milliseconds: readonly number[];
  /** What came instead of a result, and how often. */
  readonly failures: Readonly<Record<string, number>>;
}

export interface PoliteUser {
  /**
   * Calls a tool at every gateway in turn, so many times a second, until told to stop; a late answer does not delay the
   * next call.
   */
  callSteadily(perSecond: number): { stop(): Promise<ServiceSeen> };
  close(): Promise<void>;
}

/** What the process of a polite user is told, one in a line; it answers a `stop` with what was seen. */
export const PoliteOrder = z.discriminatedUnion('type', [
  z.object({ type: z.literal('be'), gateways: z.array(z.string()), host: z.string(), token: z.string() }),
  z.object({ type: z.literal('call'), perSecond: z.number() }),
  z.object({ type: z.literal('stop') }),
]);

/** Somebody else in a process of their own, which nothing but their calls keeps busy. */
export function spawnPoliteUser(gateways: readonly string[], host: string, token: string): PoliteUser {
  const entry = resolve(repositoryRoot, 'apps/e2e/dist/runs/overload/polite-user-process.js');
  const child = spawn(process.execPath, [entry], { stdio: ['pipe', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const tell = (order: z.input<typeof PoliteOrder>) => void child.stdin.write(`${JSON.stringify(order)}\n`);
  tell({ type: 'be', gateways: [...gateways], host, token });
  return {
    callSteadily(perSecond) {
      tell({ type: 'call', perSecond });
      return {
        async stop() {
          tell({ type: 'stop' });
          const { value, done } = await answers.next();
          if (done === true) throw new Error('the process of the polite user ended');
          return ServiceSeen.parse(JSON.parse(value));
        },
      };
    },
    async close() {
      child.stdin.end();
      await closed;
    },
  };
}

/** Somebody else, who only wants to work meanwhile. */
export function createPoliteUser(gateways: readonly string[], host: string, token: string): PoliteUser {
  const pools = gateways.map((origin) => new Pool(origin, { connections: 16, pipelining: 1 }));
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'echo', arguments: { text: 'hello' }, _meta: META },
  });
  const headers = {
    host,
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'tools/call',
    'mcp-name': 'echo',
  };
  return {
    callSteadily(perSecond) {
      const milliseconds: number[] = [];
      const failures: Record<string, number> = {};
      const sent = new Set<Promise<void>>();
      let stopped = false;
      const one = async (index: number): Promise<void> => {
        const began = performance.now();
        const fail = (what: string) => (failures[what] = (failures[what] ?? 0) + 1);
        try {
          const response = await pools[index % pools.length]?.request({
            method: 'POST',
            path: '/mcp/quiet',
            headers,
            body,
          });
          const text = await response?.body.text();
          if (response?.statusCode !== 200 || text?.includes('5 characters') !== true)
            fail(`${response?.statusCode}: ${text?.slice(0, 200)}`);
        } catch (error) {
          fail(String(error));
        }
        milliseconds.push(performance.now() - began);
      };
      const work = (async () => {
        const began = performance.now();
        for (let count = 0; !stopped; count++) {
          await pause(Math.max(0, began + (count * 1000) / perSecond - performance.now()));
          const call = one(count);
          sent.add(call);
          void call.then(() => sent.delete(call));
        }
        await Promise.all(sent);
      })();
      return {
        async stop() {
          stopped = true;
          await work;
          return { milliseconds, failures };
        },
      };
    },
    close: async () => void (await Promise.all(pools.map((pool) => pool.close()))),
  };
}

/** @param share 0.99 for the 99th percentile. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
