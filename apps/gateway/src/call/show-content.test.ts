import { describe, expect, test } from 'vitest';
import { showContent } from './show-content.js';

const schema = {
  type: 'object',
  properties: {
    title: { type: 'string' },
    count: { type: 'integer' },
    tags: { type: 'array', items: { type: 'string' } },
    password: { type: 'string' },
    'x-API_Key': { type: 'string' },
    pin: { type: 'string', format: 'password' },
    note: { type: 'string', 'x-sensitive': true },
    once: { type: 'string', writeOnly: true },
    place: { $ref: '#/$defs/place' },
    either: { anyOf: [{ type: 'string' }, { $ref: '#/$defs/hidden' }] },
    anything: true,
    free: { type: 'object' },
  },
  $defs: {
    place: { properties: { city: { type: 'string' }, inside: { $ref: '#/$defs/place' } } },
    hidden: { properties: { code: { type: 'string', format: 'password' } } },
  },
};
const value = {
  title: 'Shopping',
  count: 3,
  tags: ['a', 'b'],
  password: 'hunter2',
  'x-API_Key': 'k-1',
  pin: '1234',
  note: 'mine',
  once: 'x',
  place: { city: 'Berlin', 'alice@example.com': 1, inside: { city: 'Mitte' } },
  either: { code: '99' },
  anything: 'said',
  free: { 'alice@example.com': 'x' },
  undescribed: 'what nobody told of',
  'alice@example.com': { a: 1 },
};

describe('redacted content', () => {
  const shown = showContent(value, schema, 'redacted') as Record<string, unknown>;
  test('has the values that the schema describes, through references and combinations', () => {
    expect(shown).toEqual({
      title: 'Shopping',
      count: 3,
      tags: ['a', 'b'],
      ...{ password: '[redacted]', 'x-API_Key': '[redacted]' },
      ...{ pin: '[redacted]', note: '[redacted]', once: '[redacted]' },
      place: { city: 'Berlin', inside: { city: 'Mitte' }, '…': '1 more' },
      either: { code: '[redacted]' },
      anything: 'said',
      free: 'object(1)',
      '…': '2 more',
    });
  });
  test('has neither values nor names of what no schema describes (S30)', () => {
    const text = JSON.stringify(shown);
    for (const hidden of ['alice', 'nobody', 'hunter2', 'k-1', '1234', 'mine', '99'])
      expect(text).not.toContain(hidden);
    expect(showContent(value, undefined, 'redacted')).toBe('object(14)');
    expect(showContent({ title: 'x' }, { properties: { title: false } }, 'redacted')).toBe('object(1)');
  });
  test('has nothing of a value that any branch of its schema calls secret (S30)', () => {
    const combined = {
      allOf: [{ properties: { a: { type: 'string' } } }, { properties: { a: { format: 'password' } } }],
    };
    expect(showContent({ a: 'x' }, combined, 'redacted')).toEqual({ a: '[redacted]' });
    const conditional = JSON.parse(
      '{"properties":{"a":{}},"if":{},"then":{"properties":{"a":{"writeOnly":true}}}}',
    ) as object;
    expect(showContent({ a: 'x' }, conditional, 'redacted')).toEqual({ a: '[redacted]' });
  });
  test('keeps to what it is, whatever a schema is made of (S10)', () => {
    const endless: Record<string, unknown> = { properties: {} };
    endless['allOf'] = [{ $ref: '#' }, { $ref: '#/allOf/0' }, { $ref: '#/properties/__proto__' }];
    expect(showContent({ a: 1 }, endless, 'redacted')).toBe('object(1)');
    const many = { anyOf: Array.from({ length: 1_000 }, () => ({ properties: { a: {} } })) };
    expect(showContent({ a: 'x' }, many, 'redacted')).toBe('object(1)');
    const proto = JSON.parse('{"__proto__":{"a":1},"a":1}') as unknown;
    expect(showContent(proto, { properties: { a: {} } }, 'redacted')).toEqual({ a: 1, '…': '1 more' });
    let deep: unknown = 'end';
    for (let i = 0; i < 5_000; i++) deep = { inside: deep };
    const tree = { properties: { inside: { $ref: '#/properties/inside' } } };
    Object.assign(tree.properties.inside, { properties: { inside: { $ref: '#/properties/inside' } } });
    expect(JSON.stringify(showContent(deep, tree, 'redacted')).length).toBeLessThan(1_000);
  });
});

test('a shape has types and sizes, and no value (S30)', () => {
  expect(showContent(value, schema, 'shape')).toEqual({
    title: 'string(8)',
    count: 'number',
    tags: ['string(1)', 'string(1)'],
    ...{ password: '[redacted]', 'x-API_Key': '[redacted]' },
    ...{ pin: '[redacted]', note: '[redacted]', once: '[redacted]' },
    place: { city: 'string(6)', inside: { city: 'string(5)' }, '…': '1 more' },
    either: { code: '[redacted]' },
    anything: 'string(4)',
    free: 'object(1)',
    '…': '2 more',
  });
  expect(showContent({ tags: Array.from({ length: 33 }, () => 'x') }, schema, 'shape')).toEqual({ tags: 'array(33)' });
});
