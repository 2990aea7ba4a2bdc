import { request } from 'undici';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Secret, systemClock } from '@sallyport/kernel';
import { authorize, signIn, token, type TestClient } from '../testing/sign-in.js';
import { startIdentityProvider } from './start-identity-provider.js';

const redirectUri = 'http://127.0.0.1:7401/federation/demo/callback';
const clientSecret = 'a-client-secret-of-this-test-alone';
const relyingParty = { clientId: 'sallyport', clientSecret: new Secret(clientSecret), redirectUris: [redirectUri] };
const alice = { username: 'alice', password: 'alice' };

let idp: Awaited<ReturnType<typeof startIdentityProvider>>;
let client: TestClient;

beforeAll(async () => {
  idp = await startIdentityProvider({ host: '127.0.0.1', port: 0, client: relyingParty, clock: systemClock });
  client = {
    clientId: 'sallyport',
    clientSecret,
    redirectUri,
    endpoints: { authorization: `${idp.issuer}/oauth/authorize`, token: `${idp.issuer}/oauth/token` },
  };
});
afterAll(() => idp.close());

describe('the demo identity provider', () => {
  it('signs alice in and says in the ID token who she is, by what and when', async () => {
    const before = Math.floor(Date.now() / 1000);
    const tokens = await signIn(client, { scope: 'openid profile email groups', nonce: 'n-1' }, alice);
    const { payload, protectedHeader } = await jwtVerify(
      String(tokens['id_token']),
      createRemoteJWKSet(new URL(`${idp.issuer}/oauth/jwks`)),
      { issuer: idp.issuer, audience: 'sallyport' },
    );
    expect(protectedHeader.alg).toBe('ES256');
    expect(payload).toMatchObject({
      sub: 'idp|alice',
      email: 'alice@example.com',
      email_verified: true,
      name: 'Alice Example',
      groups: ['engineering'],
      amr: ['pwd'],
      nonce: 'n-1',
    });
    expect(payload['auth_time']).toBeGreaterThanOrEqual(before);
  });

  it('publishes its metadata with PKCE by S256 alone and its issuer on every answer', async () => {
    const metadata = await (await fetch(`${idp.issuer}/.well-known/openid-configuration`)).json();
    expect(metadata).toMatchObject({
      issuer: idp.issuer,
      code_challenge_methods_supported: ['S256'],
      authorization_response_iss_parameter_supported: true,
      response_types_supported: ['code'],
    });
  });

  it('refuses a wrong password on the same page', async () => {
    await expect(authorize(client, { scope: 'openid' }, { username: 'alice', password: 'bob' })).rejects.toMatchObject({
      code: 'page_refused',
      message: expect.stringContaining('wrong'),
    });
  });

  it('refuses a wrong client secret, another redirect URI and a request without PKCE', async () => {
    expect(
      await token(
        { ...client, clientSecret: 'wrong' },
        { grant_type: 'authorization_code', code: 'x', redirect_uri: redirectUri, code_verifier: 'x'.repeat(43) },
      ),
    ).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
    await expect(
      authorize({ ...client, redirectUri: 'http://127.0.0.1:9/else' }, { scope: 'openid' }, alice),
    ).rejects.toMatchObject({ code: 'page_refused' });
    const plain = await fetch(
      `${idp.issuer}/oauth/authorize?${new URLSearchParams({ response_type: 'code', client_id: 'sallyport', redirect_uri: redirectUri, scope: 'openid', state: 's' }).toString()}`,
      { redirect: 'manual' },
    );
    expect(new URL(plain.headers.get('location') ?? '').searchParams.get('error')).toBe('invalid_request');
  });

  it('names its cookies so that other servers on this host cannot take them for theirs', async () => {
    const first = await fetch(
      `${idp.issuer}/oauth/authorize?${new URLSearchParams({ response_type: 'code', client_id: 'sallyport', redirect_uri: redirectUri, scope: 'openid', state: 's', code_challenge: 'x'.repeat(43), code_challenge_method: 'S256' }).toString()}`,
      { redirect: 'manual' },
    );
    const cookies = first.headers.getSetCookie();
    expect(cookies.length).toBeGreaterThan(0);
    for (const cookie of cookies) {
      expect(cookie).toMatch(/^demo-idp-/);
      expect(cookie).toMatch(/; httponly/i);
      expect(cookie).toMatch(/; samesite=lax/i);
    }
  });

  it.each(['0.0.0.0', '::', '192.0.2.1', 'intranet.example'])('refuses to start on %s', async (host) => {
    await expect(
      startIdentityProvider({ host, port: 0, client: relyingParty, clock: systemClock }),
    ).rejects.toMatchObject({ code: 'demo_not_loopback' });
  });

  it('refuses a foreign Host and a foreign Origin', async () => {
    expect(
      (await request(`${idp.issuer}/.well-known/openid-configuration`, { headers: { host: 'rebound.example' } }))
        .statusCode,
    ).toBe(403);
    expect(
      (await request(`${idp.issuer}/oauth/token`, { method: 'POST', headers: { origin: 'http://evil.example' } }))
        .statusCode,
    ).toBe(403);
  });

  it('says which port is taken', async () => {
    const port = Number(new URL(idp.issuer).port);
    await expect(
      startIdentityProvider({ host: '127.0.0.1', port, client: relyingParty, clock: systemClock }),
    ).rejects.toMatchObject({
      code: 'port_taken',
      message: `Port ${port} (demo identity provider) is already in use.`,
    });
  });
});
