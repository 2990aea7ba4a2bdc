import { expect, test } from 'vitest';
import { Places } from './places.js';

test('places are taken per user and altogether, and given back', () => {
  const places = new Places({ perUser: 2, total: 3 });
  const first = places.enter('alice');
  expect(first).toBeDefined();
  expect(places.enter('alice')).toBeDefined();
  expect(places.enter('alice')).toBeUndefined();
  expect(places.enter('bob')).toBeDefined();
  expect(places.enter('carol')).toBeUndefined();
  first?.();
  expect(places.enter('alice')).toBeDefined();
  expect(places.enter('carol')).toBeUndefined();
});
