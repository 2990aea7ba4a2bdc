import { expect, test } from 'vitest';
import { chooseDefinitions, newestOfEach } from './pins.js';

const definition = (name: string, sha256: string) => ({
  sequence: 1,
  name,
  sha256,
  firstSeenAt: '2026-11-30T11:00:00.000Z',
  approved: false,
  annotations: {},
  definition: '{}',
});
const older = definition('add', 'aa11');
const newer = definition('add', 'aa22');
const other = definition('list', 'bb33');

test('of each tool the newest definition counts, unless a digest names another', () => {
  expect(newestOfEach([older, other, newer])).toEqual([newer, other]);
  expect(chooseDefinitions([older, other, newer], ['add'])).toEqual([newer]);
  expect(chooseDefinitions([older, other, newer], ['add@aa1'])).toEqual([older]);
});

test('what is not there, or could be two, is refused: an approval is for one definition', () => {
  expect(() => chooseDefinitions([older, newer], ['delete'])).toThrow('No definition of delete');
  expect(() => chooseDefinitions([older, newer], ['add@aa'])).toThrow('fits 2 definitions');
});
