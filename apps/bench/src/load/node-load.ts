import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { SallyportError } from '@sallyport/kernel';
import { makeScratch, removeScratch, spawnApp } from '@sallyport/testing';
import { Pool } from 'undici';
import { z } from 'zod';
import type { Load, LoadOrder, LoadResult } from './load.js';
import { percentile } from '../report/percentile.js';

const Result = z.object({
  requests: z.number(),
  errors: z.number(),
  seconds: z.number(),
  p50: z.number(),
  p99: z.number(),
  p999: z.number(),
  max: z.number(),
});

/** Where there is no wrk: a process of Node's. It checks every answer, and takes far more of the machine. */
export const nodeLoad = (program: string): Load => ({
  name: "Node's own",
  async run(order) {
    const scratch = makeScratch('load');
    const file = join(scratch, 'order.json');
    try {
      writeFileSync(file, JSON.stringify(order));
      const app = await spawnApp({ entry: program, args: ['node-load', file] });
      const { code } = await app.exited;
      if (code !== 0)
        throw new SallyportError('bench_load_failed', `The load ended with exit code ${code}:\n${app.output()}`);
      return Result.parse(JSON.parse(app.stdout()));
    } finally {
      removeScratch(scratch);
    }
  },
});

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
