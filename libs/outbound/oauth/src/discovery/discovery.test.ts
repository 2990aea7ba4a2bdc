import { describe, expect, test } from 'vitest';
import { network, type Served } from '../testing/served-web.js';
import { discoverAuthorizationServer } from './discover-authorization-server.js';
import { covers, discoverProtectedResource } from './discover-protected-resource.js';
import { discoverSignIn } from './discover-sign-in.js';

const server = 'https://notes.example/team/mcp';
const root = 'https://notes.example/.well-known/oauth-protected-resource';
const prm = { resource: server, authorization_servers: ['https://as.example'], scopes_supported: ['read', 'write'] };
const asMetadata = 'https://as.example/.well-known/oauth-authorization-server';
const metadata = {
  issuer: 'https://as.example',
  authorization_endpoint: 'https://as.example/authorize?tenant=1',
  token_endpoint: 'https://as.example/token',
  registration_endpoint: 'https://as.example/register',
  code_challenge_methods_supported: ['S256'],
  token_endpoint_auth_methods_supported: ['client_secret_basic'],
};
const challenging = (parameters: string) => ({ status: 401, headers: { 'www-authenticate': `Bearer ${parameters}` } });

describe('a protected resource', () => {
  test.each([
    ['https://notes.example/team', true],
    ['https://notes.example/', true],
    ['https://notes.example/team/mcp', true],
    ['https://notes.example/team/mcp/', true],
    ['https://notes.example/tea', false],
    ['https://notes.example/other', false],
    ['https://evil.example/team/mcp', false],
    ['http://notes.example/team/mcp', false],
    ['https://notes.example:8443/team/mcp', false],
    ['https://notes.example/team#mcp', false],
  ])('%s covers the server: %s', (resource, expected) => expect(covers(resource, server)).toBe(expected));

  test('is found by the challenge, whose scope is the one to ask for', async () => {
    const { fetch, requests } = network({
      [server]: challenging('resource_metadata="https://meta.example/prm", scope="read"'),
      'https://meta.example/prm': { json: prm },
    });
    expect(await discoverProtectedResource(server, fetch)).toEqual({
      type: 'found',
      resource: server,
      authorizationServers: ['https://as.example'],
      scopes: ['read'],
    });
    expect(requests[0]?.headers.get('authorization')).toBeNull();
  });
  test('is found at the path form, else at the root, with its own scopes', async () => {
    for (const place of [`${root}/team/mcp`, root]) {
      expect(await discoverProtectedResource(server, network({ [place]: { json: prm } }).fetch)).toMatchObject({
        type: 'found',
        scopes: ['read', 'write'],
      });
    }
  });
  test('of another server is refused, and so is one that is not what the administrator set; both values are named', async () => {
    const served = (resource: string) => network({ [root]: { json: { ...prm, resource } } }).fetch;
    expect(await discoverProtectedResource(server, served('https://evil.example/'))).toEqual({
      type: 'failed',
      reason: 'resource_mismatch',
      isTemporary: false,
      detail: { address: root, wanted: server, got: 'https://evil.example/' },
    });
    expect(
      await discoverProtectedResource(server, served(server), { resource: 'https://api.notes.example' }),
    ).toMatchObject({ type: 'failed', reason: 'resource_mismatch' });
  });
  test.each(['https://api.notes.example', 'https://api.notes.example/'])(
    'that the administrator set is found under %s, and called what it calls itself',
    async (resource) => {
      expect(
        await discoverProtectedResource(server, network({ [root]: { json: { ...prm, resource } } }).fetch, {
          resource: 'https://api.notes.example/',
        }),
      ).toMatchObject({ type: 'found', resource });
    },
  );
  test('that says nothing usable is not guessed', async () => {
    expect(await discoverProtectedResource(server, network({}).fetch)).toMatchObject({
      type: 'absent',
      failure: { reason: 'no_metadata', detail: { asked: `${root}/team/mcp ${root}` } },
    });
    expect(
      await discoverProtectedResource(server, network({ [root]: { json: { resource: 'notes' } } }).fetch),
    ).toMatchObject({ reason: 'malformed_metadata', detail: { address: root, field: 'resource' } });
  });

  test.each<[string, Served]>([
    [
      'whose path form redirects',
      { [`${root}/team/mcp`]: { status: 302, headers: { location: 'https://notes.example/login' } } },
    ],
    ['whose path form is a page for every address', { [`${root}/team/mcp`]: { html: '<!doctype html>' } }],
    [
      'whose path form is about another server',
      { [`${root}/team/mcp`]: { json: { ...prm, resource: 'https://notes.example/other' } } },
    ],
    [
      'whose challenge names a host of its own network',
      {
        [server]: challenging('resource_metadata="https://internal.example/prm"'),
        'https://internal.example/prm': 'outbound_refused',
      },
    ],
    [
      'whose challenge names a host that is down',
      {
        [server]: challenging('resource_metadata="https://internal.example/prm"'),
        'https://internal.example/prm': 'outbound_timeout',
      },
    ],
    [
      'whose challenge names an address that redirects',
      {
        [server]: challenging('resource_metadata="https://notes.example/prm"'),
        'https://notes.example/prm': { status: 307 },
      },
    ],
    [
      'whose challenge names a document of another server',
      {
        [server]: challenging('resource_metadata="https://notes.example/prm"'),
        'https://notes.example/prm': { json: { ...prm, resource: 'https://workers.example/' } },
      },
    ],
    ['whose challenge names no address', { [server]: challenging('resource_metadata="/prm"') }],
    [
      'whose challenge names an address with a password',
      { [server]: challenging('resource_metadata="https://user:password@notes.example/prm"') },
    ],
    ['whose challenge names a file', { [server]: challenging('resource_metadata="file:///prm"') }],
    ['that redirects whom it does not know', { [server]: { status: 302, headers: { location: '/login' } } }],
    ['that does not answer whom it does not know', { [server]: 'outbound_timeout' }],
  ])('%s is found at the root form', async (_what, served) => {
    expect(await discoverProtectedResource(server, network({ ...served, [root]: { json: prm } }).fetch)).toMatchObject({
      type: 'found',
      resource: server,
    });
  });
  test.each<[string, Served, object]>([
    [
      'an address that may not be called',
      {
        [server]: challenging('resource_metadata="https://internal.example/prm"'),
        'https://internal.example/prm': 'outbound_refused',
      },
      { reason: 'outbound_refused', isTemporary: false, detail: { address: 'https://internal.example/prm' } },
    ],
    [
      'an address that fails',
      { [root]: { status: 503 } },
      { reason: 'metadata_unavailable', isTemporary: true, detail: { address: root, status: 503 } },
    ],
    ['an address with a limit', { [root]: { status: 429 } }, { reason: 'metadata_unavailable', isTemporary: true }],
    [
      'a host that is away',
      { [`${root}/team/mcp`]: 'outbound_unreachable' },
      { reason: 'outbound_unreachable', isTemporary: true },
    ],
    [
      'a document that does not fit, rather than the addresses that have none',
      { [`${root}/team/mcp`]: { json: { ...prm, resource: 'https://evil.example' } } },
      { reason: 'resource_mismatch' },
    ],
  ])('that is nowhere is blamed on %s', async (_what, served, expected) =>
    expect(await discoverProtectedResource(server, network(served).fetch)).toMatchObject(expected),
  );
  test('is not waited for at every address of a host that does not answer', async () => {
    const { fetch, requests } = network({ [`${root}/team/mcp`]: 'outbound_timeout', [root]: 'outbound_timeout' });
    await discoverProtectedResource(server, fetch);
    expect(requests.map(({ url }) => url)).toEqual([server, `${root}/team/mcp`]);
  });

  test.each([
    ['null', { resource_name: null, scopes_supported: null, jwks_uri: null }],
    ['nothing', { scopes_supported: '', jwks_uri: '' }],
  ])('may say %s of what it has not', async (_what, changes) => {
    expect(
      await discoverProtectedResource(server, network({ [root]: { json: { ...prm, ...changes } } }).fetch),
    ).toMatchObject({ type: 'found', scopes: [] });
  });
  test('may have entries in its lists that are none', async () => {
    const json = {
      ...prm,
      authorization_servers: [
        'file:///x',
        null,
        'https://user@as.example',
        'https://as.example?x=1',
        'as.example',
        'https://as.example',
      ],
      scopes_supported: [null, 'read', 7, ''],
    };
    expect(await discoverProtectedResource(server, network({ [root]: { json } }).fetch)).toMatchObject({
      type: 'found',
      authorizationServers: ['https://as.example'],
      scopes: ['read'],
    });
  });
  test('without an authorization server that can be one fails with a reason of its own', async () => {
    for (const list of [undefined, null, [], ['file:///etc/passwd']]) {
      expect(
        await discoverProtectedResource(
          server,
          network({ [root]: { json: { ...prm, authorization_servers: list } } }).fetch,
        ),
      ).toMatchObject({ type: 'failed', reason: 'no_authorization_server', isTemporary: false });
    }
  });
});

describe('an authorization server', () => {
  test('with a path is looked for in the order of the specification', async () => {
    const { fetch, requests } = network({});
    await discoverAuthorizationServer('https://as.example/tenant', fetch);
    expect(requests.map(({ url }) => url)).toEqual([
      'https://as.example/.well-known/oauth-authorization-server/tenant',
      'https://as.example/.well-known/openid-configuration/tenant',
      'https://as.example/tenant/.well-known/openid-configuration',
    ]);
  });
  const at = (json: unknown) => network({ 'https://as.example/.well-known/openid-configuration': { json } }).fetch;
  test.each([
    ['https://as.example', 'https://as.example/'],
    ['https://as.example/', 'https://as.example'],
  ])('announced as %s may call itself %s, and keeps that form for `iss`', async (announced, issuer) => {
    expect(await discoverAuthorizationServer(announced, at({ ...metadata, issuer }))).toMatchObject({
      type: 'found',
      metadata: { issuer },
    });
  });
  test.each([
    'https://AS.example',
    'https://evil.example',
    'https://as.example/tenant',
    'https://as.example//',
    'http://as.example',
    'https://as.example:8443',
    'https://as.example/?',
  ])('announced as https://as.example is not %s; both are named', async (issuer) => {
    expect(await discoverAuthorizationServer('https://as.example', at({ ...metadata, issuer }))).toMatchObject({
      type: 'failed',
      reason: 'issuer_mismatch',
      detail: { wanted: 'https://as.example', address: 'https://as.example/.well-known/openid-configuration' },
    });
  });
  test('with a path is compared as it stands', async () => {
    const fetch = network({
      'https://as.example/.well-known/oauth-authorization-server/tenant': {
        json: { ...metadata, issuer: 'https://as.example/tenant/' },
      },
    }).fetch;
    expect(await discoverAuthorizationServer('https://as.example/tenant', fetch)).toMatchObject({
      reason: 'issuer_mismatch',
      detail: { wanted: 'https://as.example/tenant', got: 'https://as.example/tenant/' },
    });
  });
  test('is found where its metadata is, whatever stands at the addresses asked before', async () => {
    const at = {
      'https://as.example/.well-known/oauth-authorization-server/tenant': { json: metadata },
      'https://as.example/tenant/.well-known/openid-configuration': {
        json: { ...metadata, issuer: 'https://as.example/tenant' },
      },
    };
    expect(await discoverAuthorizationServer('https://as.example/tenant', network(at).fetch)).toMatchObject({
      type: 'found',
      metadata: { issuer: 'https://as.example/tenant' },
    });
  });
  test('must support PKCE S256, and is told apart by what it lists instead (R17)', async () => {
    for (const [methods, got] of [
      [undefined, 'not said'],
      [null, 'not said'],
      [[], 'not said'],
      [['plain'], 'plain'],
    ] as const) {
      expect(
        await discoverAuthorizationServer(
          'https://as.example',
          at({ ...metadata, code_challenge_methods_supported: methods }),
        ),
      ).toMatchObject({ type: 'failed', reason: 'no_s256', detail: { got } });
    }
  });
  test.each([
    [undefined, 'found'],
    [null, 'found'],
    [[], 'found'],
    [['plain'], 'failed'],
  ])('is believed to take PKCE S256 where the administrator says so and it lists %j: %s', async (methods, type) => {
    expect(
      await discoverAuthorizationServer(
        'https://as.example',
        at({ ...metadata, code_challenge_methods_supported: methods }),
        { isPkceAssumed: true },
      ),
    ).toMatchObject({ type });
  });
  test('may say null, or nothing, of what it has not', async () => {
    const json = {
      ...metadata,
      registration_endpoint: null,
      revocation_endpoint: '',
      scopes_supported: null,
      token_endpoint_auth_methods_supported: null,
      authorization_response_iss_parameter_supported: null,
      client_id_metadata_document_supported: null,
    };
    const result = await discoverAuthorizationServer('https://as.example', at(json));
    expect(result).toEqual({
      type: 'found',
      metadata: {
        issuer: metadata.issuer,
        authorization_endpoint: metadata.authorization_endpoint,
        token_endpoint: metadata.token_endpoint,
        code_challenge_methods_supported: ['S256'],
      },
    });
  });
  test.each([
    ['authorization_endpoint', 'javascript:alert(1)'],
    ['registration_endpoint', '/register'],
    ['token_endpoint', 'https://user:password@as.example/token'],
    ['token_endpoint', null],
    ['scopes_supported', 'read write'],
    ['issuer', null],
  ])('whose %s is %j is told by that field', async (field, value) => {
    expect(await discoverAuthorizationServer('https://as.example', at({ ...metadata, [field]: value }))).toMatchObject({
      type: 'failed',
      reason: 'malformed_metadata',
      detail: { field },
    });
  });
});

describe('the sign-in of a server', () => {
  const listing = (...issuers: string[]) => ({
    [root]: { json: { ...prm, authorization_servers: issuers } },
    [asMetadata]: { json: metadata },
  });
  const found = {
    type: 'found',
    resource: server,
    scopes: ['read', 'write'],
    metadata: { issuer: 'https://as.example' },
  };
  test('is at the first authorization server of its list that can be used', async () => {
    for (const first of ['file:///x', 'https://gone.example', 'https://as.example/other'])
      expect(
        await discoverSignIn({ serverUrl: server }, network(listing(first, 'https://as.example')).fetch),
      ).toMatchObject(found);
    const two = {
      ...listing('https://as.example', 'https://second.example'),
      'https://second.example/.well-known/oauth-authorization-server': {
        json: { ...metadata, issuer: 'https://second.example' },
      },
    };
    expect(await discoverSignIn({ serverUrl: server }, network(two).fetch)).toMatchObject(found);
    expect(
      await discoverSignIn({ serverUrl: server, clientIssuer: 'https://second.example/' }, network(two).fetch),
    ).toMatchObject({ metadata: { issuer: 'https://second.example' } });
  });
  test('that is at none of them is told by the first', async () => {
    const { fetch, requests } = network({
      [root]: {
        json: { ...prm, authorization_servers: Array.from({ length: 50 }, (_, index) => `https://as${index}.example`) },
      },
      'https://as0.example/.well-known/oauth-authorization-server': { json: metadata },
    });
    expect(await discoverSignIn({ serverUrl: server }, fetch)).toMatchObject({
      reason: 'issuer_mismatch',
      detail: { wanted: 'https://as0.example', got: 'https://as.example' },
    });
    expect(requests.filter(({ url }) => url.includes('//as')).length).toBeLessThanOrEqual(8);
  });

  const origin = 'https://notes.example';
  const atOrigin = { [`${origin}/.well-known/oauth-authorization-server`]: { json: { ...metadata, issuer: origin } } };
  test.each<[string, Served]>([
    ['knows no resource metadata', { [server]: challenging('realm="x", scope="read"') }],
    [
      'redirects such addresses, or has a page for them',
      {
        [server]: challenging('realm="x", scope="read"'),
        [`${root}/team/mcp`]: { html: '<!doctype html>' },
        [root]: { status: 302 },
      },
    ],
    [
      'answers them as it answers every stranger',
      {
        [server]: challenging('realm="x", scope="read"'),
        [`${root}/team/mcp`]: { status: 401 },
        [root]: { status: 403 },
      },
    ],
  ])('of 2025-03-26, which %s, is at its own origin', async (_what, served) => {
    expect(await discoverSignIn({ serverUrl: server }, network({ ...served, ...atOrigin }).fetch)).toMatchObject({
      type: 'found',
      resource: server,
      scopes: ['read'],
      metadata: { issuer: origin },
    });
  });
  test.each<[string, Served, string]>([
    ['cannot be read', { [root]: { json: { resource: 'x' } } }, 'malformed_metadata'],
    ["is another server's", { [root]: { json: { ...prm, resource: 'https://evil.example' } } }, 'resource_mismatch'],
    ['could not be had', { [root]: { status: 503 } }, 'metadata_unavailable'],
    [
      'is where nobody may call',
      {
        [server]: challenging('resource_metadata="https://internal.example/prm"'),
        'https://internal.example/prm': 'outbound_refused',
      },
      'outbound_refused',
    ],
  ])("is not guessed where the server's metadata %s", async (_what, served, reason) => {
    expect(await discoverSignIn({ serverUrl: server }, network({ ...served, ...atOrigin }).fetch)).toMatchObject({
      type: 'failed',
      reason,
    });
  });
  test('that is nowhere names every address that was asked', async () => {
    expect(await discoverSignIn({ serverUrl: server }, network({}).fetch)).toMatchObject({
      reason: 'no_metadata',
      detail: {
        asked: `${root}/team/mcp ${root} ${origin}/.well-known/oauth-authorization-server ${origin}/.well-known/openid-configuration`,
      },
    });
    expect(
      await discoverSignIn(
        { serverUrl: server },
        network({ [`${origin}/.well-known/oauth-authorization-server`]: { json: metadata } }).fetch,
      ),
    ).toMatchObject({ reason: 'issuer_mismatch', detail: { wanted: origin, got: 'https://as.example' } });
  });
  test.each<[string, Served]>([
    ['names none', {}],
    ['names another', listing('https://other.example')],
    ['names none in metadata of its own', { [root]: { json: { resource: server } }, [asMetadata]: { json: metadata } }],
  ])('is where the administrator says, although the server %s', async (_what, served) => {
    expect(
      await discoverSignIn(
        { serverUrl: server, authorizationServer: 'https://as.example' },
        network({ [asMetadata]: { json: metadata }, ...served }).fetch,
      ),
    ).toMatchObject({ type: 'found', resource: server, metadata: { issuer: 'https://as.example' } });
  });
});
