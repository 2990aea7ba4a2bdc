import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SallyportError } from '@sallyport/kernel';
import { makeScratch, removeScratch, spawnApp } from '@sallyport/testing';
import { z } from 'zod';
import type { Load } from './load.js';

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
