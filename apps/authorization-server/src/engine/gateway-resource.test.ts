import { expect, test } from 'vitest';
import { createResourceNames, withCanonicalResource } from './gateway-resource.js';

const resource = 'https://gateway.example/mcp';
const canonical = createResourceNames(resource);

test('each address of the gateway is a name of its one resource (R16)', () => {
  const names = ['/mcp', '/mcp/', '/mcp/notes', '/mcp/notes/', '/mcp/no%20such', '/', ''];
  for (const path of names) expect(canonical(`https://gateway.example${path}`)).toBe(resource);
  expect(canonical('HTTPS://GATEWAY.example:443/mcp')).toBe(resource);
  const local = createResourceNames('http://127.0.0.1:7400/mcp');
  for (const host of ['localhost', '[::1]', '127.0.0.1'])
    expect(local(`http://${host}:7400/mcp/x`)).toBe('http://127.0.0.1:7400/mcp');
});

test.each([
  'http://gateway.example/mcp',
  'https://gateway.example:8443/mcp',
  'https://evil.example/mcp',
  'https://gateway.example.evil.example/mcp',
  'https://gateway.example/mcp/a/b',
  'https://gateway.example/mcpx',
  'https://gateway.example/other',
  'https://gateway.example/mcp?x=1',
  'https://gateway.example/mcp#x',
  'https://gateway.example/mcp#',
  'https://user@gateway.example/mcp',
  'https://localhost/mcp',
  'mcp',
  '',
])('%s is no name of it (R16)', (requested) => {
  expect(canonical(requested)).toBe(requested);
});

test('names of one resource are one; others stay, to be refused (R16)', () => {
  expect(withCanonicalResource([resource, `${resource}/notes`], canonical)).toBe(resource);
  expect(withCanonicalResource([resource, 'https://evil.example'], canonical)).toEqual([
    resource,
    'https://evil.example',
  ]);
  expect(withCanonicalResource(undefined, canonical)).toBeUndefined();
});
