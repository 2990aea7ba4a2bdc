import { describe, expect, test } from 'vitest';
import { readServerJson } from './server-json.js';

const read = (value: unknown) => readServerJson(typeof value === 'string' ? value : JSON.stringify(value), 'a file');
const remote = { type: 'streamable-http', url: 'https://mcp.notes.example/mcp' };

test('an entry leads to its Streamable HTTP endpoint, with the headers it says', () => {
  const headers = [
    { name: 'X-Api-Key', description: 'Make\none', isRequired: true, isSecret: true },
    { name: 'X-Region', value: '{region}' },
  ];
  const server = {
    $schema: 'https://static.modelcontextprotocol.io/schemas/2025-10-17/server.schema.json',
    name: 'com.example/notes',
    title: 'Notes',
    version: '1.0.0',
    remotes: [
      { type: 'sse', url: 'https://mcp.notes.example/sse' },
      { ...remote, headers },
    ],
  };
  const expected = {
    type: 'remote',
    url: remote.url,
    entry: {
      how: 'a file',
      name: 'com.example/notes',
      title: 'Notes',
      headers: [
        { name: 'X-Api-Key', description: 'Make one', isRequired: true, isSecret: true },
        { name: 'X-Region', form: '{region}', isRequired: false, isSecret: false },
      ],
    },
    unknowns: [],
  };
  expect(read(server)).toEqual(expected);
  expect(read({ server, _meta: {} })).toEqual(expected);
});

test('an entry that its registry calls deprecated is said to be so', () => {
  const _meta = { 'io.modelcontextprotocol.registry/official': { status: 'deprecated' } };
  expect(read({ server: { name: 'a/b', remotes: [remote] }, _meta })).toMatchObject({
    unknowns: [{ what: 'a/b is deprecated in the registry', move: 'you' }],
  });
});

describe('an entry leads nowhere', () => {
  const _meta = { 'io.modelcontextprotocol.registry/official': { status: 'deleted' } };
  test.each([
    ['no JSON', '{', 'a server.json'],
    ['no server.json', { remotes: [] }, 'name is not what'],
    ['a program to run', { name: 'a/b', packages: [{ registryType: 'npm' }] }, 'a program to run (stdio)'],
    ['nothing', { name: 'a/b' }, 'names no address'],
    [
      'an address to fill in',
      { name: 'a/b', remotes: [{ ...remote, url: 'https://{tenant}.example/mcp' }] },
      'yours to fill in',
    ],
    ['an address that is none', { name: 'a/b', remotes: [{ ...remote, url: 'file:///etc/passwd' }] }, 'no web address'],
    ['a deleted one', { server: { name: 'a/b', remotes: [remote] }, _meta }, 'was deleted'],
    ['more than a mebibyte', `"${'x'.repeat(1_048_577)}"`, 'a server.json'],
  ])('that is %s', (_, value, words) => {
    const entry = read(value);
    expect(entry).toMatchObject({ type: 'unusable' });
    expect(JSON.stringify(entry)).toContain(words);
  });
});
