import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { WholeCharacters } from './whole-characters.js';

const bytes = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 8 }).map((text) => [...Buffer.from(text)]),
      fc.array(fc.constantFrom(0x41, 0x80, 0xbf, 0xc0, 0xc3, 0xe0, 0xe2, 0xed, 0xf0, 0xf4, 0xf8, 0xff), {
        maxLength: 6,
      }),
      fc.constant([0xef, 0xbb, 0xbf]),
    ),
    { maxLength: 12 },
  )
  .map((parts) => Buffer.from([...parts.flat(), ...Buffer.from('the end')]));

test('bytes in whatever pieces are the characters that a decoder makes of all of them', () => {
  fc.assert(
    fc.property(bytes, fc.integer({ min: 1, max: 9 }), (all, size) => {
      const characters = new WholeCharacters();
      const pieces: Buffer[] = [];
      for (let from = 0; from < all.length; from += size) pieces.push(characters.take(all.subarray(from, from + size)));
      // Each piece alone: none ends within a character.
      expect(pieces.every((piece) => isUtf8(piece))).toBe(true);
      expect(pieces.map(String).join('')).toBe(new TextDecoder().decode(all));
    }),
    { numRuns: 1_000 },
  );
});

test('what is in whole characters already is not copied', () => {
  const all = Buffer.from('grün'.repeat(1_000));
  expect(new WholeCharacters().take(all).buffer).toBe(all.buffer);
});
