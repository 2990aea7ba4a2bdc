import { randomBytes } from 'node:crypto';
import { Secret } from '@sallyport/kernel';
import { expect, test } from 'vitest';
import { masterKeyId, sealedPrefix, Sealer } from './sealer.js';

const master = () => new Secret<Uint8Array>(randomBytes(32));
const code = (code: string) => expect.objectContaining({ code });

test('a sealed value opens only with its purpose and associated data (S22)', () => {
  const sealer = new Sealer(master());
  const sealed = sealer.seal('vault', 'refresh-token', 'con_1');
  expect(sealer.open('vault', sealed, 'con_1').toString()).toBe('refresh-token');
  expect(() => sealer.open('vault', sealed, 'con_2')).toThrow(code('sealed_value_invalid'));
  expect(() => sealer.open('ticket', sealed, 'con_1')).toThrow(code('sealed_value_invalid'));
});

test('each write has a data key of its own, so equal values look unrelated (S22)', () => {
  const sealer = new Sealer(master());
  const [a, b] = [sealer.seal('vault', 'same', 'x'), sealer.seal('vault', 'same', 'x')];
  expect(a.subarray(9, 69).equals(b.subarray(9, 69))).toBe(false);
  const crossed = Buffer.concat([a.subarray(0, 69), b.subarray(69)]);
  expect(() => sealer.open('vault', crossed, 'x')).toThrow(code('sealed_value_invalid'));
});

test('every altered byte is noticed (S22)', () => {
  const sealer = new Sealer(master());
  const sealed = sealer.seal('vault', 'value', 'x');
  for (let i = 0; i < sealed.length; i++) {
    const altered = Buffer.from(sealed);
    altered[i] = (altered[i] ?? 0) ^ 1;
    expect(() => sealer.open('vault', altered, 'x')).toThrow(expect.objectContaining({ name: 'SallyportError' }));
  }
  expect(() => sealer.open('vault', sealed.subarray(0, 40), 'x')).toThrow(code('sealed_value_invalid'));
});

test('another master key is told apart from an altered value, and a previous one still opens (B1)', () => {
  const [old, current] = [master(), master()];
  const sealed = new Sealer(old).seal('vault', 'value', 'x');
  expect(() => new Sealer(current).open('vault', sealed, 'x')).toThrow(code('sealed_key_unknown'));
  const rotated = new Sealer(current, [old]);
  expect(rotated.open('vault', sealed, 'x').toString()).toBe('value');
  const resealed = rotated.seal('vault', 'value', 'x');
  expect(new Sealer(current).open('vault', resealed, 'x').toString()).toBe('value');
});

test('keys are changed while it is in use: what they no longer are, it no longer opens (B1)', () => {
  const [old, current] = [master(), master()];
  const sealer = new Sealer(old);
  const before = sealer.seal('vault', 'value', 'x');
  sealer.use(current, [old]);
  const after = sealer.seal('vault', 'value', 'x');
  expect([sealer.currentKeyId, before.subarray(1, 9).toString('hex')]).toEqual([
    masterKeyId(current),
    masterKeyId(old),
  ]);
  expect(after.toString('hex').startsWith(sealedPrefix(masterKeyId(current)))).toBe(true);
  expect(sealer.open('vault', before, 'x').toString()).toBe('value');
  sealer.use(current, []);
  expect([before, after].map((sealed) => sealer.holdsKeyOf(sealed))).toEqual([false, true]);
  expect(() => sealer.open('vault', before, 'x')).toThrow(code('sealed_key_unknown'));
});
