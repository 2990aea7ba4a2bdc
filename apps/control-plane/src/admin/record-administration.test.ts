import { createLogger } from '@sallyport/telemetry';
import type { TrailEvent } from '@sallyport/trail';
import { beforeEach, expect, it } from 'vitest';
import type { Administrator } from './administrators.js';
import { AdministrationRecords } from './record-administration.js';

let now = 0;
let events: TrailEvent[];
let warnings: string[];
let records: AdministrationRecords;
const logger = createLogger({
  name: 'test',
  level: 'warn',
  destination: { write: (line: string) => void warnings.push(line) },
});
beforeEach(() => {
  [now, events, warnings] = [0, [], []];
  records = new AdministrationRecords({
    record: (event) => {
      events.push(event);
      return Promise.resolve();
    },
    logger,
    clock: () => now,
  });
});
const olga: Administrator = { actor: { type: 'user', id: 'usr_1', name: 'olga@example.com' }, roles: ['owner'] };
const otto: Administrator = { actor: { type: 'user', id: 'usr_2' }, roles: ['viewer'] };
const token: Administrator = { actor: { type: 'token', id: 'administrator-token' }, roles: ['owner'] };
const address = '192.0.2.7';
const read = { method: 'GET', route: '/v1/events', permission: 'events:read', address } as const;
const write = { method: 'POST', route: '/v1/revocations', permission: 'revocations:create', address } as const;

it('each write is an event, with who asked and as what', async () => {
  await records.asked(olga, write);
  await records.asked(olga, write);
  expect(events).toMatchObject(
    Array.from({ length: 2 }, () => ({
      type: 'administrator.request',
      address,
      detail: { actor: 'olga@example.com', method: 'POST', route: '/v1/revocations', roles: 'owner' },
    })),
  );
});

it('what somebody reads again and again is one event in ten minutes, for each of them and each route', async () => {
  for (const who of [olga, olga, otto, olga]) await records.asked(who, read);
  await records.asked(olga, { ...read, route: '/v1/status' });
  expect(events.map(({ detail }) => [detail?.['actor'], detail?.['route']])).toEqual([
    ['olga@example.com', '/v1/events'],
    ['usr_2', '/v1/events'],
    ['olga@example.com', '/v1/status'],
  ]);
  now = 10 * 60_000;
  await records.asked(olga, read);
  expect(events).toHaveLength(4);
});

it('each use of the token file is an event, and a warning once a minute', async () => {
  for (const at of [0, 1, 59_999, 60_000]) {
    now = at;
    await records.asked(token, { ...read, route: '/v1/status', permission: 'status:read' });
  }
  expect(events.map(({ type }) => type)).toEqual(Array.from({ length: 4 }, () => 'administrator.break_glass'));
  expect(warnings).toHaveLength(2);
});

it('who follows the trail does not fill it, also with the token file', async () => {
  for (let page = 0; page < 5; page++) await records.asked(token, read);
  expect(events).toHaveLength(1);
});

it('each refusal is an event; a trail that takes nothing lets nothing be done, and things be read', async () => {
  await records.refused(otto, write);
  expect(events).toMatchObject([{ type: 'administrator.refused', reason: 'needs revocations:create' }]);
  const full = new AdministrationRecords({
    record: () => Promise.reject(new Error('full')),
    logger,
    clock: () => now,
  });
  await expect(full.asked(olga, write)).rejects.toThrow('full');
  await expect(full.asked(olga, read)).resolves.toBeUndefined();
});
