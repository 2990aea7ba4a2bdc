import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Product } from '../subjects/product.js';

/** An administrator approves another tool of a server every second, until it is stopped. */
export function changeEverySecond({ admin }: Product, server: string): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const work = (async () => {
    while (!stopping.signal.aborted) {
      const sha256 = createHash('sha256').update(String(performance.now())).digest('hex');
      await admin.approveTools({ params: { server }, body: { tools: [{ name: 'echo', sha256 }] } });
      await pause(1_000, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  })();
  return {
    async stop() {
      stopping.abort();
      await work;
    },
  };
}
