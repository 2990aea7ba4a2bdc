import { expect, test } from 'vitest';
import type { Client } from 'oidc-provider';
import { createResourceNames, defaultResourceOf, mayHaveResource, withCanonicalResource } from './resources.js';

const resource = 'https://gateway.example/mcp';
const api = 'https://control.example/v1';
const resources = { gateway: resource, api };
const canonical = createResourceNames(resources);

test('each address of the gateway is a name of its one resource (R16)', () => {
  const names = ['/mcp', '/mcp/', '/mcp/notes', '/mcp/notes/', '/mcp/no%20such', '/', ''];
  for (const path of names) expect(canonical(`https://gateway.example${path}`)).toBe(resource);
  expect(canonical('HTTPS://GATEWAY.example:443/mcp')).toBe(resource);
  const local = createResourceNames({ gateway: 'http://127.0.0.1:7400/mcp', api: 'http://127.0.0.1:7402/v1' });
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

test('the API has a name of its own, and none of the gateway is one of it (R16)', () => {
  expect(canonical('https://control.example/v1/')).toBe(api);
  for (const other of ['https://control.example', 'https://control.example/v1/events', 'https://gateway.example/v1'])
    expect(canonical(other)).toBe(other);
});

test('no agent of a user gets a token for the API, and no client of administrators one for the gateway (S29)', () => {
  const client = (clientId: string, grant = 'authorization_code') =>
    ({ clientId, grantTypeAllowed: (type: string) => type === grant }) as Client;
  const cases = [
    [client('sallyport-cli'), api],
    [client('sallyport-console'), api],
    [client('https://claude.example/client.json'), resource],
    [client('dcr_1'), resource],
    [client('sallyport-control-plane'), undefined],
  ] as const;
  for (const [one, expected] of cases) {
    expect(defaultResourceOf(one, resources)).toBe(expected);
    expect([resource, api].filter((name) => mayHaveResource(one, name, resources))).toEqual(
      expected === undefined ? [] : [expected],
    );
  }
  const pipeline = client('deploy', 'client_credentials');
  expect([resource, api, 'https://evil.example'].map((name) => mayHaveResource(pipeline, name, resources))).toEqual([
    true,
    true,
    false,
  ]);
});
