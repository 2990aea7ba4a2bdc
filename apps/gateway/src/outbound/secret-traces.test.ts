import { expect, test } from 'vitest';
import { SecretTraces } from './secret-traces.js';

const SECRET = 'c0ffee-0123456789-abcdefghijklmnopqrstuvwxyz';
const KEYS = `${'\u{1F511}'.repeat(9)}x`;
const traces = new SecretTraces([`Bearer ${SECRET}`, KEYS]);
const redact = (text: string) => traces.redact(text);

test('a secret is taken out in every form, wherever it stands (R44)', () => {
  const amid = (before: string) => Buffer.from(`${before}${SECRET} and more`).toString('base64');
  for (const told of [SECRET, JSON.stringify(SECRET), encodeURIComponent(SECRET), amid(''), amid('1'), amid('12')]) {
    expect(redact(`it is ${told}.`), told).toContain('[redacted]');
    expect(redact(`it is ${told}.`), told).not.toContain(told);
  }
});
test('what only begins like it stays, and so does what is shorter', () => {
  expect(redact(`it is ${SECRET.slice(0, -1)}, not all of it`)).toContain(SECRET.slice(0, -1));
  expect(redact('c0ffee')).toBe('c0ffee');
});
test('a beginning that ends in half a pair of characters is one (R44)', () => {
  expect(redact(`say ${KEYS}`)).toBe('say [redacted]');
});
