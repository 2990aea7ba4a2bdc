import { connectDatabase, type Database } from '@sallyport/database';
import { eventually, startTestPostgres, type TestPostgres } from '@sallyport/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { EventIntake } from './event-intake.js';

let postgres: TestPostgres;
let database: Database;
beforeAll(async () => {
  postgres = await startTestPostgres();
  database = connectDatabase(postgres.url);
});
afterAll(async () => {
  await database.$disconnect();
  await postgres.stop();
});

const intakes: EventIntake[] = [];
/** Who takes events now, and whoever did. */
const taking = new Set<string>();
const errors: unknown[] = [];
beforeEach(() => database.eventIntake.deleteMany());
afterEach(async () => {
  await Promise.all(intakes.splice(0).map((intake) => intake.stop()));
  expect([[...taking], errors.splice(0)]).toEqual([[], []]);
});

async function start(holder: string): Promise<EventIntake> {
  const intake = new EventIntake({
    database,
    holder,
    consume: async () => {
      taking.add(holder);
      return async () => void taking.delete(holder);
    },
    onError: (error) => errors.push(error),
  });
  intakes.push(intake);
  await intake.start();
  return intake;
}
const held = () => database.eventIntake.findUniqueOrThrow({ where: { id: 1 } });

test('one control plane takes events, for as long as it says so, and the next one when it ends', async () => {
  const first = await start('cp-1');
  await start('cp-2');
  const { heldUntil } = await held();
  await eventually(async () => (await held()).heldUntil > heldUntil, { timeoutMs: 5_000 });
  expect([...taking]).toEqual(['cp-1']);
  await first.stop();
  await eventually(() => taking.has('cp-2'), { timeoutMs: 5_000 });
  expect([...taking]).toEqual(['cp-2']);
});

test('after one that died another takes events within seconds, and one of its name at once', async () => {
  const isHeld = { holder: 'cp-1', heldUntil: new Date(Date.now() + 6_000) };
  await database.eventIntake.create({ data: isHeld });
  await start('cp-2');
  expect([...taking]).toEqual([]);
  await start('cp-1');
  expect([...taking]).toEqual(['cp-1']);
  await intakes.pop()?.stop();
  await database.eventIntake.updateMany({ data: { holder: 'cp-3', heldUntil: new Date(Date.now() + 2_000) } });
  await eventually(() => taking.has('cp-2'), { timeoutMs: 10_000 });
});

test('one whose turn another took stops', async () => {
  await start('cp-1');
  await database.eventIntake.updateMany({ data: { holder: 'cp-2', heldUntil: new Date(Date.now() + 60_000) } });
  await eventually(() => taking.size === 0, { timeoutMs: 5_000 });
  expect((await held()).holder).toBe('cp-2');
});
