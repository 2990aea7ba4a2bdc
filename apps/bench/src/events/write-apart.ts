import { SallyportError } from '@sallyport/kernel';
import { spawnApp } from '@sallyport/testing';
import type { WriteOrder, Written } from './write-records.js';

const PROGRAM = 'apps/bench/dist/events/main.js';

/** Writes records in a process of its own, as a gateway does. */
export async function write(order: WriteOrder): Promise<Written> {
  const app = await spawnApp({ entry: PROGRAM, args: [JSON.stringify(order)] });
  const { code } = await app.exited;
  if (code !== 0) throw new SallyportError('bench_load_failed', `The writer ended with ${code}:\n${app.output()}`);
  return JSON.parse(app.stdout()) as Written;
}
