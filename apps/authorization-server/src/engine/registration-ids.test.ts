import { expect, test } from 'vitest';
import { RegistrationIds } from './registration-ids.js';

const key = new Uint8Array(32).fill(7);
const clock = () => 1_795_000_000_500;

test('an id says when it was made, on every replica, and to nobody with another key (R18)', () => {
  const id = new RegistrationIds(key, clock).make();
  expect(id).toMatch(/^dcr_[\w-]{47}$/);
  expect(new RegistrationIds(key, () => 0).madeAt(id)).toBe(1_795_000_000);
  expect(new RegistrationIds(new Uint8Array(32), clock).madeAt(id)).toBeUndefined();
});

test('an id that somebody else made, or changed, says nothing (R18)', () => {
  const ids = new RegistrationIds(key, clock);
  const id = ids.make();
  const others = [
    '',
    'dcr_',
    'dcr_4f1c1d52-3f0b-4b43-9df5-5d5c6c9a0f52',
    id.slice(0, -1),
    `${id}A`,
    id.replace('dcr_', 'dcr-'),
    `dcr_0${id.slice(5)}1`,
    `dcr_f${id.slice(5)}`,
  ];
  expect(others.map((other) => ids.madeAt(other)).filter((at) => at !== undefined)).toEqual([]);
  expect(new Set(Array.from({ length: 100 }, () => ids.make())).size).toBe(100);
});
