import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  eventually,
  startPrivatePostgres,
  startTestPostgres,
  startTestRedis,
  type PrivatePostgres,
  type TestPostgres,
  type TestRedis,
} from '@sallyport/testing';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createQueueBackend, type QueueBackendOptions } from './index.js';
import { queueContract } from './queue.contract.js';
import { PatientClient } from './patient-client.js';

let postgres: TestPostgres;
let redis: TestRedis;
beforeAll(async () => {
  [postgres, redis] = await Promise.all([startTestPostgres(), startTestRedis()]);
});
afterAll(async () => {
  await Promise.all([postgres.stop(), redis.stop()]);
});

describe('jobs on PostgreSQL', () => {
  test.each(queueContract)('$title', ({ check }) =>
    check(createQueueBackend({ kind: 'postgres', databaseUrl: postgres.url }), `q-${randomUUID()}`),
  );
});
describe('jobs on Redis', () => {
  test.each(queueContract)('$title', ({ check }) =>
    check(createQueueBackend({ kind: 'redis', redisUrl: redis.url }), `q-${randomUUID()}`),
  );
});

/** A process of its own that takes one job and never ends it. */
function startHolder(options: QueueBackendOptions, name: string) {
  const built = new URL('../dist/index.js', import.meta.url).href;
  const script = `const [built, options, name] = process.argv.slice(1);
    const { createQueueBackend } = await import(built);
    createQueueBackend(JSON.parse(options)).work(name, () => { process.stdout.write('taken'); return new Promise(() => undefined); }, { concurrency: 1 });`;
  const holder = spawn(
    process.execPath,
    ['--input-type=module', '--eval', script, built, JSON.stringify(options), name],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let output = '';
  holder.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  return { hasTaken: () => output === 'taken', kill: () => holder.kill('SIGKILL') };
}

test(
  "a job of a worker that was killed is given to another before a provider's grace of 30 s is over (B3)",
  { timeout: 90_000 },
  async () => {
    const backends: QueueBackendOptions[] = [
      { kind: 'postgres', databaseUrl: postgres.url },
      { kind: 'redis', redisUrl: redis.url },
    ];
    await Promise.all(
      backends.map(async (options) => {
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
      }),
    );
  },
);

describe('a PostgreSQL that is killed', { timeout: 120_000 }, () => {
  let server: PrivatePostgres;
  beforeAll(async () => {
    server = await startPrivatePostgres();
  }, 60_000);
  afterAll(() => server.stop());

  test('while the first connection is made neither ends the process nor keeps it busy, and jobs go on when it is back', async () => {
    await server.kill();
    const problems: Error[] = [];
    const backend = createQueueBackend({
      kind: 'postgres',
      databaseUrl: server.url,
      onProblem: (error) => problems.push(error),
    });
    const name = `q-${randomUUID()}`;
    const seen: string[] = [];
    const queue = backend.queue<string>(name);
    const worker = backend.work<string>(name, async (data) => void seen.push(data), { concurrency: 1 });
    await expect(queue.add('early', 'early')).rejects.toThrow('ECONNREFUSED');
    const [busyFrom, began] = [process.cpuUsage(), performance.now()];
    await new Promise((resolve) => setTimeout(resolve, 2_500)); // two attempts and the pauses between them
    const { user, system } = process.cpuUsage(busyFrom);
    expect((user + system) / 1_000 / (performance.now() - began)).toBeLessThan(0.5);
    expect(problems.length).toBeLessThan(40);
    await server.resume();
    await eventually(
      () =>
        queue.add('late', 'late').then(
          () => true,
          () => false,
        ),
      { timeoutMs: 30_000 },
    );
    await eventually(() => seen.includes('late'), { timeoutMs: 30_000 });
    for (const one of [worker, queue]) await one.close();
  });

  test("under a connection that BullMQ holds is that connection's failure, and no unhandled event", async () => {
    const url = new URL(server.url);
    url.search = '';
    const pool = new pg.Pool({ connectionString: url.toString(), Client: PatientClient });
    const held = await pool.connect();
    const ended = new Promise((resolve) => held.once('end', resolve));
    await server.kill();
    await ended;
    await expect(held.query('SELECT 1')).rejects.toThrow('not queryable');
    held.release(true);
    const began = performance.now();
    await expect(pool.connect()).rejects.toThrow('ECONNREFUSED');
    expect(performance.now() - began).toBeGreaterThan(900); // whoever asks at once again does so once a second
    await pool.end();
    await server.resume();
  });
});
