import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson } from './canonical-json.js';

/** Names of all sorts, and more often than not those that objects treat in a way of their own. */
const name = fc.oneof(
  fc.constantFrom(
    '__proto__',
    '0',
    '9',
    '10',
    '00',
    '-1',
    '1e3',
    '4294967295',
    'constructor',
    'toString',
    '',
    '\u0080',
  ),
  fc.string({ unit: 'binary', maxLength: 3 }),
);
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, false, 0, -0, 1e21, 1e-7, '', '\u2028', '"\\'),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.string({ unit: 'binary' }),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.array(fc.tuple(name, tie('value')), { maxLength: 5 }).map((members) => Object.fromEntries(members)),
  ),
}));

/** As RFC 8785 §3.2 says it. */
function expected(of: unknown): string {
  if (Array.isArray(of)) return `[${of.map(expected).join(',')}]`;
  if (typeof of !== 'object' || of === null) return JSON.stringify(of);
  const members = Object.entries(of).sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${expected(member)}`).join(',')}}`;
}

test('members are in order, whatever their names are (RFC 8785 §3.2.3, B13)', () => {
  fc.assert(
    fc.property(value, (of) => {
      expect(canonicalJson(of)).toBe(expected(of));
    }),
  );
});

test('what is undefined is not there', () => {
  expect(canonicalJson({ b: undefined, a: [{ d: 1, c: undefined }] })).toBe('{"a":[{"d":1}]}');
  expect(canonicalJson({ b: undefined, 10: undefined, 9: 1 })).toBe('{"9":1}');
});
