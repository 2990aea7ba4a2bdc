import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { Pool } from 'undici';
import { percentile } from '../report/percentile.js';
import type { LoadOrder, LoadResult } from './load.js';

/** What the process does. @param file of a {@link LoadOrder} */
export async function runNodeLoad(file: string): Promise<LoadResult> {
  const order = JSON.parse(readFileSync(file, 'utf8')) as LoadOrder;
  const pool = new Pool(order.origin, { connections: order.connections, pipelining: 1 });
  const latencies: number[] = [];
  let errors = 0;
  let next = 0;
  const began = performance.now();
  const until = began + order.seconds * 1000;
  const connection = async (): Promise<void> => {
    while (performance.now() < until) {
      if (order.thinkMs > 0) await pause(-Math.log(1 - Math.random()) * order.thinkMs);
      const request = order.requests[next++ % order.requests.length];
      if (request === undefined) return;
      const { path, headers, body, expected } = request;
      const sent = performance.now();
      try {
        const answer = await pool.request({ method: 'POST', path, headers, body });
        const text = await answer.body.text();
        if (answer.statusCode >= 400 || !text.includes(expected)) errors++;
      } catch {
        errors++; // a connection that broke, as wrk counts it
      }
      latencies.push(performance.now() - sent);
    }
  };
  await Promise.all(Array.from({ length: order.connections }, connection));
  await pool.close();
  const sorted = latencies.toSorted((a, b) => a - b);
  return {
    requests: sorted.length,
    errors,
    seconds: (performance.now() - began) / 1000,
    p50: percentile(sorted, 0.5),
    p99: percentile(sorted, 0.99),
    p999: percentile(sorted, 0.999),
    max: sorted.at(-1) ?? Number.NaN,
  };
}
