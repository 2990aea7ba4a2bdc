import { describe, expect, test } from 'vitest';
import { catalogueTools, decodeHeaderValue, encodeHeaderValue, findParameterHeaders, mismatchedParameterHeader, parameterHeaders, publicResources, rewriteResult } from './index.js';

const tool = (name: string, more: object = {}) => ({ name, inputSchema: { type: 'object' }, ...more });

describe('a catalogue', () => {
  test('lists tools by public name in a deterministic order, annotations and all (R56) (R58)', () => {
    const catalogue = catalogueTools('notes', [tool('b', { annotations: { readOnlyHint: true }, 'x-vendor': 1 }), tool('a')], 'server');
    expect([...catalogue.tools.keys()]).toEqual(['notes__a', 'notes__b']);
    expect(JSON.parse(catalogue.tools.get('notes__b')?.json ?? '')).toEqual({ name: 'notes__b', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true }, 'x-vendor': 1 });
    expect(catalogue.tools.get('notes__b')?.name).toBe('b');
  });
  test('keeps the good entries when one is broken, and says which', () => {
    const header = { type: 'object', properties: { a: { type: 'object', 'x-mcp-header': 'A' } } };
    const { tools, dropped } = catalogueTools('notes', [tool('a'), { name: 'broken' }, tool('a'), tool('h', { inputSchema: header }), null], 'server');
    expect([...tools.keys()]).toEqual(['notes__a']);
    expect(dropped).toEqual([{ name: 'broken', reason: 'malformed' }, { name: 'h', reason: 'parameter-headers' }, { name: '', reason: 'malformed' }, { name: 'a', reason: 'duplicate' }]);
  });
  test('lets no shortened name take the place of a tool that has that name (S12)', () => {
    const shortened = [...catalogueTools('notes', [tool('a.b')], 'server').tools.keys()][0] ?? '';
    const impostor = shortened.slice('notes__'.length);
    const { tools } = catalogueTools('notes', [tool('a.b'), tool(impostor)], 'server');
    expect(tools.get(shortened)?.name).toBe(impostor);
  });
  test('maps the view an app tool names (S13)', () => {
    const { tools } = catalogueTools('notes', [tool('a', { _meta: { ui: { resourceUri: 'ui://w' }, 'ui/resourceUri': 'ui://w', other: 1 } })], 'server');
    expect(JSON.parse(tools.get('notes__a')?.json ?? '')._meta).toEqual({ ui: { resourceUri: 'ui://via-notes/w' }, 'ui/resourceUri': 'ui://via-notes/w', other: 1 });
  });
  test('maps resources and templates, and leaves out what cannot be addressed (S13)', () => {
    expect(publicResources('notes', 'resources', [{ uri: 'note://1', name: 'n' }, { uri: 'note://../1' }, {}], 'server')).toEqual([{ uri: 'note://1', definition: { uri: 'via-notes+note://1', name: 'n' } }]);
    expect(publicResources('notes', 'resourceTemplates', [{ uriTemplate: 'note://{id}', name: 't' }], 'server')).toEqual([{ uri: 'note://{id}', definition: { uriTemplate: 'via-notes+note://{id}', name: 't' } }]);
  });
});

describe('a result', () => {
  test('carries the server id in links, embedded resources and contents, and nowhere else (S13)', () => {
    const result = {
      content: [{ type: 'text', text: 'note://1' }, { type: 'resource_link', uri: 'note://1', name: 'n' }, { type: 'resource', resource: { uri: 'note://1', text: 'x' } }, { type: 'resource_link', uri: 'note://../1' }],
      contents: [{ uri: 'note://1', text: 'x' }],
      structuredContent: { uri: 'note://1' },
    };
    expect(rewriteResult(result, 'notes', 'server')).toEqual({
      content: [{ type: 'text', text: 'note://1' }, { type: 'resource_link', uri: 'via-notes+note://1', name: 'n' }, { type: 'resource', resource: { uri: 'via-notes+note://1', text: 'x' } }],
      contents: [{ uri: 'via-notes+note://1', text: 'x' }],
      structuredContent: { uri: 'note://1' },
    });
    expect(rewriteResult(result, 'notes', 'never')).toBe(result);
  });
});

describe('parameter headers', () => {
  const schema = { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': 'Region' }, deep: { type: 'object', properties: { n: { type: 'integer', 'x-mcp-header': 'N' } } } } };
  const declared = findParameterHeaders(schema);
  if (declared === 'invalid') throw new Error('the schema is valid');

  test('are computed from the arguments and read back', () => {
    expect(parameterHeaders(declared, { region: 'eu', deep: { n: 42 } })).toEqual({ 'mcp-param-region': 'eu', 'mcp-param-n': '42' });
    expect(parameterHeaders(declared, { region: null })).toEqual({});
    for (const value of ['plain', ' padded ', 'grün', '=?base64?eA==?=', '', '\u0001']) expect(decodeHeaderValue(encodeHeaderValue(value))).toBe(value);
    expect(decodeHeaderValue('=?base64?not base64?=')).toBeUndefined();
    expect(decodeHeaderValue('=?base64?/w==?=')).toBeUndefined();
  });
  test('that are missing or disagree with the body are found', () => {
    const headers = (values: Record<string, string>) => (name: string) => values[name];
    expect(mismatchedParameterHeader(declared, { region: 'eu', deep: { n: 42 } }, headers({ 'mcp-param-region': 'eu', 'mcp-param-n': '42.0' }))).toBeUndefined();
    expect(mismatchedParameterHeader(declared, { region: 'eu' }, headers({}))).toBe('mcp-param-region');
    expect(mismatchedParameterHeader(declared, { region: 'eu' }, headers({ 'mcp-param-region': 'us' }))).toBe('mcp-param-region');
    expect(mismatchedParameterHeader(declared, {}, headers({ 'mcp-param-region': 'us' }))).toBeUndefined();
  });
  test.each([
    ['on a number', { properties: { a: { type: 'number', 'x-mcp-header': 'A' } } }],
    ['below an array', { properties: { a: { type: 'array', items: { type: 'string', 'x-mcp-header': 'A' } } } }],
    ['below $defs', { $defs: { a: { type: 'string', 'x-mcp-header': 'A' } } }],
    ['at the root', { type: 'string', 'x-mcp-header': 'A' }],
    ['with a name that is no header name', { properties: { a: { type: 'string', 'x-mcp-header': 'A B' } } }],
    ['twice', { properties: { a: { type: 'string', 'x-mcp-header': 'A' }, b: { type: 'string', 'x-mcp-header': 'a' } } }],
  ])('declared %s are invalid', (_where, inputSchema) => {
    expect(findParameterHeaders(inputSchema)).toBe('invalid');
  });
});
