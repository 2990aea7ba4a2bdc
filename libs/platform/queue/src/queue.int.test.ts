import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { eventually, startTestPostgres, startTestRedis, type TestPostgres, type TestRedis } from '@sallyport/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createQueueBackend, queueContract, type QueueBackendOptions } from './index.js';

let postgres: TestPostgres;
let redis: TestRedis;
beforeAll(async () => {
  [postgres, redis] = await Promise.all([startTestPostgres(), startTestRedis()]);
});
afterAll(async () => {
  await Promise.all([postgres.stop(), redis.stop()]);
});

describe('jobs on PostgreSQL', () => {
  test.each(queueContract)('$title', ({ check }) => check(createQueueBackend({ kind: 'postgres', databaseUrl: postgres.url }), `q-${randomUUID()}`));
});
describe('jobs on Redis', () => {
  test.each(queueContract)('$title', ({ check }) => check(createQueueBackend({ kind: 'redis', redisUrl: redis.url }), `q-${randomUUID()}`));
});

/** A process of its own that takes one job and never ends it. */
function startHolder(options: QueueBackendOptions, name: string) {
  const built = new URL('../dist/index.js', import.meta.url).href;
  const script = `const [built, options, name] = process.argv.slice(1);
    const { createQueueBackend } = await import(built);
    createQueueBackend(JSON.parse(options)).work(name, () => { process.stdout.write('taken'); return new Promise(() => undefined); }, { concurrency: 1 });`;
  const holder = spawn(process.execPath, ['--input-type=module', '--eval', script, built, JSON.stringify(options), name], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  holder.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  return { hasTaken: () => output === 'taken', kill: () => holder.kill('SIGKILL') };
}

test('a job of a worker that was killed is given to another before a provider\'s grace of 30 s is over (B3)', { timeout: 90_000 }, async () => {
  const backends: QueueBackendOptions[] = [{ kind: 'postgres', databaseUrl: postgres.url }, { kind: 'redis', redisUrl: redis.url }];
  await Promise.all(backends.map(async (options) => {
    const name = `q-${randomUUID()}`;
    const backend = createQueueBackend(options);
    const queue = backend.queue<null>(name);
    await queue.add('refresh', null);
    const holder = startHolder(options, name);
    try {
      await eventually(holder.hasTaken, { timeoutMs: 40_000 });
    } finally {
      holder.kill();
    }
    const seen: string[] = [];
    const worker = backend.work<null>(name, async () => void seen.push(options.kind), { concurrency: 1 });
    await eventually(() => seen.length > 0, { timeoutMs: 25_000 });
    expect(seen).toEqual([options.kind]);
    for (const one of [worker, queue]) await one.close();
  }));
});
