import { randomUUID } from 'node:crypto';
import { startTestPostgres, startTestRedis, type TestPostgres, type TestRedis } from '@sallyport/testing';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { createQueueBackend, queueContract } from './index.js';

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
