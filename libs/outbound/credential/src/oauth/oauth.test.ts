import { Secret, SallyportError } from '@sallyport/kernel';
import { describe, expect, test } from 'vitest';
import {
  createAuthorizationRequest,
  discoverAuthorizationServer,
  discoverProtectedResource,
  exchangeCode,
  readAuthorizationResponse,
  registerClient,
  revokeGrant,
  scopesToRequest,
  type OAuthClient,
  type OutboundFetch,
} from '../index.js';
import { readBearerChallenge, readScopeChallenge } from './bearer-challenge.js';
import { covers } from './discover-protected-resource.js';
import { refreshGrant } from './refresh-grant.js';

type Served = Record<string, { status?: number; json?: unknown; headers?: Record<string, string> }>;

/** Answers by address; everything else is 404. Remembers what was asked. */
function network(served: Served) {
  const requests: { url: string; headers: Headers; body: string }[] = [];
  const fetch: OutboundFetch = async (input, init) => {
    const request = new Request(input, init);
    requests.push({ url: request.url, headers: request.headers, body: await request.text() });
    const answer = served[request.url];
    return answer
      ? new Response(JSON.stringify(answer.json ?? {}), {
          status: answer.status ?? 200,
          headers: { 'content-type': 'application/json', ...answer.headers },
        })
      : new Response('', { status: 404 });
  };
  return { fetch, requests };
}

const server = 'https://notes.example/team/mcp';
const metadata = {
  issuer: 'https://as.example',
  authorization_endpoint: 'https://as.example/authorize?tenant=1',
  token_endpoint: 'https://as.example/token',
  registration_endpoint: 'https://as.example/register',
  code_challenge_methods_supported: ['S256'],
  token_endpoint_auth_methods_supported: ['client_secret_basic'],
};
const client: OAuthClient = {
  issuer: 'https://as.example',
  clientId: 'c 1',
  clientSecret: new Secret('s:1'),
  authentication: 'client_secret_basic',
};

describe('the bearer challenge of a server', () => {
  test.each([
    [
      'Bearer resource_metadata="https://a/b", scope="x y"',
      { resourceMetadata: 'https://a/b', scope: 'x y', error: undefined },
    ],
    [
      'Basic realm="Bearer scope=z", Bearer error="invalid_token",resource_metadata=https://a/b',
      { resourceMetadata: 'https://a/b', scope: undefined, error: 'invalid_token' },
    ],
    ['bearer scope="a\\"b"', { resourceMetadata: undefined, scope: 'a"b', error: undefined }],
    ['Bearer', { resourceMetadata: undefined, scope: undefined, error: undefined }],
    ['DPoP algs="ES256", resource_metadata="https://a/b"', undefined],
    ['Bearer scope="mine", DPoP scope="other"', { resourceMetadata: undefined, scope: 'mine', error: undefined }],
  ])('%s', (header, expected) => expect(readBearerChallenge(header)).toEqual(expected));
  test('none', () => expect(readBearerChallenge(null)).toBeUndefined());
  test.each([
    ['Bearer error="insufficient_scope", scope="notes.write  notes.read notes.write"', ['notes.write', 'notes.read']],
    ['Bearer error="invalid_token", scope="notes.write"', undefined],
    ['Bearer scope="notes.write"', undefined],
    ['Bearer error="insufficient_scope"', undefined],
    ['Bearer error="insufficient_scope", scope=" "', undefined],
    ['Bearer error="insufficient_scope", scope="a\\"b"', undefined],
    [`Bearer error="insufficient_scope", scope="${'x'.repeat(257)}"`, undefined],
    [
      `Bearer error="insufficient_scope", scope="${Array.from({ length: 65 }, (_, index) => `s${index}`).join(' ')}"`,
      undefined,
    ],
  ])('asks for scopes (S24): %s', (header, expected) => expect(readScopeChallenge(header)).toEqual(expected));
});

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

  const prm = { resource: server, authorization_servers: ['https://as.example'], scopes_supported: ['read', 'write'] };

  test('is found by the challenge, whose scope is the one to ask for', async () => {
    const { fetch, requests } = network({
      [server]: {
        status: 401,
        headers: { 'www-authenticate': 'Bearer resource_metadata="https://meta.example/prm", scope="read"' },
      },
      'https://meta.example/prm': { json: prm },
    });
    expect(await discoverProtectedResource(server, fetch)).toEqual({
      type: 'found',
      resource: server,
      authorizationServer: 'https://as.example',
      scopes: ['read'],
    });
    expect(requests[0]?.headers.get('authorization')).toBeNull();
  });
  test('is found at the path form, else at the root, with its own scopes', async () => {
    const root = 'https://notes.example/.well-known/oauth-protected-resource';
    for (const place of [`${root}/team/mcp`, root]) {
      expect(await discoverProtectedResource(server, network({ [place]: { json: prm } }).fetch)).toMatchObject({
        type: 'found',
        scopes: ['read', 'write'],
      });
    }
  });
  test('of another server is refused, and so is one that is not what the administrator set', async () => {
    const served = (resource: string) =>
      network({ 'https://notes.example/.well-known/oauth-protected-resource': { json: { ...prm, resource } } }).fetch;
    expect(await discoverProtectedResource(server, served('https://evil.example/'))).toEqual({
      type: 'failed',
      reason: 'resource_mismatch',
    });
    expect(await discoverProtectedResource(server, served(server), 'https://api.notes.example')).toEqual({
      type: 'failed',
      reason: 'resource_mismatch',
    });
    expect(
      await discoverProtectedResource(server, served('https://api.notes.example/'), 'https://api.notes.example/'),
    ).toMatchObject({ type: 'found' });
  });
  test('that says nothing usable is not guessed', async () => {
    expect(await discoverProtectedResource(server, network({}).fetch)).toEqual({
      type: 'failed',
      reason: 'no_metadata',
    });
    expect(
      await discoverProtectedResource(
        server,
        network({ 'https://notes.example/.well-known/oauth-protected-resource': { json: { resource: server } } }).fetch,
      ),
    ).toEqual({ type: 'failed', reason: 'malformed_metadata' });
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
  test('must be the issuer that was asked for, byte for byte', async () => {
    expect(await discoverAuthorizationServer('https://as.example', at(metadata))).toMatchObject({ type: 'found' });
    for (const issuer of ['https://as.example/', 'https://AS.example', 'https://evil.example'])
      expect(await discoverAuthorizationServer('https://as.example', at({ ...metadata, issuer }))).toEqual({
        type: 'failed',
        reason: 'issuer_mismatch',
      });
  });
  test('must support PKCE S256 (R17)', async () => {
    for (const methods of [undefined, [], ['plain']])
      expect(
        await discoverAuthorizationServer(
          'https://as.example',
          at({ ...metadata, code_challenge_methods_supported: methods }),
        ),
      ).toEqual({ type: 'failed', reason: 'no_s256' });
  });
  test('must name web addresses', async () => {
    expect(
      await discoverAuthorizationServer(
        'https://as.example',
        at({ ...metadata, authorization_endpoint: 'javascript:alert(1)' }),
      ),
    ).toEqual({ type: 'failed', reason: 'malformed_metadata' });
  });
});

describe('registration', () => {
  const ask = (json: unknown, status = 201) => {
    const net = network({ 'https://as.example/register': { json, status } });
    return {
      ...net,
      result: registerClient(
        metadata,
        {
          redirectUri: 'https://cp.example/connect/callback',
          clientName: 'Sallyport',
          clientUri: 'https://cp.example',
        },
        net.fetch,
      ),
    };
  };
  test('is that of a web application for one redirect URI, kept by its issuer', async () => {
    const { result, requests } = ask({ client_id: 'c', client_secret: 's', client_secret_expires_at: 100 });
    expect(await result).toMatchObject({
      type: 'registered',
      registration: {
        issuer: 'https://as.example',
        clientId: 'c',
        authentication: 'client_secret_basic',
        expiresAt: 100_000,
      },
    });
    expect(JSON.parse(requests[0]?.body ?? '')).toMatchObject({
      application_type: 'web',
      redirect_uris: ['https://cp.example/connect/callback'],
      grant_types: ['authorization_code', 'refresh_token'],
    });
  });
  test('without the secret its method needs, or refused, fails', async () => {
    expect(await ask({ client_id: 'c' }).result).toEqual({ type: 'failed', reason: 'malformed' });
    expect(await ask({ error: 'no' }, 400).result).toEqual({ type: 'failed', reason: 'refused' });
  });
});

test("an authorization request keeps the endpoint's own query and asks for no more than it was told (R33)", () => {
  const { url, codeVerifier } = createAuthorizationRequest(metadata, {
    clientId: 'c',
    redirectUri: 'https://cp.example/cb',
    resource: server,
    scopes: [],
    state: 'st',
  });
  const { searchParams } = new URL(url);
  expect(Object.fromEntries(searchParams)).toMatchObject({
    tenant: '1',
    response_type: 'code',
    client_id: 'c',
    state: 'st',
    resource: server,
    code_challenge_method: 'S256',
  });
  expect(searchParams.has('scope')).toBe(false);
  expect(url).not.toContain(codeVerifier);
});

test('offline access is asked for only where it is listed', () => {
  expect(scopesToRequest(['read', 'offline_access'], metadata)).toEqual(['read']);
  expect(scopesToRequest(['read'], { ...metadata, scopes_supported: ['read', 'offline_access'] })).toEqual([
    'read',
    'offline_access',
  ]);
});

describe('an authorization response', () => {
  const read = (query: string, issuerAnnounced: boolean) =>
    readAuthorizationResponse(new URLSearchParams(query), { issuer: 'https://as.example', issuerAnnounced });
  test.each([
    ['code=c&iss=https://as.example', true, { type: 'code', code: 'c' }],
    ['code=c&iss=https://as.example', false, { type: 'code', code: 'c' }],
    ['code=c', false, { type: 'code', code: 'c' }],
    ['code=c', true, { type: 'untrusted', reason: 'issuer_missing' }],
    ['code=c&iss=https://as.example/', true, { type: 'untrusted', reason: 'issuer_mismatch' }],
    ['code=c&iss=https://evil.example', false, { type: 'untrusted', reason: 'issuer_mismatch' }],
    ['error=access_denied&iss=https://evil.example', false, { type: 'untrusted', reason: 'issuer_mismatch' }],
    ['error=access_denied', true, { type: 'untrusted', reason: 'issuer_missing' }],
    ['error=access_denied', false, { type: 'refused', error: 'access_denied' }],
    ['error=%3Cscript%3E', false, { type: 'refused', error: 'unknown_error' }],
    ['', false, { type: 'untrusted', reason: 'malformed' }],
    ['code=a&code=b', false, { type: 'untrusted', reason: 'malformed' }],
  ])('%s (announced: %s)', (query, announced, expected) => expect(read(query, announced)).toEqual(expected));
});

describe('the token endpoint', () => {
  const failed = (reason: string, error: string | null, description: string | null = null) => ({
    type: 'provider_failed',
    reason,
    error,
    description,
  });
  const at = (answer: { status?: number; json?: unknown; headers?: Record<string, string> }) =>
    network({ 'https://as.example/token': answer });
  const refresh = (fetch: OutboundFetch) =>
    refreshGrant(
      { tokenEndpoint: 'https://as.example/token', client, refreshToken: 'r', resource: server, now: 1_000 },
      fetch,
    );

  test('is shown the client as RFC 6749 says, and the resource of the grant (S25)', async () => {
    const { fetch, requests } = at({
      json: { access_token: 'a', token_type: 'bearer', expires_in: '60', scope: 'x y' },
    });
    expect(await refresh(fetch)).toEqual({
      type: 'granted',
      tokens: { accessToken: 'a', refreshToken: null, expiresAt: 61_000, scopes: ['x', 'y'] },
    });
    expect(requests[0]?.headers.get('authorization')).toBe(`Basic ${Buffer.from('c+1:s%3A1').toString('base64')}`);
    expect(Object.fromEntries(new URLSearchParams(requests[0]?.body))).toEqual({
      grant_type: 'refresh_token',
      refresh_token: 'r',
      resource: server,
    });
  });
  test('exchanges a code with its verifier', async () => {
    const { fetch, requests } = at({ json: { access_token: 'a', token_type: 'Bearer' } });
    await exchangeCode(
      {
        tokenEndpoint: 'https://as.example/token',
        client: { ...client, authentication: 'none', clientSecret: null },
        code: 'c',
        codeVerifier: 'v',
        redirectUri: 'u',
        resource: server,
        now: 0,
      },
      fetch,
    );
    expect(Object.fromEntries(new URLSearchParams(requests[0]?.body))).toEqual({
      grant_type: 'authorization_code',
      code: 'c',
      code_verifier: 'v',
      redirect_uri: 'u',
      resource: server,
      client_id: 'c 1',
    });
  });
  test.each([
    [
      { status: 400, json: { error: 'invalid_grant' } },
      { type: 'invalid_grant', description: null },
    ],
    [
      { status: 401, json: { error: 'invalid_client', error_description: 'Secret expired.' } },
      failed('client_refused', 'invalid_client', 'Secret expired.'),
    ],
    [{ status: 400, json: { error: 'unauthorized_client' } }, failed('client_refused', 'unauthorized_client')],
    [{ status: 400, json: { error: 'invalid_scope' } }, failed('request_refused', 'invalid_scope')],
    [
      { status: 200, json: { error: 'invalid_grant', error_description: 'Revoked by its user.' } },
      { type: 'invalid_grant', description: 'Revoked by its user.' },
    ],
    [{ status: 404 }, failed('request_refused', 'http_404')],
    [
      { status: 500, json: { error: 'invalid_grant' } },
      { ...failed('unavailable', 'invalid_grant'), retryAfterMs: undefined },
    ],
    [{ status: 502 }, { ...failed('unavailable', 'http_502'), retryAfterMs: undefined }],
    [
      { status: 429, headers: { 'retry-after': '7' } },
      { ...failed('rate_limited', 'http_429'), retryAfterMs: 7_000 },
    ],
    [{ status: 400, json: { error: 'temporarily_unavailable' } }, failed('unavailable', 'temporarily_unavailable')],
    [{ status: 200, json: { token_type: 'Bearer' } }, { type: 'ambiguous' }],
    [{ status: 200, json: { access_token: 'a', token_type: 'DPoP' } }, { type: 'ambiguous' }],
  ])('%j means %j (B4)', async (answer, expected) => expect(await refresh(at(answer).fetch)).toEqual(expected));
  test.each([
    ['outbound_unreachable', failed('no_answer', null)],
    ['outbound_refused', failed('no_answer', null)],
    ['outbound_timeout', { type: 'ambiguous' }],
    ['outbound_interrupted', { type: 'ambiguous' }],
  ])('%s means %j (B3)', async (code, expected) =>
    expect(await refresh(() => Promise.reject(new SallyportError(code, 'x')))).toMatchObject(expected),
  );
  test.each([
    [3600, 3_601_000],
    ['3600', 3_601_000],
    ['59.5', 60_500],
    [0, 1_000],
    [-5, 1_000],
    [null, null],
    ['', null],
    ['soon', null],
    [{}, null],
    ['1970-01-01T00:01:00Z', 60_000],
    ['1960-01-01T00:00:00Z', 1_000],
    [1e300, 315_360_001_000],
    ['9'.repeat(400), 315_360_001_000],
  ])('a grant is kept whatever its expires_in says: %j (B3)', async (lifetime, expiresAt) => {
    expect(
      await refresh(at({ json: { access_token: 'a', token_type: 'Bearer', expires_in: lifetime } }).fetch),
    ).toMatchObject({ type: 'granted', tokens: { accessToken: 'a', expiresAt } });
  });
  test.each([
    { token_type: undefined },
    { token_type: null },
    { refresh_token: null },
    { refresh_token: '' },
    { refresh_token: 7 },
    { scope: null },
    { scope: ['x'] },
  ])('a grant is kept although its answer says %j (B3)', async (oddity) => {
    expect(await refresh(at({ json: { access_token: 'a', token_type: 'Bearer', ...oddity } }).fetch)).toEqual({
      type: 'granted',
      tokens: { accessToken: 'a', refreshToken: null, expiresAt: null, scopes: null },
    });
  });
  test('a fault of our own is not taken for one of the provider', async () => {
    await expect(refresh(() => Promise.reject(new TypeError('bug')))).rejects.toThrow('bug');
  });
});

test('revoking says whether the server confirmed, or whether asking again could help, and never fails (S25)', async () => {
  const grant = {
    revocationEndpoint: 'https://as.example/revoke',
    tokenEndpoint: 'https://as.example/token',
    now: 0,
    client,
    token: 't',
    tokenTypeHint: 'refresh_token',
  } as const;
  const answered = (status: number, json: object = {}) =>
    revokeGrant(grant, network({ 'https://as.example/revoke': { status, json } }).fetch);
  expect(await answered(200)).toEqual({ type: 'revoked' });
  expect(await answered(503)).toEqual({ type: 'failed', reason: 'unavailable' });
  expect(await answered(429)).toEqual({ type: 'failed', reason: 'unavailable' });
  expect(await answered(400, { error: 'unsupported_token_type' })).toEqual({ type: 'unsupported' });
  expect(await answered(401, { error: 'invalid_client' })).toEqual({ type: 'failed', reason: 'refused' });
  expect(await revokeGrant(grant, network({}).fetch)).toEqual({ type: 'failed', reason: 'refused' });
  expect(await revokeGrant(grant, () => Promise.reject(new SallyportError('outbound_timeout', 'x')))).toEqual({
    type: 'failed',
    reason: 'unreachable',
  });
});
