import { describe, expect, test } from 'vitest';
import { parseStrictJson } from './parse-strict-json.js';

describe('a request body', () => {
  test.each(['{}', '[]', '{"a":{"a":1},"b":[{"a":1},{"a":2}],"c":"{\\"a\\":1,\\"a\\":2}"}', '{"a":"x,\\"a\\":"}', '"text"', '1', '{"":1}', '{"a":[1,2,"b"],"b":"a"}'])('%s parses', (text) => {
    expect(parseStrictJson(text)).toEqual({ value: JSON.parse(text) });
  });
  test.each(['{"a":1,"a":2}', '{"x":{"name":"a","n\\u0061me":"b"}}', '{"a":[{"b":1,"b":1}]}', '{"a":1,"b":{},"a":[]}', '{"__proto__":1,"__proto__":2}'])('%s with a key twice is refused (S10)', (text) => {
    expect(parseStrictJson(text)).toBeUndefined();
  });
  test.each(['', '{', '{"a":1}}', '{\'a\':1}', 'NaN', '{"a":1,}'])('%j that is no JSON is refused (S10)', (text) => {
    expect(parseStrictJson(text)).toBeUndefined();
  });
  test('nested beyond any need is refused (S10)', () => {
    expect(parseStrictJson(`${'['.repeat(64)}${']'.repeat(64)}`)).toBeDefined();
    expect(parseStrictJson(`${'['.repeat(65)}${']'.repeat(65)}`)).toBeUndefined();
  });
  test('with an object wider than any need is refused (S10) (S29)', () => {
    const wide = (keys: number) => JSON.stringify({ a: Object.fromEntries(Array.from({ length: keys }, (_, index) => [`k${index}`, 1])) });
    expect(parseStrictJson(wide(10_000))).toBeDefined();
    expect(parseStrictJson(wide(10_001))).toBeUndefined();
  });
});
