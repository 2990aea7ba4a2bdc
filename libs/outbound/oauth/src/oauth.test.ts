import { Secret, SallyportError } from '@sallyport/kernel';
import { describe, expect, test } from 'vitest';
import { createAuthorizationRequest, scopesToRequest } from './authorization/authorization-request.js';
import { exchangeCode } from './authorization/exchange-code.js';
import { readAuthorizationResponse } from './authorization/read-authorization-response.js';
import { registerClient } from './registration/register-client.js';
import { revokeGrant } from './token/revoke-grant.js';
import type { OAuthClient, OutboundFetch } from './oauth-client.js';
import { readBearerChallenge, readScopeChallenge } from './discovery/bearer-challenge.js';
import { refreshGrant } from './token/refresh-grant.js';
import { network } from './testing/served-web.js';

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

test('a registration is public where the server takes those, and a secret that it gives all the same is kept (B21)', async () => {
  const offering = (json: object) => {
    const net = network({ 'https://as.example/register': { json, status: 201 } });
    const requested = {
      redirectUri: 'https://cp.example/connect/callback',
      clientName: 'Sallyport',
      clientUri: 'https://cp.example',
      scopes: [],
    };
    return {
      ...net,
      result: registerClient(
        { ...metadata, token_endpoint_auth_methods_supported: ['client_secret_post', 'none'] },
        requested,
        net.fetch,
      ),
    };
  };
  const { result, requests } = offering({ client_id: 'c' });
  expect(await result).toMatchObject({ registration: { authentication: 'none', clientSecret: null, expiresAt: null } });
  expect(JSON.parse(requests[0]?.body ?? '')).toMatchObject({ token_endpoint_auth_method: 'none' });
  for (const named of [{}, { token_endpoint_auth_method: 'none' }])
    expect(
      await offering({ client_id: 'c', client_secret: 's', client_secret_expires_at: 100, ...named }).result,
    ).toMatchObject({ registration: { authentication: 'client_secret_post', expiresAt: 100_000 } });
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
    [
      'error=access_denied',
      false,
      { type: 'refused', error: 'access_denied', words: { error: 'access_denied', description: null } },
    ],
    [
      'error=%3Cscript%3E',
      false,
      { type: 'refused', error: 'unknown_error', words: { error: '<script>', description: null } },
    ],
    [
      'error=AADSTS90&error_description=Not%20for%20this%20tenant',
      false,
      { type: 'refused', error: 'unknown_error', words: { error: 'AADSTS90', description: 'Not for this tenant' } },
    ],
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
    [
      { status: 200, json: { token_type: 'Bearer' } },
      { type: 'malformed_answer', isItsOwn: true, said: "The answer's access_token is missing or malformed." },
    ],
    [
      { status: 200, json: { access_token: 'a', token_type: 'mac' } },
      { type: 'malformed_answer', isItsOwn: true, said: "The answer's token_type is mac, where Bearer is expected." },
    ],
    [
      { status: 200, json: 'a page' },
      { type: 'malformed_answer', isItsOwn: false, said: 'The answer is no JSON object.' },
    ],
  ])('%j means %j (B4) (B21)', async (answer, expected) => expect(await refresh(at(answer).fetch)).toEqual(expected));
  test.each([
    ['outbound_unreachable', failed('no_answer', null)],
    ['outbound_refused', failed('address_refused', null, 'x')],
    ['outbound_redirected', { type: 'malformed_answer', said: 'x' }],
    ['outbound_timeout', { type: 'ambiguous' }],
    ['outbound_interrupted', { type: 'ambiguous' }],
  ] as const)('%s means %j (B3) (B21)', async (code, expected) =>
    expect(await refresh(() => Promise.reject(new SallyportError(code, 'x')))).toMatchObject(expected),
  );
  test.each([
    [3600, 3_601_000],
    ['3600', 3_601_000],
    ['59.5', 60_500],
    [0, null],
    ['0', null],
    [-1, null],
    ['-1', null],
    [null, null],
    ['', null],
    ['soon', null],
    [{}, null],
    ['1970-01-01T00:01:00Z', 60_000],
    ['1960-01-01T00:00:00Z', null],
    [1e300, 315_360_001_000],
    ['9'.repeat(400), 315_360_001_000],
  ])(
    'a grant is kept whatever its expires_in says, and a lifetime that is none is not said: %j (B3) (B21)',
    async (lifetime, expiresAt) => {
      expect(
        await refresh(at({ json: { access_token: 'a', token_type: 'Bearer', expires_in: lifetime } }).fetch),
      ).toMatchObject({ type: 'granted', tokens: { accessToken: 'a', expiresAt } });
    },
  );
  test.each([
    { token_type: undefined },
    { token_type: null },
    { refresh_token: null },
    { refresh_token: '' },
    { refresh_token: 7 },
    { scope: null },
    { scope: ['x'] },
    { scope: '' },
    { token_type: '' },
    { error: '' },
    { error: null },
  ])('a grant is kept although its answer says %j (B3)', async (oddity) => {
    expect(await refresh(at({ json: { access_token: 'a', token_type: 'Bearer', ...oddity } }).fetch)).toEqual({
      type: 'granted',
      tokens: { accessToken: 'a', refreshToken: null, expiresAt: null, scopes: null },
    });
  });
  test('a grant is kept although the object it is in says nothing of some things (B21)', async () => {
    const json = {
      ok: true,
      error: '',
      authed_user: { access_token: 'a', token_type: '', scope: '', refresh_token: null },
    };
    const quirks = { tokenPath: ['authed_user'] };
    expect(
      await refreshGrant(
        { tokenEndpoint: 'https://as.example/token', client, refreshToken: 'r', resource: server, now: 1_000, quirks },
        at({ json }).fetch,
      ),
    ).toEqual({ type: 'granted', tokens: { accessToken: 'a', refreshToken: null, expiresAt: null, scopes: null } });
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
