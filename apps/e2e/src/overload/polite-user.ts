import { setTimeout as pause } from 'node:timers/promises';
import { Pool } from 'undici';

const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
  'io.modelcontextprotocol/clientInfo': { name: 'polite', version: '1.0.0' },
};

export interface ServiceSeen {
  /** Milliseconds each call took, whatever came of it. */
  readonly milliseconds: readonly number[];
  /** What came instead of a result, and how often. */
  readonly failures: Readonly<Record<string, number>>;
}

export interface PoliteUser {
  /** Calls a tool at every gateway in turn, so many times a second, until told to stop; a late answer does not delay the next call. */
  callSteadily(perSecond: number): { stop(): Promise<ServiceSeen> };
  close(): Promise<void>;
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
          const response = await pools[index % pools.length]?.request({ method: 'POST', path: '/mcp', headers, body });
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
