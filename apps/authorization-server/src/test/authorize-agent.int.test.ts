import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '@sallyport/testing';
import { REDIRECT_URI, TestAgent } from '../testing/test-agent.js';
import { wayBack } from '../testing/test-browser.js';
import { startTestDeployment, type TestDeployment } from '../testing/test-deployment.js';

let deployment: TestDeployment;
beforeAll(async () => {
  deployment = await startTestDeployment();
});
afterAll(() => deployment.close());

test('an agent registers, a human signs in at the identity provider and consents, and the token says all of it (R8, R13)', async () => {
  const agent = await TestAgent.register(deployment);
  const interstitial = await agent.open();
  expect(interstitial.html).toContain('Test agent');
  expect(deployment.provider.requests).toHaveLength(0);
  const consent = await agent.press(interstitial, /^Continue with/);
  expect(consent.html).toContain('alice@example.com');
  expect(consent.html).toContain('Use the tools list_* of “Notes”');
  const { url } = await agent.press(consent, 'Allow');
  expect(url.searchParams.get('state')).toBe('state-of-the-agent');
  expect(url.searchParams.get('iss')).toBe(deployment.issuer);
  const tokens = await agent.redeem(url.searchParams.get('code'));
  expect(tokens.body).toMatchObject({
    token_type: 'Bearer',
    expires_in: 900,
    scope: 'notes.read',
    refresh_token: expect.any(String),
  });
  expect(tokens.headers.get('cache-control')).toBe('no-store');
  const accessToken = String(tokens.body['access_token']);
  const { payload } = await jwtVerify(accessToken, createRemoteJWKSet(new URL(`${deployment.issuer}/jwks`)), {
    issuer: deployment.issuer,
    audience: deployment.resource,
    typ: 'at+jwt',
    algorithms: ['ES256'],
  });
  expect(payload).toEqual({
    iss: deployment.issuer,
    aud: deployment.resource,
    sub: expect.stringMatching(/^usr_/),
    client_id: agent.clientId,
    scope: 'notes.read',
    roles: ['developer'],
    groups: ['engineering'],
    sid: expect.stringMatching(/^ses_/),
    auth_time: expect.any(Number),
    acr: 'urn:test:mfa',
    amr: ['pwd', 'otp'],
    idp: 'test',
    idp_sub: 'alice-id',
    agent_name: 'Test agent',
    agent_assurance: 'asserted',
    iat: expect.any(Number),
    exp: Number(payload.iat) + 900,
    jti: expect.any(String),
  });
  expect(decodeProtectedHeader(accessToken)).toEqual({
    alg: 'ES256',
    typ: 'at+jwt',
    kid: expect.stringMatching(/^at-/),
  });
});

test('where an administrator offers it, whoever has let an agent in is shown the way to their accounts before the agent gets its code (R36)', async () => {
  const signedByHand = { algorithm: 'ES256' as const, rotateEvery: '90d', publishAhead: '10m' };
  await deployment.configure([
    {
      kind: 'AuthorizationServer',
      name: 'default',
      spec: {
        lifetimes: { accessToken: '15m', machineToken: '10m', sessionIdle: '14d', session: '90d' },
        signingKeys: signedByHand,
        offerAccounts: true,
      },
    },
  ]);
  try {
    const agent = await TestAgent.register(deployment);
    const offer = await agent.press(await agent.press(await agent.open(), /^Continue with/), 'Allow');
    expect(offer.html).toContain(`href="${deployment.config.controlPlaneUrl}/account"`);
    const onward = /href="([^"]+)">Return to “Test agent”/.exec(offer.html)?.[1]?.replaceAll('&amp;', '&') ?? '';
    const { url } = await agent.browser.open(new URL(onward, offer.url), REDIRECT_URI);
    expect((await agent.redeem(url.searchParams.get('code'))).status).toBe(200);
  } finally {
    await deployment.configure([], [{ kind: 'AuthorizationServer', name: 'default' }]);
  }
});

test('the trail names who signed in and from where, what was consented to, and which token was issued to which agent session (R80)', async () => {
  deployment.events.length = 0;
  const agent = await TestAgent.register(deployment);
  const tokens = await agent.connect();
  const { sub, sid } = decodeJwt(String(tokens.body['access_token']));
  await agent.refresh(tokens.body['refresh_token']);
  await eventually(() => deployment.events.some(({ type }) => type === 'token.refreshed'));
  expect(deployment.events.map(({ type }) => type)).toEqual([
    'agent.registered',
    'user.signed_in',
    'agent.consented',
    'token.issued',
    'token.refreshed',
  ]);
  expect(new Set(deployment.events.map(({ address }) => address))).toEqual(new Set(['127.0.0.1']));
  expect(deployment.events.at(-1)).toMatchObject({
    replica: 'authorization-server',
    userId: sub,
    clientId: agent.clientId,
    agentName: 'Test agent',
    sid,
    trustProvider: 'test',
    at: expect.any(Number),
    id: expect.stringMatching(/^evt_/),
  });
});

describe('discovery', () => {
  test.each(['oauth-authorization-server', 'openid-configuration'])(
    '%s says what is supported, under the issuer byte for byte (R17, R18, R19)',
    async (document) => {
      const response = await fetch(`${deployment.issuer}/.well-known/${document}`);
      expect(response.status).toBe(200);
      const metadata = await response.json();
      expect(metadata).toMatchObject({
        issuer: deployment.issuer,
        authorization_endpoint: `${deployment.issuer}/authorize`,
        token_endpoint: `${deployment.issuer}/token`,
        jwks_uri: `${deployment.issuer}/jwks`,
        registration_endpoint: `${deployment.issuer}/register`,
        revocation_endpoint: `${deployment.issuer}/revoke`,
        introspection_endpoint: `${deployment.issuer}/introspect`,
        end_session_endpoint: `${deployment.issuer}/session/end`,
        introspection_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
        pushed_authorization_request_endpoint: `${deployment.issuer}/par`,
        code_challenge_methods_supported: ['S256'],
        response_types_supported: ['code'],
        response_modes_supported: ['query'],
        device_authorization_endpoint: `${deployment.issuer}/device/auth`,
        grant_types_supported: [
          'authorization_code',
          'refresh_token',
          'client_credentials',
          'urn:ietf:params:oauth:grant-type:device_code',
        ],
        authorization_response_iss_parameter_supported: true,
        client_id_metadata_document_supported: true,
        id_token_signing_alg_values_supported: ['ES256'],
      });
      expect(metadata).not.toHaveProperty('userinfo_endpoint');
    },
  );

  test('the key set holds both purposes, apart by their kid, and no private part (S6)', async () => {
    const { keys } = (await (await fetch(`${deployment.issuer}/jwks`)).json()) as { keys: Record<string, string>[] };
    expect(keys.map(({ kid = '' }) => kid.slice(0, 3)).toSorted()).toEqual(['at-', 'dt-']);
    for (const key of keys) expect(Object.keys(key).toSorted()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
  });
});

describe('an authorization request is refused', () => {
  const errorOf = async (changes: Record<string, string | undefined>) => {
    const agent = await TestAgent.register(deployment);
    const url = wayBack(await agent.open(changes));
    return {
      at: url.origin + url.pathname,
      error: url.searchParams.get('error'),
      iss: url.searchParams.get('iss'),
      state: url.searchParams.get('state'),
    };
  };
  const told = (error: string) => ({ at: REDIRECT_URI, error, iss: deployment.issuer, state: 'state-of-the-agent' });

  test('for another resource than the gateway (R9, R16)', async () =>
    expect(await errorOf({ resource: 'https://elsewhere.example/mcp' })).toEqual(told('invalid_target')));
  test('for something else of the gateway’s origin (R16)', async () =>
    expect(await errorOf({ resource: `${deployment.resource}/notes/more` })).toEqual(told('invalid_target')));
  test('without PKCE (R17)', async () =>
    expect(await errorOf({ code_challenge: undefined, code_challenge_method: undefined })).toEqual(
      told('invalid_request'),
    ));
  test('with PKCE `plain` (R17)', async () =>
    expect(await errorOf({ code_challenge_method: 'plain' })).toEqual(told('invalid_request')));
  test.each([
    ['an implicit grant', { response_type: 'token' }],
    ['a hybrid flow', { response_type: 'code id_token' }],
    ['another response mode than the query', { response_mode: 'form_post' }],
  ])('for %s (R17)', async (_what, changes) => {
    const agent = await TestAgent.register(deployment);
    const page = await agent.open(changes);
    expect(page.html).not.toContain('Continue with');
    expect(page.url.href).not.toMatch(/[?&#](code|access_token|id_token)=/);
  });

  test.each([
    'http://127.0.0.1:33418/other',
    'https://127.0.0.1:33418/callback',
    'https://evil.example/callback',
    'http://127.0.0.1.evil.example:33418/callback',
    'http://localhost:33418/callback',
  ])('when the redirect URI is %s, on a page and without a redirect', async (redirectUri) => {
    const agent = await TestAgent.register(deployment);
    const page = await agent.open({ redirect_uri: redirectUri });
    expect(page.status).toBe(400);
    expect(page.url.origin).toBe(deployment.issuer);
    expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
  });

  test('when the client is unknown, on a page that echoes nothing dangerous', async () => {
    const agent = new TestAgent(deployment, 'dcr_<script>alert(1)</script>');
    const page = await agent.open();
    expect(page.status).toBe(400);
    expect(page.html).not.toContain('<script');
  });
});

test('a loopback redirect may use any port (RFC 8252 section 7.3)', async () => {
  const agent = await TestAgent.register(deployment, { redirect_uris: ['http://127.0.0.1/callback'] });
  const answer = await agent.authorize();
  expect((await agent.redeem(answer.get('code'))).status).toBe(200);
});

test.each([
  ['none at all', undefined],
  ['an empty one', ''],
])(
  'an agent that names no resource (%s) gets a token for the one there is, as bound as any (R16, R9)',
  async (_what, resource) => {
    const agent = await TestAgent.register(deployment);
    const code = (await agent.authorize({ resource })).get('code');
    const { body } = await agent.redeem(code, { resource });
    expect(decodeJwt(String(body['access_token']))).toMatchObject({
      aud: deployment.resource,
      scope: 'notes.read',
      client_id: agent.clientId,
    });
    const refreshed = await agent.refresh(body['refresh_token'], { resource });
    expect(decodeJwt(String(refreshed.body['access_token'])).aud).toBe(deployment.resource);
    const late = await agent.redeem((await agent.authorize({ resource })).get('code'), {
      resource: 'https://elsewhere.example/mcp',
    });
    expect(late.body['error']).toBe('invalid_target');
  },
);

describe('the gateway by another of its names', () => {
  const endings = ['/', '/notes', '/notes/', '/nobody-has-this'];

  test('is the one audience, for the code, the token and its refresh (R15, R16)', async () => {
    for (const ending of endings) {
      const resource = `${deployment.resource}${ending}`;
      const agent = await TestAgent.register(deployment);
      const answer = await agent.authorize({ resource });
      const { status, body } = await agent.redeem(answer.get('code'), { resource });
      expect([status, decodeJwt(String(body['access_token'])).aud]).toEqual([200, deployment.resource]);
      const refreshed = await agent.refresh(body['refresh_token'], { resource });
      expect([refreshed.status, decodeJwt(String(refreshed.body['access_token'])).aud]).toEqual([
        200,
        deployment.resource,
      ]);
      const plainly = await agent.refresh(refreshed.body['refresh_token'], { resource: deployment.resource });
      expect(plainly.status).toBe(200);
    }
  });

  test('is no second resource beside the first (R16)', async () => {
    const agent = await TestAgent.register(deployment);
    const url = agent.authorizationUrl();
    url.searchParams.append('resource', `${deployment.resource}/notes`);
    const answer = await agent.browser.open(url, REDIRECT_URI);
    expect(answer.status).toBe(200);
  });
});

test('with two resources, one of them ours, nothing is granted (R9, R16)', async () => {
  const agent = await TestAgent.register(deployment);
  const url = agent.authorizationUrl();
  url.searchParams.append('resource', 'https://elsewhere.example/mcp');
  const back = wayBack(await agent.browser.open(url, REDIRECT_URI));
  expect(back.searchParams.get('error')).toBe('invalid_target');
});

test('a pushed authorization request works the same way and once (RFC 9126)', async () => {
  const agent = await TestAgent.register(deployment);
  const parameters = agent.authorizationUrl().searchParams;
  const pushed = (await (await fetch(`${deployment.issuer}/par`, { method: 'POST', body: parameters })).json()) as {
    request_uri: string;
  };
  expect(pushed.request_uri).toMatch(/^urn:ietf:params:oauth:request_uri:/);
  const url = `${deployment.issuer}/authorize?${new URLSearchParams({ client_id: agent.clientId, request_uri: pushed.request_uri })}`;
  let page = await agent.browser.open(url, REDIRECT_URI);
  page = await agent.press(page, /^Continue with/);
  page = await agent.press(page, 'Allow');
  expect((await agent.redeem(page.url.searchParams.get('code'))).status).toBe(200);
  const again = await agent.browser.open(url, REDIRECT_URI);
  expect(again.url.searchParams.get('code')).toBeNull();
});

describe('the host', () => {
  test("of somebody else is refused on every route, the engine's included (S19)", async () => {
    const { request } = await import('node:http');
    const statusFor = (path: string, headers: Record<string, string>) =>
      new Promise<number | undefined>((resolve, reject) => {
        request(`${deployment.issuer}${path}`, { headers }, (response) => resolve(response.resume().statusCode))
          .on('error', reject)
          .end();
      });
    const paths = ['/.well-known/oauth-authorization-server', '/authorize', '/jwks', '/interaction/x'];
    const refused = await Promise.all(paths.map((path) => statusFor(path, { host: 'evil.example' })));
    expect(refused).toEqual([403, 403, 403, 403]);
    const { host } = new URL(deployment.issuer);
    for (const [path, status] of [
      ['/authorize', 403],
      ['/interaction/x', 403],
      ['/jwks', 200],
    ] as const) {
      expect(await statusFor(path, { host, origin: 'https://evil.example' })).toBe(status);
    }
  });

  test('of forwarded headers changes no URL (S19)', async () => {
    const response = await fetch(`${deployment.issuer}/.well-known/openid-configuration`, {
      headers: { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https', forwarded: 'host=evil.example' },
    });
    const text = await response.text();
    expect(text).not.toContain('evil.example');
    expect(JSON.parse(text)).toMatchObject({ token_endpoint: `${deployment.issuer}/token` });
  });
});

test('cookies have names of this app, are HttpOnly and SameSite=Lax, and leave with their interaction (S31)', async () => {
  const agent = await TestAgent.register(deployment);
  await agent.authorize();
  expect(agent.browser.cookies.length).toBeGreaterThan(0);
  for (const cookie of agent.browser.cookies) {
    expect(cookie.name).toMatch(/^sallyport_as_/);
    expect(cookie.attributes).toMatch(/httponly/i);
    expect(cookie.attributes).toMatch(/samesite=lax/i);
    expect(cookie.attributes).not.toMatch(/secure/i);
  }
  expect(agent.browser.cookies.filter(({ name }) => name.startsWith('sallyport_as_resume'))).toEqual([]);
});

test('nothing that lives in the database can be used as a code, a token or a cookie (S8)', async () => {
  const agent = await TestAgent.register(deployment, { token_endpoint_auth_method: 'client_secret_post' });
  const answer = await agent.authorize();
  const code = answer.get('code') ?? '';
  const rows = async () =>
    JSON.stringify(await deployment.database.oidcArtifact.findMany(), (_key, value: unknown) =>
      value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value,
    ) +
    JSON.stringify([
      await deployment.database.agentSession.findMany(),
      await deployment.database.agentConsent.findMany(),
      await deployment.database.user.findMany(),
    ]);
  expect(code).not.toBe('');
  expect(await rows()).not.toContain(code);
  for (const { value } of agent.browser.cookies) expect(await rows()).not.toContain(value);

  const open = await TestAgent.register(deployment);
  const tokens = await open.connect();
  for (const secret of [tokens.body['refresh_token'], tokens.body['access_token'], open.clientId].map(String))
    expect(
      (await deployment.database.oidcArtifact.findMany())
        .map(({ idDigest, payload }) => idDigest + Buffer.from(payload).toString('latin1'))
        .join(),
    ).not.toContain(secret);
  expect(deployment.logLines.join()).not.toContain(String(tokens.body['refresh_token']));
});
