import { join } from 'node:path';
import { makeScratch, removeScratch, spawnApp } from '@sallyport/testing';
import { measureMemory } from './measure-memory.js';

/** What a gateway holds for each session, user and connection: `node apps/bench/dist/memory/main.js`. */
const KIB = 1024;
const MIB = 1024 ** 2;
const scratch = makeScratch('bench-memory');
const upstream = await spawnApp({
  entry: 'apps/bench/dist/role.js',
  args: ['upstream', ''],
  readyPattern: /\n/,
  readyTimeoutMs: 120_000,
});
try {
  const steps = await measureMemory(upstream.stdout().trim(), join(scratch, 'memory.json'));
  let before = steps[0]?.memory;
  for (const { what, count, memory } of steps) {
    const each =
      count === 0 || before === undefined
        ? ''
        : `  each ${((memory.heapUsed + memory.external - before.heapUsed - before.external) / count / KIB).toFixed(1)} KiB`;
    const { heapUsed, external, rss } = memory;
    const all = [heapUsed + external, rss].map((bytes) => (bytes / MIB).toFixed(0));
    process.stdout.write(`${what.padEnd(58)} in use ${all[0]} MiB, resident ${all[1]} MiB${each}\n`);
    before = memory;
  }
} finally {
  await upstream.stop();
  removeScratch(scratch);
}
