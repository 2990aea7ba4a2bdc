import type { LifecycleRecord } from '@sallyport/messages';
import { RecordNumbers } from '@sallyport/kernel';
import { expect, test } from 'vitest';
import { createStoreTrail, stampEvent } from './index.js';

const writer = { replica: 'control-plane', clock: () => 1_800_000_000_000 };

test('an event becomes a record of its writer, with when it happened, and without what is not known (R80)', () => {
  const { id, ...record } = stampEvent({ type: 'token.issued', userId: 'usr_a', reason: undefined }, writer);
  expect(id).toMatch(/^evt_/);
  expect(record).toStrictEqual({
    v: 1,
    type: 'token.issued',
    replica: 'control-plane',
    at: 1_800_000_000_000,
    userId: 'usr_a',
  });
});

test('that a session ended is one record, however often and by whomever it is told (R80)', () => {
  const ended = (sid: string, replica: string) => stampEvent({ type: 'token.revoked', sid }, { ...writer, replica }).id;
  expect(ended('ses_a', 'authorization-server-2')).toBe(ended('ses_a', 'authorization-server-1'));
  expect(ended('ses_b', 'authorization-server-1')).not.toBe(ended('ses_a', 'authorization-server-1'));
  expect(stampEvent({ type: 'token.issued', sid: 'ses_a' }, writer).id).not.toBe(
    stampEvent({ type: 'token.issued', sid: 'ses_a' }, writer).id,
  );
});

test('records have consecutive numbers of their writer, but for one that others tell as well (R80)', () => {
  const numbered = { ...writer, numbers: new RecordNumbers('authorization-server') };
  const stamped = [
    stampEvent({ type: 'token.issued' }, numbered),
    stampEvent({ type: 'token.revoked', sid: 'ses_a' }, numbered),
    stampEvent({ type: 'token.issued' }, numbered),
  ];
  expect(stamped.map(({ n }) => n)).toEqual([1, undefined, 2]);
  expect(stamped.map((record) => record.writer)).toEqual([numbered.numbers.writer, undefined, numbered.numbers.writer]);
});

test('whoever writes into the store is told when it could not (R80)', async () => {
  const stored: LifecycleRecord[] = [];
  await createStoreTrail(async (record) => void stored.push(record), writer)({ type: 'vault_key.created' });
  expect(stored).toMatchObject([{ type: 'vault_key.created', replica: 'control-plane' }]);
  const failing = createStoreTrail(() => Promise.reject(new Error('away')), writer);
  await expect(failing({ type: 'vault_key.created' })).rejects.toThrow('away');
});
