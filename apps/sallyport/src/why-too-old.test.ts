import { expect, test } from 'vitest';
import { whyTooOld } from './why-too-old.js';

test.each([
  ['24.0.0', 'start'],
  ['26.1.0', 'demo'],
  ['22.0.0', 'status'],
  ['22.0.0', undefined],
])('Node %s runs %s', (version, command) => expect(whyTooOld(version, command)).toBeUndefined());

test.each([
  ['22.21.0', 'start', 'sallyport start needs Node.js 24 or newer, and this is 22.21.0: '],
  ['23.9.0', 'demo', 'sallyport demo needs Node.js 24 or newer, and this is 23.9.0: '],
  ['20.20.2', 'plan', 'sallyport plan needs Node.js 22 or newer, and this is 20.20.2: '],
  ['18.0.0', undefined, 'sallyport needs Node.js 22 or newer, and this is 18.0.0: '],
])('Node %s does not run %s, and whoever asks is told', (version, command, sentence) =>
  expect(whyTooOld(version, command)).toBe(`${sentence}install a current one from https://nodejs.org.`),
);
