import { describe, expect, test } from 'vitest';
import { digestOfTool } from './tool-definition.js';
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
  serverResourceUri,
} from './index.js';

const source = (value: unknown) => ({ json: JSON.stringify(value), value });
const sources = (values: readonly unknown[]) => values.map(source);
const tool = (name: string, more: object = {}) => ({ name, inputSchema: { type: 'object' }, ...more });

const NAMING = { prefix: 'server', longest: 64 } as const;

describe('a catalogue', () => {
  test('lists tools by public name in a deterministic order, annotations and all (R56) (R58)', () => {
    const catalogue = catalogueTools(
      'notes',
      sources([tool('b', { annotations: { readOnlyHint: true }, 'x-vendor': 1 }), tool('a')]),
      NAMING,
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
      catalogueTools('notes', sources([tool('a', more)]), NAMING).entries.get('notes__a')?.definition;
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
      sources([tool('a'), { name: 'broken' }, tool('a'), tool('h', { inputSchema: header }), null]),
      NAMING,
    );
    expect([...tools.keys()]).toEqual(['notes__a']);
    expect(dropped).toEqual([
      { name: 'broken', reason: 'malformed', member: 'inputSchema' },
      { name: 'h', reason: 'parameter-headers', definition: expect.any(String) },
      { name: '', reason: 'malformed' },
      { name: 'a', reason: 'duplicate' },
    ]);
  });
  test('lets no shortened name take the place of a tool that has that name (S12)', () => {
    const shortened = [...catalogueTools('notes', sources([tool('a.b')]), NAMING).entries.keys()][0] ?? '';
    const impostor = shortened.slice('notes__'.length);
    const { entries: tools } = catalogueTools('notes', sources([tool('a.b'), tool(impostor)]), NAMING);
    expect(tools.get(shortened)?.name).toBe(impostor);
  });
  test('maps the view an app tool names (S13)', () => {
    const { entries: tools } = catalogueTools(
      'notes',
      sources([tool('a', { _meta: { ui: { resourceUri: 'ui://w' }, 'ui/resourceUri': 'ui://w', other: 1 } })]),
      NAMING,
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
      sources([{ uri: 'note://2' }, { uri: 'note://1', name: 'n' }, { uri: 'note://../1' }, {}]),
      'server',
    );
    expect([...resources.entries.values()].map(({ name, json }) => [name, JSON.parse(json)])).toEqual([
      ['note://1', { uri: 'via-notes+note://1', name: 'n' }],
      ['note://2', { uri: 'via-notes+note://2', name: 'note://2' }],
    ]);
    expect(resources.dropped).toEqual([
      { name: 'note://../1', reason: 'no-public-uri' },
      { name: '', reason: 'malformed', member: 'uri' },
    ]);
    const templates = catalogueResources(
      'notes',
      'resourceTemplates',
      sources([{ uriTemplate: 'note://{id}', name: 't' }]),
      'server',
    );
    expect([...templates.entries.values()]).toMatchObject([
      { name: 'note://{id}', json: '{"uriTemplate":"via-notes+note://{id}","name":"t"}' },
    ]);
  });
  test('of prompts carries their public names, and everything else as the server wrote it (R54) (S12)', () => {
    const { entries, dropped } = cataloguePrompts(
      'notes',
      sources([{ name: 'summary', arguments: [{ name: 'topic' }], 'x-vendor': 1 }, { name: 'a b' }, {}]),
      NAMING,
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
    expect(dropped).toEqual([{ name: '', reason: 'malformed', member: 'name' }]);
  });
  test("knows a tool's view by its own URI, and words output schemas for older clients (R65)", () => {
    const { entries } = catalogueTools(
      'notes',
      sources([
        tool('view', { _meta: { ui: { resourceUri: 'ui://w' } } }),
        tool('list', { outputSchema: { type: 'array' } }),
        tool('object', { outputSchema: { type: 'object' } }),
      ]),
      NAMING,
    );
    expect(entries.get('notes__view')?.viewUri).toBe('ui://w');
    expect(JSON.parse(entries.get('notes__list')?.legacyJson ?? '')).not.toHaveProperty('outputSchema');
    expect(entries.get('notes__object')?.legacyJson).toBe(entries.get('notes__object')?.json);
  });
});

describe('an entry that clients would refuse the whole list for', () => {
  const read = (more: object) => {
    const { entries, dropped, adjusted } = catalogueTools(
      'notes',
      sources([{ name: 'a', inputSchema: { type: 'object' }, ...more }]),
      NAMING,
    );
    const entry = entries.get('notes__a');
    return {
      tool: entry && (JSON.parse(entry.json) as object),
      legacy: entry && (JSON.parse(entry.legacyJson) as object),
      dropped,
      adjusted,
    };
  };
  const plain = { name: 'notes__a', inputSchema: { type: 'object' } };

  test.each([
    [
      'null members',
      {
        title: null,
        description: null,
        annotations: null,
        outputSchema: null,
        icons: null,
        execution: null,
        _meta: null,
      },
    ],
    ['null in what it holds', { inputSchema: { type: 'object', $schema: null, properties: null, required: null } }],
    ['arguments of whatever type', { inputSchema: {} }],
    ['arguments that may be null', { inputSchema: { type: ['object', 'null'] } }],
    ['no type', { inputSchema: { type: null } }],
  ])('is shown without %s', (_what, more) => {
    expect(read(more)).toEqual({ tool: plain, legacy: plain, dropped: [], adjusted: [] });
  });
  test('says of arguments that they are an object, where its schema does not: nothing else of it changes', () => {
    expect(read({ inputSchema: { anyOf: [{ required: ['a'] }, { required: ['b'] }] } }).tool).toEqual({
      name: 'notes__a',
      inputSchema: { anyOf: [{ required: ['a'] }, { required: ['b'] }], type: 'object' },
    });
  });
  test.each([
    [{ description: 5, title: [] }, ['title', 'description']],
    [{ annotations: { readOnlyHint: 'yes' } }, ['annotations.readOnlyHint']],
    [{ icons: [{ src: 5 }, { theme: 'dark' }] }, ['icons[0].src', 'icons[0]', 'icons[1]']],
    [{ execution: { taskSupport: 'maybe' } }, ['execution.taskSupport']],
    [
      { inputSchema: { type: 'object', required: true, properties: { a: 'string' } } },
      ['inputSchema.properties.a', 'inputSchema.required'],
    ],
    [{ _meta: [], outputSchema: true }, ['_meta', 'outputSchema']],
  ])('is shown without what is no such thing, and that is named: %j', (more, members) => {
    const { tool: shown, adjusted } = read(more);
    expect(shown).toBeDefined();
    expect(adjusted).toEqual([{ name: 'a', members }]);
  });
  test.each([
    [{ inputSchema: { type: 'string' } }],
    [{ inputSchema: true }],
    [{ inputSchema: null }],
    [{ inputSchema: { type: ['array', 'null'] } }],
  ])('is left out where no arguments fit: %j', (more) => {
    expect(read(more)).toMatchObject({
      tool: undefined,
      dropped: [{ name: 'a', reason: 'malformed', member: 'inputSchema' }],
    });
  });
  test('is known by the digest of what the server said of it (S14)', () => {
    const said = tool('a', { description: null });
    expect(catalogueTools('notes', sources([said]), NAMING).entries.get('notes__a')?.definition).toBe(
      digestOfTool(source(said)),
    );
  });
  test('of a resource is called by its title or its URI where it has no name; of a prompt has no arguments without one', () => {
    const { entries } = catalogueResources(
      'notes',
      'resources',
      sources([
        {
          uri: 'note://1',
          name: null,
          size: null,
          annotations: { audience: ['user', 'model'], priority: 7, lastModified: 'today' },
        },
        { uri: 'note://2', title: 'Two' },
      ]),
      'server',
    );
    expect([...entries.values()].map(({ json }) => JSON.parse(json))).toEqual([
      { uri: 'via-notes+note://1', name: 'note://1', annotations: { audience: ['user'] } },
      { uri: 'via-notes+note://2', title: 'Two', name: 'Two' },
    ]);
    const prompts = cataloguePrompts(
      'notes',
      sources([
        { name: 'p', arguments: [{ description: 'x' }, { name: 'a', required: null }] },
        { name: 'q', arguments: null },
      ]),
      NAMING,
    );
    expect([...prompts.entries.values()].map(({ json }) => JSON.parse(json))).toEqual([
      { name: 'notes__p', arguments: [{ name: 'a' }] },
      { name: 'notes__q' },
    ]);
    expect(prompts.adjusted).toEqual([{ name: 'p', members: ['arguments[0]'] }]);
  });
  test('keeps the numbers of what is not changed (R58)', () => {
    const json = '{"name":"a","description":null,"inputSchema":{"properties":{"n":{"maximum":9223372036854775807}}}}';
    expect(catalogueTools('notes', [{ json, value: JSON.parse(json) }], NAMING).entries.get('notes__a')?.json).toBe(
      '{"name":"notes__a","inputSchema":{"properties":{"n":{"maximum":9223372036854775807}},"type":"object"}}',
    );
  });
});

describe('an output schema for clients of 2025-11-25, which compile it when they list', () => {
  const legacyOf = (outputSchema: object) =>
    (
      JSON.parse(
        catalogueTools('notes', sources([tool('a', { outputSchema })]), NAMING).entries.get('notes__a')?.legacyJson ??
          '',
      ) as { outputSchema?: object }
    ).outputSchema;
  const withA = (a: unknown) => ({ type: 'object', properties: { a } });

  test.each([
    [{ type: 'strin' }],
    [{ pattern: '(' }],
    [{ $ref: '#/$defs/none' }],
    [{ $ref: 'https://example.com/schema' }],
    [{ minLength: '5' }],
    [{ type: 'number', minimum: 0, exclusiveMinimum: true }],
    [{ enum: 'a' }],
    [{ anyOf: [] }],
    [{ nullable: true }],
    [{ required: true }],
    [{ $id: 'b', type: 'string' }],
  ])('is left out where they could not: %j', (a) => {
    expect(legacyOf(withA(a))).toBeUndefined();
  });
  test.each([
    [{ type: ['string', 'null'], pattern: '^a+$' }],
    [{ $ref: '#/properties/b', description: 'x' }],
    [{ enum: [{ type: 'strin' }], default: { pattern: '(' } }],
    [{ properties: { pattern: { type: 'string' }, $ref: {} } }],
  ])('stays where they can: %j', (a) => {
    const schema = { type: 'object', properties: { a, b: {} } };
    expect(legacyOf(schema)).toEqual(schema);
  });
  test('has objects in place of true and false', () => {
    expect(legacyOf({ type: 'object', properties: { a: true, b: false } })).toEqual({
      type: 'object',
      properties: { a: {}, b: { not: {} } },
    });
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
        { type: 'text', text: 'note://../1 (a resource of the server, which cannot be read through this gateway)' },
        { type: 'resource', resource: { uri: 'via-notes:note%3A%2F%2F..%2F1', text: 'y' } },
      ],
      contents: [
        { uri: 'via-notes+note://1', text: 'x' },
        { uri: 'via-notes:x%20y', text: 'z' },
      ],
      messages: [
        { role: 'user', content: { type: 'resource', resource: { uri: 'via-notes+note://1', text: 'x' } } },
        { role: 'user', content: { type: 'text', text: 'note://1' } },
        {
          role: 'user',
          content: {
            type: 'text',
            text: 'note://../1 (a resource of the server, which cannot be read through this gateway)',
          },
        },
      ],
      structuredContent: { uri: 'note://1' },
    });
    expect(rewriteResult(result, 'notes', 'never')).toBe(result);
  });
});

describe.each(['README.md', 'file.txt?a=%zz', 'note://../b', 'with \ud800'])(
  'content at %j, which cannot be read through us',
  (uri) => {
    const [embedded, link] = (
      rewriteResult(
        {
          content: [
            { type: 'resource', resource: { uri, text: 'x' } },
            { type: 'resource_link', uri, name: 'n', annotations: { priority: 1 } },
          ],
        },
        'notes',
        'server',
      ) as { content: [{ resource: { uri: string; text: string } }, object] }
    ).content;
    test('passes under a URI, which nothing is asked for with (S13)', () => {
      expect(embedded.resource.text).toBe('x');
      expect(URL.canParse(embedded.resource.uri)).toBe(true);
      expect(serverResourceUri(embedded.resource.uri, ['notes'], 'server')).toEqual({ type: 'unknown' });
    });
    test('is told in words where it is only linked to (R58)', () => {
      expect(link).toEqual({
        type: 'text',
        text: `n: ${uri} (a resource of the server, which cannot be read through this gateway)`,
        annotations: { priority: 1 },
      });
    });
  },
);

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
    expect(parameterHeaders(declared, source({ region: 'eu', deep: { n: 42 } }))).toEqual({
      'mcp-param-region': 'eu',
      'mcp-param-n': '42',
    });
    expect(parameterHeaders(declared, source({ region: null }))).toEqual({});
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
        source({ region: 'eu', deep: { n: 42 } }),
        headers({ 'mcp-param-region': 'eu', 'mcp-param-n': '42.0' }),
      ),
    ).toBeUndefined();
    expect(mismatchedParameterHeader(declared, source({ region: 'eu' }), headers({}))).toBe('mcp-param-region');
    expect(mismatchedParameterHeader(declared, source({ region: 'eu' }), headers({ 'mcp-param-region': 'us' }))).toBe(
      'mcp-param-region',
    );
    expect(mismatchedParameterHeader(declared, source({}), headers({ 'mcp-param-region': 'us' }))).toBeUndefined();
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
