import { startPrivatePostgres, type PrivatePostgres } from '@sallyport/testing';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectDatabase, type Database } from './connect.js';
import { HeldClient } from './held-client.js';
import { isDatabaseOutage } from './is-outage.js';

let postgres: PrivatePostgres;
let database: Database;
beforeAll(async () => {
  postgres = await startPrivatePostgres();
  database = connectDatabase(postgres.url);
  await database.user.count();
});
afterAll(async () => {
  await database.$disconnect();
  await postgres.stop();
});

const thrown = async (work: PromiseLike<unknown>): Promise<unknown> => {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
};
const ask = {
  model: () => database.user.count(),
  query: () => database.$queryRaw`SELECT 1`,
  statement: () => database.$executeRaw`SELECT 1`,
  batch: () => database.$transaction([database.user.count()]),
  transaction: () => database.$transaction((transaction) => transaction.user.count()),
};

test(
  'a database that ends in the middle of a statement or a transaction, or is not there, is an outage, and over when it is back (M5)',
  { timeout: 120_000 },
  async () => {
    let began: () => void = () => undefined;
    const underWay = new Promise<void>((resolve) => (began = resolve));
    let go: () => void = () => undefined;
    const halted = new Promise<void>((resolve) => (go = resolve));
    const sleeping = thrown(database.$queryRaw`SELECT pg_sleep(600)::text`);
    const interrupted = thrown(
      database.$transaction(
        async (transaction) => {
          await transaction.user.count();
          began();
          await halted;
          await transaction.user.count();
        },
        { timeout: 60_000 },
      ),
    );
    await underWay;
    await postgres.halt();
    go();
    expect([isDatabaseOutage(await sleeping), isDatabaseOutage(await interrupted)]).toEqual([true, true]);
    for (const [what, work] of Object.entries(ask))
      expect([what, isDatabaseOutage(await thrown(work()))]).toEqual([what, true]);
    await postgres.resume();
    for (const work of Object.values(ask)) await work();
  },
);

test('a database that hangs in the middle of a statement is an outage after a while, and its connection is not used again (M5)', async () => {
  const impatient = connectDatabase(postgres.url, 1, 500);
  try {
    const began = performance.now();
    expect(isDatabaseOutage(await thrown(impatient.$queryRaw`SELECT pg_sleep(600)::text`))).toBe(true);
    expect(performance.now() - began).toBeLessThan(5_000);
    await impatient.user.count();
    await new Promise((resolve) => setTimeout(resolve, 1_000)); // an idle one may go, and nobody is the worse for it
    await impatient.user.count();
  } finally {
    await impatient.$disconnect();
  }
});

test(
  'a connection that is cut while nobody listens to it fails its next query, and not the process (M5)',
  { timeout: 120_000 },
  async () => {
    const pool = new pg.Pool({ connectionString: postgres.url.replace(/\?.*/, ''), Client: HeldClient });
    const held = await pool.connect();
    const ended = new Promise((resolve) => held.once('end', resolve));
    await postgres.halt();
    await ended;
    expect(isDatabaseOutage(await thrown(held.query('SELECT 1')))).toBe(true);
    held.release(true);
    await pool.end();
    await postgres.resume();
  },
);

test('what is wrong with a statement, and errors of others that mention it, are none (M5)', async () => {
  const errors = [
    await thrown(database.$queryRawUnsafe('SELECT nonsense')),
    await thrown(database.user.update({ where: { id: 'usr_nobody' }, data: { name: 'x' } })),
    await thrown(
      database.user.create({ data: { id: 'usr_\u0000', trustProvider: 'x', issuer: 'x', subject: 'x', groups: [] } }),
    ),
    new Error("Can't reach database server at 127.0.0.1:5432 (P1001, ECONNREFUSED)"),
    Object.assign(new Error('fetch failed'), {
      cause: Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', syscall: 'connect' }),
    }),
    { code: 'P1001' },
    'P1001',
    undefined,
  ];
  expect(errors.map(isDatabaseOutage)).toEqual(errors.map(() => false));
});
