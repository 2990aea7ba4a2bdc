import { describe, expect, test } from 'vitest';
import { parseStrictJson } from './parse-strict-json.js';

describe('a request body', () => {
  test.each([
    '{}',
    '[]',
    '{"a":{"a":1},"b":[{"a":1},{"a":2}],"c":"{\\"a\\":1,\\"a\\":2}"}',
    '{"a":"x,\\"a\\":"}',
    '"text"',
    '1',
    '{"":1}',
    '{"a":[1,2,"b"],"b":"a"}',
    '{"a":"\\\\","b":"\\\\\\"","c":"\\\\\\\\"}',
    '{"\\"":1,"\\\\":2}',
  ])('%s parses', (text) => {
    expect(parseStrictJson(text)).toEqual({ json: text, value: JSON.parse(text) });
  });
  test.each([
    '{"a":1,"a":2}',
    '{"x":{"name":"a","n\\u0061me":"b"}}',
    '{"a":[{"b":1,"b":1}]}',
    '{"a":"\\\\","a":1}',
    '{"a":"\\"","a":1}',
    '{"a":1,"b":{},"a":[]}',
    '{"__proto__":1,"__proto__":2}',
  ])('%s with a key twice is refused (S10)', (text) => {
    expect(parseStrictJson(text)).toBeUndefined();
  });
  test.each(['', '{', '{"a":1}}', "{'a':1}", 'NaN', '{"a":1,}'])('%j that is no JSON is refused (S10)', (text) => {
    expect(parseStrictJson(text)).toBeUndefined();
  });
  test('nested beyond any need is refused (S10)', () => {
    expect(parseStrictJson(`${'['.repeat(64)}${']'.repeat(64)}`)).toBeDefined();
    expect(parseStrictJson(`${'['.repeat(65)}${']'.repeat(65)}`)).toBeUndefined();
  });
  test('with an object wider than any need is refused (S10) (S29)', () => {
    const wide = (keys: number) =>
      JSON.stringify({ a: Object.fromEntries(Array.from({ length: keys }, (_, index) => [`k${index}`, 1])) });
    expect(parseStrictJson(wide(10_000))).toBeDefined();
    expect(parseStrictJson(wide(10_001))).toBeUndefined();
  });
  test.each([
    ['[1e400]', false],
    ['[-1E+309]', false],
    [`[${'1'.repeat(400)}]`, false],
    ['1'.repeat(400), false],
    ['[1e300]', true],
    [`[${'1'.repeat(300)}]`, true],
    [`[0.${'1'.repeat(400)}]`, true],
    ['["1e400",true]', true],
    [`["${'1'.repeat(400)}"]`, true],
  ])('%s with a number that a double cannot hold is refused, and no other (S10)', (text, isRead) => {
    expect(parseStrictJson(text) !== undefined).toBe(isRead);
  });
  test.each([
    ['long numbers', `[${`${'1'.repeat(299)},`.repeat(7_000)}1]`],
    ['long numbers in a text', JSON.stringify(`${'1'.repeat(299)}x`.repeat(7_000))],
  ])('of %s is read about as fast as any (S29)', (_name, text) => {
    const timeOf = (body: string) =>
      Math.min(
        ...[1, 2, 3].map(() => {
          const started = process.threadCpuUsage();
          parseStrictJson(body);
          return process.threadCpuUsage(started).user / 1_000;
        }),
      );
    expect(timeOf(text)).toBeLessThan(20 * timeOf(JSON.stringify('a'.repeat(text.length))) + 300);
  });
});
