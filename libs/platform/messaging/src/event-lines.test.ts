import { expect, test } from 'vitest';
import { intoArrays, linesOf } from './event-lines.js';

const parse = (arrays: readonly Buffer[]): unknown[] => arrays.map((array): unknown => JSON.parse(array.toString()));

test('lines become JSON arrays of at most so many bytes, in order, whatever they say', () => {
  const records = [{ a: 'one\ntwo, [three]' }, { b: 'é😀\u2028' }, [], 'text', { c: 'x'.repeat(40) }, 7];
  const lines = linesOf(records);
  expect(parse(intoArrays(lines, 1_000))).toEqual([records]);
  for (let most = 60; most < 140; most++) {
    const arrays = intoArrays(lines, most);
    expect(Math.max(...arrays.map(({ length }) => length))).toBeLessThanOrEqual(most);
    expect(parse(arrays).flat(1)).toEqual(records);
  }
  expect(intoArrays(linesOf([]), 100)).toEqual([]);
});

test('a line that fills the message to the last byte goes, one with a byte more does not', () => {
  const [line, longer] = [linesOf(['x'.repeat(96)]), linesOf(['x'.repeat(97)])];
  expect(intoArrays(line, 100).map(({ length }) => length)).toEqual([100]);
  expect(() => intoArrays(longer, 100)).toThrow(expect.objectContaining({ code: 'event_too_large' }));
});
