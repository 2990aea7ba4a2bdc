import { describe, expect, test } from 'vitest';
import {
  cataloguePrompts,
  catalogueResources,
  catalogueTools,
  decodeHeaderValue,
  encodeHeaderValue,
  findParameterHeaders,
  mismatchedParameterHeader,
  parameterHeaders,
  rewriteResult,
} from './index.js';

const tool = (name: string, more: object = {}) => ({ name, inputSchema: { type: 'object' }, ...more });

describe('a catalogue', () => {
  test('lists tools by public name in a deterministic order, annotations and all (R56) (R58)', () => {
    const catalogue = catalogueTools(
      'notes',
      [tool('b', { annotations: { readOnlyHint: true }, 'x-vendor': 1 }), tool('a')],
      'server',
    );
    expect([...catalogue.entries.keys()]).toEqual(['notes__a', 'notes__b']);
    expect(JSON.parse(catalogue.entries.get('notes__b')?.json ?? '')).toEqual({
      name: 'notes__b',
      inputSchema: { type: 'object' },
      annotations: { readOnlyHint: true },
      'x-vendor': 1,
    });
    expect(catalogue.entries.get('notes__b')?.name).toBe('b');
  });
  test('knows each definition by a digest of what it says, however its JSON is written (S14)', () => {
    const digestOf = (more: object) =>
      catalogueTools('notes', [tool('a', more)], 'server').entries.get('notes__a')?.definition;
    const same = digestOf({ description: 'A', annotations: { readOnlyHint: true, title: 'x' } });
    expect(same).toMatch(/^[0-9a-f]{64}$/);
    expect(
      digestOf({ annotations: { title: 'x', readOnlyHint: true }, description: 'A', _meta: { at: 1 }, icons: [] }),
    ).toBe(same);
    const others = [
      { description: 'B', annotations: { readOnlyHint: true, title: 'x' } },
      { description: 'A', annotations: { readOnlyHint: false, title: 'x' } },
      { description: 'A' },
      {
        description: 'A',
        annotations: { readOnlyHint: true, title: 'x' },
        inputSchema: { type: 'object', properties: {} },
      },
      { description: 'A', annotations: { readOnlyHint: true, title: 'x' }, outputSchema: { type: 'object' } },
      { description: 'A', title: 'x', annotations: { readOnlyHint: true } },
    ];
    expect(new Set([same, ...others.map(digestOf)]).size).toBe(others.length + 1);
  });
  test('keeps the good entries when one is broken, and says which', () => {
    const header = { type: 'object', properties: { a: { type: 'object', 'x-mcp-header': 'A' } } };
    const { entries: tools, dropped } = catalogueTools(
      'notes',
      [tool('a'), { name: 'broken' }, tool('a'), tool('h', { inputSchema: header }), null],
      'server',
    );
    expect([...tools.keys()]).toEqual(['notes__a']);
    expect(dropped).toEqual([
      { name: 'broken', reason: 'malformed' },
      { name: 'h', reason: 'parameter-headers' },
      { name: '', reason: 'malformed' },
      { name: 'a', reason: 'duplicate' },
    ]);
  });
  test('lets no shortened name take the place of a tool that has that name (S12)', () => {
    const shortened = [...catalogueTools('notes', [tool('a.b')], 'server').entries.keys()][0] ?? '';
    const impostor = shortened.slice('notes__'.length);
    const { entries: tools } = catalogueTools('notes', [tool('a.b'), tool(impostor)], 'server');
    expect(tools.get(shortened)?.name).toBe(impostor);
  });
  test('maps the view an app tool names (S13)', () => {
    const { entries: tools } = catalogueTools(
      'notes',
      [tool('a', { _meta: { ui: { resourceUri: 'ui://w' }, 'ui/resourceUri': 'ui://w', other: 1 } })],
      'server',
    );
    expect(JSON.parse(tools.get('notes__a')?.json ?? '')._meta).toEqual({
      ui: { resourceUri: 'ui://via-notes/w' },
      'ui/resourceUri': 'ui://via-notes/w',
      other: 1,
    });
  });
  test('maps resources and templates, and leaves out what cannot be addressed (S13)', () => {
    const resources = catalogueResources(
      'notes',
      'resources',
      [{ uri: 'note://2' }, { uri: 'note://1', name: 'n' }, { uri: 'note://../1' }, {}],
      'server',
    );
    expect([...resources.entries.values()].map(({ name, json }) => [name, JSON.parse(json)])).toEqual([
      ['note://1', { uri: 'via-notes+note://1', name: 'n' }],
      ['note://2', { uri: 'via-notes+note://2' }],
    ]);
    expect(resources.dropped).toEqual([
      { name: 'note://../1', reason: 'no-public-uri' },
      { name: '', reason: 'malformed' },
    ]);
    const templates = catalogueResources(
      'notes',
      'resourceTemplates',
      [{ uriTemplate: 'note://{id}', name: 't' }],
      'server',
    );
    expect([...templates.entries.values()]).toMatchObject([
      { name: 'note://{id}', json: '{"uriTemplate":"via-notes+note://{id}","name":"t"}' },
    ]);
  });
  test('of prompts carries their public names, and everything else as the server wrote it (R54) (S12)', () => {
    const { entries, dropped } = cataloguePrompts(
      'notes',
      [{ name: 'summary', arguments: [{ name: 'topic' }], 'x-vendor': 1 }, { name: 'a b' }, {}],
      'server',
    );
    expect([...entries.values()].map(({ publicName, name }) => [publicName, name])).toEqual([
      [expect.stringMatching(/^notes__a_b_[0-9a-f]{10}$/), 'a b'],
      ['notes__summary', 'summary'],
    ]);
    expect(JSON.parse(entries.get('notes__summary')?.json ?? '')).toEqual({
      name: 'notes__summary',
      arguments: [{ name: 'topic' }],
      'x-vendor': 1,
    });
    expect(dropped).toEqual([{ name: '', reason: 'malformed' }]);
  });
  test("knows a tool's view by its own URI, and words output schemas for older clients (R65)", () => {
    const { entries } = catalogueTools(
      'notes',
      [
        tool('view', { _meta: { ui: { resourceUri: 'ui://w' } } }),
        tool('list', { outputSchema: { type: 'array' } }),
        tool('object', { outputSchema: { type: 'object' } }),
      ],
      'server',
    );
    expect(entries.get('notes__view')?.viewUri).toBe('ui://w');
    expect(JSON.parse(entries.get('notes__list')?.legacyJson ?? '')).not.toHaveProperty('outputSchema');
    expect(entries.get('notes__object')?.legacyJson).toBe(entries.get('notes__object')?.json);
  });
});

describe('a result', () => {
  test('carries the server id in links, embedded resources and contents, and nowhere else (S13)', () => {
    const result = {
      content: [
        { type: 'text', text: 'note://1' },
        { type: 'resource_link', uri: 'note://1', name: 'n' },
        { type: 'resource', resource: { uri: 'note://1', text: 'x' } },
        { type: 'resource_link', uri: 'note://../1' },
        { type: 'resource', resource: { uri: 'note://../1', text: 'y' } },
      ],
      contents: [
        { uri: 'note://1', text: 'x' },
        { uri: 'x y', text: 'z' },
      ],
      messages: [
        { role: 'user', content: { type: 'resource', resource: { uri: 'note://1', text: 'x' } } },
        { role: 'user', content: { type: 'text', text: 'note://1' } },
        { role: 'user', content: { type: 'resource_link', uri: 'note://../1' } },
      ],
      structuredContent: { uri: 'note://1' },
    };
    expect(rewriteResult(result, 'notes', 'server')).toEqual({
      content: [
        { type: 'text', text: 'note://1' },
        { type: 'resource_link', uri: 'via-notes+note://1', name: 'n' },
        { type: 'resource', resource: { uri: 'via-notes+note://1', text: 'x' } },
        { type: 'resource', resource: { uri: 'via-notes+note://../1', text: 'y' } },
      ],
      contents: [
        { uri: 'via-notes+note://1', text: 'x' },
        { uri: 'via-notes+x y', text: 'z' },
      ],
      messages: [
        { role: 'user', content: { type: 'resource', resource: { uri: 'via-notes+note://1', text: 'x' } } },
        { role: 'user', content: { type: 'text', text: 'note://1' } },
      ],
      structuredContent: { uri: 'note://1' },
    });
    expect(rewriteResult(result, 'notes', 'never')).toBe(result);
  });
});

describe('parameter headers', () => {
  const schema = {
    type: 'object',
    properties: {
      region: { type: 'string', 'x-mcp-header': 'Region' },
      deep: { type: 'object', properties: { n: { type: 'integer', 'x-mcp-header': 'N' } } },
    },
  };
  const declared = findParameterHeaders(schema);
  if (declared === 'invalid') throw new Error('the schema is valid');

  test('are computed from the arguments and read back', () => {
    expect(parameterHeaders(declared, { region: 'eu', deep: { n: 42 } })).toEqual({
      'mcp-param-region': 'eu',
      'mcp-param-n': '42',
    });
    expect(parameterHeaders(declared, { region: null })).toEqual({});
    for (const value of ['plain', ' padded ', 'grün', '=?base64?eA==?=', '', '\u0001'])
      expect(decodeHeaderValue(encodeHeaderValue(value))).toBe(value);
    expect(decodeHeaderValue('=?base64?not base64?=')).toBeUndefined();
    expect(decodeHeaderValue('=?base64?/w==?=')).toBeUndefined();
  });
  test('that are missing or disagree with the body are found', () => {
    const headers = (values: Record<string, string>) => (name: string) => values[name];
    expect(
      mismatchedParameterHeader(
        declared,
        { region: 'eu', deep: { n: 42 } },
        headers({ 'mcp-param-region': 'eu', 'mcp-param-n': '42.0' }),
      ),
    ).toBeUndefined();
    expect(mismatchedParameterHeader(declared, { region: 'eu' }, headers({}))).toBe('mcp-param-region');
    expect(mismatchedParameterHeader(declared, { region: 'eu' }, headers({ 'mcp-param-region': 'us' }))).toBe(
      'mcp-param-region',
    );
    expect(mismatchedParameterHeader(declared, {}, headers({ 'mcp-param-region': 'us' }))).toBeUndefined();
  });
  test.each([
    ['on a number', { properties: { a: { type: 'number', 'x-mcp-header': 'A' } } }],
    ['below an array', { properties: { a: { type: 'array', items: { type: 'string', 'x-mcp-header': 'A' } } } }],
    ['below $defs', { $defs: { a: { type: 'string', 'x-mcp-header': 'A' } } }],
    ['at the root', { type: 'string', 'x-mcp-header': 'A' }],
    ['with a name that is no header name', { properties: { a: { type: 'string', 'x-mcp-header': 'A B' } } }],
    [
      'twice',
      { properties: { a: { type: 'string', 'x-mcp-header': 'A' }, b: { type: 'string', 'x-mcp-header': 'a' } } },
    ],
  ])('declared %s are invalid', (_where, inputSchema) => {
    expect(findParameterHeaders(inputSchema)).toBe('invalid');
  });
});
