import { expect, test } from 'vitest';
import {
  elementsOf,
  endOfString,
  inexactNumberIn,
  isExact,
  isSameNumber,
  membersOf,
  rewriteJson,
  textAt,
} from './json-text.js';

const ODD =
  '{"id": 9007199254740993, "amount":1.0,\n"big":12345678901234567890,"list":[1.50, {"x":1e2} ,-0],"text":"1.0 \\u0041, {\\"a\\": [","é":null, "b":true}';

test('a value is written again as it came, without the space around it', () => {
  const value: unknown = JSON.parse(ODD);
  expect(rewriteJson({ json: ` ${ODD}\n`, value }, value)).toBe(ODD);
});

test('what was not changed keeps its text, what was changed is written anew, wherever it is', () => {
  const value = JSON.parse(ODD) as { list: unknown[]; text: string };
  expect(rewriteJson({ json: ODD, value }, { name: 'new', ...value, text: 'else' })).toBe(
    '{"name":"new","id":9007199254740993,"amount":1.0,"big":12345678901234567890,"list":[1.50, {"x":1e2} ,-0],"text":"else","é":null,"b":true}',
  );
  expect(
    rewriteJson({ json: ODD, value }, { list: [value.list[0], { ...(value.list[1] as object), y: 2 }, value.list[2]] }),
  ).toBe('{"list":[1.50,{"x":1e2,"y":2},-0]}');
});

test('what became a member of an object keeps its text', () => {
  const value: unknown = JSON.parse('[1.0]');
  expect(rewriteJson({ json: '[1.0]', value }, { result: value, more: 2, none: undefined })).toBe(
    '{"result":[1.0],"more":2}',
  );
  expect(rewriteJson({ json: '2.0', value: 2 }, { result: 2 })).toBe('{"result":2.0}');
});

test("elements that were left out or put in do not take others' text", () => {
  const json = '[{"a":1.0},{"a":2.0},3.0,{"a":4.0}]';
  const value = JSON.parse(json) as object[];
  expect(rewriteJson({ json, value }, [value[3], value[0]])).toBe('[{"a":4.0},{"a":1.0}]');
  expect(rewriteJson({ json, value }, [value[0], { new: true }, value[1], value[2], value[3]])).toBe(
    '[{"a":1.0},{"new":true},{"a":2.0},3,{"a":4.0}]',
  );
});

test('members are found by their name, however it is written, the last of two; elements by their place', () => {
  const json = '{"a":1,"\\u0062":{"c":[1, 2.0]},"a": "x" ,"__proto__":{"d":3.0}}';
  expect([...membersOf(json)].map(([name, { start, end }]) => [name, json.slice(start, end)])).toEqual([
    ['a', '"x"'],
    ['b', '{"c":[1, 2.0]}'],
    ['__proto__', '{"d":3.0}'],
  ]);
  expect([
    textAt(json, ['b', 'c']),
    textAt(json, ['__proto__', 'd']),
    textAt(json, ['a', 'x']),
    textAt(json, ['constructor']),
  ]).toEqual(['[1, 2.0]', '3.0', undefined, undefined]);
  expect(elementsOf(' [1.0 , "]" ,[{"a":"}"}],{}\n]').length).toBe(4);
  expect([elementsOf('{}'), elementsOf('"[1]"'), [...membersOf('[1]')], [...membersOf('')]]).toEqual([[], [], [], []]);
});

test('any JSON can be taken apart and put together again', () => {
  let seed = 7;
  const random = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below;
  const space = () => ['', '', ' ', '\n', '\t '][random(5)] ?? '';
  const valueOf = (depth: number): string => {
    const kind = random(depth > 4 ? 5 : 7);
    if (kind === 0) return ['null', 'true', 'false'][random(3)] ?? '';
    if (kind < 3) return ['0', '-0', '1.0', '1e3', '-1.5E-7', '9007199254740993', '0.1', '123'][random(8)] ?? '';
    if (kind < 5) return JSON.stringify(['', '"', '\\', 'a\\"b', '{"a":1.0}', ']', '\u2028é'][random(7)]);
    const parts = Array.from(
      { length: random(5) },
      (_, index) =>
        `${space()}${kind === 5 ? '' : `${JSON.stringify(['a', '"', '\\', ':', '__proto__'][index])}${space()}:${space()}`}${valueOf(depth + 1)}${space()}`,
    );
    return kind === 5 ? `[${parts.join(',')}${parts.length === 0 ? space() : ''}]` : `{${parts.join(',')}${space()}}`;
  };
  const rebuilt = (json: string): string => {
    const text = json.trim();
    if (text.startsWith('['))
      return `[${elementsOf(text)
        .map(({ start, end }) => rebuilt(text.slice(start, end)))
        .join(',')}]`;
    if (text.startsWith('{'))
      return `{${[...membersOf(text)].map(([name, { start, end }]) => `${JSON.stringify(name)}:${rebuilt(text.slice(start, end))}`).join(',')}}`;
    return text;
  };
  const withoutSpace = (json: string) => json.replace(/("(?:[^"\\]|\\.)*")|\s+/g, '$1');
  for (let round = 0; round < 500; round++) {
    const json = `${space()}${valueOf(0)}${space()}`;
    const value: unknown = JSON.parse(json);
    expect(rebuilt(json)).toBe(withoutSpace(json));
    expect(rewriteJson({ json, value }, value)).toBe(json.trim());
    expect(withoutSpace(rewriteJson({ json, value }, structuredClone(value)))).toBe(withoutSpace(json));
  }
});

test.each([
  ['1.0', true],
  ['0.10', true],
  ['1e3', true],
  ['-0', true],
  ['0.0', true],
  ['1000000000000000000000000', true],
  ['1E+2', true],
  ['9007199254740993', false],
  ['12345678901234567890', false],
  ['0.1000000000000000055', false],
  ['1e400', false],
  ['1e-400', false],
])("%s has its nearest double's value: %s", (number, exact) => {
  expect(isExact(number)).toBe(exact);
  expect(inexactNumberIn(`{"9007199254740993":"9007199254740993","a":[1,{"b":${number}}]}`)).toBe(
    exact ? undefined : number,
  );
});

test('numbers are compared by their value', () => {
  expect([
    isSameNumber('1.0', '1'),
    isSameNumber('10e-1', '1'),
    isSameNumber('-0', '0.00'),
    isSameNumber('9007199254740993', '9007199254740992'),
    isSameNumber('1', '-1'),
  ]).toEqual([true, true, true, false, false]);
});

test('of very many long numbers the first that nobody looked at is named', () => {
  expect(inexactNumberIn(`[${'0.1234567890123456,'.repeat(4_000)}1]`)).toBeUndefined();
  expect(inexactNumberIn(`[${'0.1234567890123456,'.repeat(6_000)}1]`)).toBe('0.1234567890123456');
});

test('a string ends at the quote that no backslash escapes', () => {
  for (const text of ['', 'a', '\\', '\\\\', '"', 'a"b\\"c', '\\\\"']) {
    const json = JSON.stringify(text);
    expect(endOfString(`${json}"`, 0)).toBe(json.length - 1);
  }
});

test('whatever stands in it, text is taken apart about as fast as JSON.parse reads it (S29)', () => {
  const timeOf = (work: () => unknown) =>
    Math.min(
      ...[1, 2, 3].map(() => {
        const started = process.threadCpuUsage();
        work();
        return process.threadCpuUsage(started).user / 1_000;
      }),
    );
  for (const json of [
    JSON.stringify(`1.0 ${'a\\'.repeat(2_000_000)}`),
    `[${'1.5,'.repeat(500_000)}1.0]`,
    `[1.0,0.${'0'.repeat(4_000_000)}1]`,
    `[${'{"a":1.0,"b":2},'.repeat(100_000)}1]`,
    `${'['.repeat(60)}${'1.0,'.repeat(400_000)}1${']'.repeat(60)}`,
  ]) {
    const value: unknown = JSON.parse(json);
    const parsing = timeOf(() => JSON.parse(json));
    expect(
      timeOf(() => rewriteJson({ json, value }, Array.isArray(value) ? [...(value as unknown[])] : value)),
    ).toBeLessThan(10 * parsing + 100);
    expect(timeOf(() => inexactNumberIn(json))).toBeLessThan(10 * parsing + 100);
  }
});
