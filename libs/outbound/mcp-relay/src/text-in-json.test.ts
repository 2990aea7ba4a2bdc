import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { endOfPlain, readText } from './text-in-json.js';

/** A text of JSON, read in one buffer after the other: what is left of one stands before the next. */
function readInPieces(text: Buffer, size: number): { spelt: string; rest: string } {
  const parts: Uint8Array[] = [];
  let left = Buffer.alloc(0);
  for (let from = 0; from < text.length; from += size) {
    const bytes = Buffer.concat([left, text.subarray(from, from + size)]);
    const read = readText(bytes, 0);
    parts.push(read.text);
    left = Buffer.from(bytes.subarray(read.at));
    if (read.hasEnded) return { spelt: said(parts), rest: String(left) + String(text.subarray(from + size)) };
  }
  throw new Error('It does not end.');
}
const said = (parts: readonly Uint8Array[]) => Buffer.concat(parts).toString();

/** As a reader of characters would do it. */
const plainly = (json: string) =>
  json.replaceAll(/\\(?:u([0-9a-fA-F]{4})|.)/g, (escape, hexadecimal: string | undefined) => {
    if (escape === '\\/') return '/';
    const character = hexadecimal === undefined ? '' : String.fromCharCode(Number.parseInt(hexadecimal, 16));
    return /^[ !#-[\]-~]$/.test(character) ? character : escape;
  });

const part = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 80 }).map((text) => JSON.stringify(text).slice(1, -1)),
  fc.integer({ min: 0, max: 0xffff }).map((code) => `\\u${code.toString(16).padStart(4, '0')}`),
  fc.constantFrom('\\/', '\\"', '\\\\', '\\n', '\\u0041', '\\u002F', '\\u0022', '\\u005c', '\\u007F'),
);

describe('a text of JSON', () => {
  test('is spelt plainly and ends at the same place, whatever pieces it comes in (R44)', () => {
    fc.assert(
      fc.property(fc.array(part, { maxLength: 30 }), fc.integer({ min: 1, max: 200 }), (parts, size) => {
        const text = parts.join('');
        const read = readInPieces(Buffer.from(`${text}","after":"\\n"}`), size);
        expect(read).toEqual({ spelt: plainly(text), rest: ',"after":"\\n"}' });
        expect(JSON.parse(`"${read.spelt}"`)).toBe(JSON.parse(`"${text}"`));
      }),
    );
  });
  test('is the bytes that came, where they are spelt plainly', () => {
    const bytes = Buffer.from(`before${'ü\\n'.repeat(1_000)}"`);
    const { text } = readText(bytes, 6);
    expect([text.buffer, text.byteOffset, text.length]).toEqual([bytes.buffer, bytes.byteOffset + 6, 4_000]);
  });
  test.each(['\n', '\u0000', '\u001f', '\\x', '\\u12g4', '\\u00-1', '\\u 041'])('%j is none (S10)', (wrong) => {
    for (const before of ['', 'x'.repeat(61), 'x'.repeat(200)])
      expect(() => readText(Buffer.from(`${before}${wrong} and more"`), 0)).toThrow('no JSON');
  });
});

test('the first byte that is not plain is found wherever it stands, and only such a byte', () => {
  const bytes = Buffer.alloc(400, 'x');
  for (let value = 0; value < 256; value++) {
    const isSpecial = value < 0x20 || value === 0x22 || value === 0x5c;
    for (let place = 0; place < 90; place++) {
      bytes[place * 2] = value;
      expect(endOfPlain(bytes, place % 5)).toBe(isSpecial && place * 2 >= place % 5 ? place * 2 : 400);
      bytes[place * 2] = 0x78;
    }
  }
});
