import { startPrivatePostgres, type PrivatePostgres } from '@sallyport/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectDatabase, type Database } from './connect.js';
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
