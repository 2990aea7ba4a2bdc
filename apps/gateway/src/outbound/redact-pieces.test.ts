import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SecretTraces } from './secret-traces.js';

async function* inPieces(text: string, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  const characters = Array.from(text);
  for (let from = 0, piece = 0; from < characters.length; piece++) {
    const size = sizes[piece % sizes.length] ?? 1;
    yield Buffer.from(characters.slice(from, from + size).join(''));
    from += size;
  }
}
async function redactedIn(traces: SecretTraces, text: string, sizes: readonly number[]): Promise<string> {
  let told = '';
  for await (const piece of traces.redactPieces(inPieces(text, sizes))) told += Buffer.from(piece).toString();
  return told;
}

const PASSWORD = 'p"a/ss wörd-12';
const PAIR = `somebody:${PASSWORD}`;
const TOKEN = 'abababab-abababab-0123456789'.repeat(4);
const SHOWN = [`Basic ${Buffer.from(PAIR).toString('base64')}`, `Bearer ${TOKEN}`, 'abababab'];
const secrets = [PASSWORD, PAIR, TOKEN, 'abababab', Buffer.from(PAIR).toString('base64')];
const forms = secrets.flatMap((secret) => [
  secret,
  JSON.stringify(secret).slice(1, -1),
  encodeURIComponent(secret),
  ...['', '1', '12'].map((before) => Buffer.from(`${before}${secret} and more`).toString('base64')),
  Buffer.from(secret).toString('base64'),
  Buffer.from(secret).toString('base64url'),
]);
/** Forms of a secret, parts of them, and other text, one after the other. */
const told = fc
  .array(
    fc.oneof(
      fc.constantFrom(...forms),
      fc
        .tuple(fc.constantFrom(...forms), fc.nat(60), fc.nat(60))
        .map(([form, from, length]) => form.slice(from, from + length)),
      fc.string({ unit: 'grapheme', maxLength: 40 }).filter((text) => text.isWellFormed()),
      fc.constantFrom('ab', 'ababab-', 'x'.repeat(300)),
    ),
    { maxLength: 20 },
  )
  .map((parts) => parts.join(''))
  .filter((text) => text.isWellFormed());

describe('a text that comes in pieces', () => {
  test('loses the same traces as the text in one, wherever it is cut (R44)', async () => {
    const traces = new SecretTraces(SHOWN);
    await fc.assert(
      fc.asyncProperty(told, fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1 }), async (text, sizes) => {
        expect(await redactedIn(traces, text, sizes)).toBe(traces.redact(text));
      }),
      { numRuns: 500 },
    );
  });
  test('tells no form of a secret that stands in it, at any place of a long text (R44)', async () => {
    const traces = new SecretTraces([`Bearer ${TOKEN}`]);
    for (let before = 0; before < 200; before++) {
      const text = `${'ab-'.repeat(100)}${'x'.repeat(before)}${TOKEN}${'x'.repeat(300)}`;
      expect(await redactedIn(traces, text, [1_000])).toBe(text.replace(TOKEN, '[redacted]'));
    }
  });
  test('tells no form of a secret wherever one cut goes through it (R44)', async () => {
    const traces = new SecretTraces(SHOWN);
    for (const form of new Set(forms))
      for (let cut = 0; cut <= form.length; cut++)
        expect(await redactedIn(traces, `--${form}--`, [2 + cut, 1_000])).toBe(traces.redact(`--${form}--`));
  });
  test('passes as the bytes that came, and is held back no longer than a trace may begin in it', async () => {
    const pieces = [Buffer.from('nothing of it'), Buffer.from('and the beginning aba'), Buffer.from('cus.')];
    const passed: Uint8Array[] = [];
    for await (const piece of new SecretTraces(SHOWN).redactPieces(of(pieces))) passed.push(piece);
    expect(passed.map((piece) => Buffer.from(piece).toString())).toEqual([
      'nothing of it',
      'and the beginning ',
      'abacus.',
    ]);
    expect(passed[0]).toEqual(pieces[0]);
    expect(passed[0]?.buffer).toBe(pieces[0]?.buffer);
  });
  test('is as it was where nothing secret was shown', async () => {
    expect(await redactedIn(new SecretTraces([]), 'all of it', [2])).toBe('all of it');
  });
});

async function* of(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}
