import { Pool } from 'undici';
import { z } from 'zod';
import type { Round } from '../compare.js';

export const LoadOrder = z.object({
  url: z.url(),
  headers: z.record(z.string(), z.string()),
  body: z.string(),
  connections: z.int().min(1),
  /** Measured time; nothing is counted during the warm-up before it. */
  seconds: z.number().positive(),
  warmUpSeconds: z.number().min(0),
});
export type LoadOrder = z.infer<typeof LoadOrder>;

/** Closed loop: each connection sends its next call when the last one has been answered whole. */
export async function generateLoad(order: LoadOrder): Promise<Round> {
  const { origin, pathname } = new URL(order.url);
  const pool = new Pool(origin, { connections: order.connections, pipelining: 1 });
  const latencies: number[] = [];
  let errors = 0;
  const countFrom = performance.now() + order.warmUpSeconds * 1000;
  const until = countFrom + order.seconds * 1000;
  const call = async (): Promise<void> => {
    while (performance.now() < until) {
      const began = performance.now();
      const { statusCode, body } = await pool.request({
        method: 'POST',
        path: pathname,
        headers: order.headers,
        body: order.body,
      });
      const text = await body.text();
      const ended = performance.now();
      if (began < countFrom || ended > until) continue;
      latencies.push(ended - began);
      if (statusCode !== 200 || !text.includes('"result"') || text.includes('"isError":true')) errors++;
    }
  };
  await Promise.all(Array.from({ length: order.connections }, call));
  await pool.close();
  return { requests: latencies.length, errors, seconds: order.seconds, latencies };
}
