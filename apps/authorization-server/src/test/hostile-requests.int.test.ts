import { Agent, request } from 'node:http';
import { createHash, randomBytes } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { eventually } from '@sallyport/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { REDIRECT_URI, register, TestAgent } from '../testing/test-agent.js';
import { TestBrowser, type BrowserPage, wayBack } from '../testing/test-browser.js';
import { startTestIdentityProvider } from '../testing/test-identity-provider.js';
import { startTestDeployment, type TestDeployment } from '../testing/test-deployment.js';

let deployment: TestDeployment;
beforeAll(async () => {
  deployment = await startTestDeployment();
});
afterAll(() => deployment.close());
const alice = {
  sub: 'alice-id',
  email: 'alice@example.com',
  email_verified: true,
  name: 'Alice',
  groups: ['engineering'],
};
beforeEach(() => {
  deployment.provider.account = alice;
  deployment.provider.bend = {};
  deployment.events.length = 0;
});

/** As it is written, past everything that would tidy it up. */
function send(
  path: string,
  {
    method = 'GET',
    headers = {},
    body = '',
  }: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<{ status: number | undefined; headers: Record<string, unknown>; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: '127.0.0.1',
        port: deployment.config.port,
        path,
        method,
        headers: { host: new URL(deployment.issuer).host, ...headers },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks).toString() }),
        );
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}
const post = (path: string, body: string, type = 'application/x-www-form-urlencoded') =>
  send(path, { method: 'POST', body, headers: { 'content-type': type } });
const formOn = (page: BrowserPage, path: string): BrowserPage => ({
  ...page,
  forms: [
    {
      action: new URL(`${page.url.pathname}${path}`, page.url),
      fields: page.forms[0]?.fields ?? {},
      buttons: [{ name: 'decision', value: 'allow', text: 'Allow' }],
    },
  ],
});

describe('a redirect URI', () => {
  test.each([
    'http://user@127.0.0.1:33418/callback',
    'http://127.0.0.1:1@evil.example/callback',
    'http://127.0.0.1:33418\\@evil.example/callback',
    'http://127.0.0.1:33418/callback#x',
    'http://127.0.0.1:33418/callback?x=1',
    'http://127.0.0.1:33418/%63allback',
    'http://127.0.0.1:33418/x/../callback',
    'http://127.0.0.1:33418/callback/',
    'http:127.0.0.1/callback',
    'HTTP://127.0.0.1:33418/callback',
    'http://127.1/callback',
    'http://0x7f000001/callback',
    'http://127.0.0.1./callback',
    'http://[::1]:33418/callback',
    'http://localhost:33418/callback',
    'http://127.0.0.1:1/call\nback',
    'http://127.0.0.1:33418/callback\u0000',
    'javascript:alert(1)',
  ])('%j is not one that differs only in its loopback port: no redirect happens', async (redirectUri) => {
    const agent = await TestAgent.register(deployment);
    const url = agent.authorizationUrl({ redirect_uri: redirectUri });
    const answer = await send(url.pathname + url.search);
    expect([answer.status, answer.headers['location'], answer.headers['content-type']]).toEqual([
      400,
      undefined,
      'text/html; charset=utf-8',
    ]);
    expect(answer.headers['content-security-policy']).toContain("frame-ancestors 'none'");
  });

  test('of https, registered, has its port and its text fixed', async () => {
    await deployment.configure([
      {
        kind: 'ClientRegistration',
        name: 'default',
        spec: {
          metadataDocuments: { enabled: true, allowedHosts: ['*'], deniedHosts: [] },
          dynamic: { mode: 'open', redirectHosts: ['127.0.0.1', 'agent.example'] },
        },
      },
    ]);
    const { body } = await register(deployment, { redirect_uris: ['https://agent.example/cb', 'http://127.0.0.1/cb'] });
    for (const redirectUri of [
      'https://agent.example:8443/cb',
      'https://agent.example./cb',
      'https://AGENT.example/cb',
      'https://agent.example/cb/../cb',
      'http://agent.example/cb',
    ]) {
      const page = await new TestAgent(deployment, String(body['client_id'])).open({ redirect_uri: redirectUri });
      expect([redirectUri, page.status]).toEqual([redirectUri, 400]);
    }
  });
});

describe('a strange request is answered by an OAuth error and never by a 5xx', () => {
  const oauthErrorOf = ({
    status,
    body,
    headers,
  }: {
    status: number | undefined;
    body: string;
    headers: Record<string, unknown>;
  }) => {
    expect(headers['cache-control']).toBe('no-store');
    return [status, (JSON.parse(body) as { error: string }).error];
  };
  test('at the token endpoint', async () => {
    const { clientId } = await TestAgent.register(deployment);
    const bodies: [string, number, string][] = [
      ['', 400, 'invalid_request'],
      [
        `client_id=${clientId}&client_id=sallyport-control-plane&grant_type=refresh_token&refresh_token=x`,
        400,
        'invalid_request',
      ],
      [`client_id=${clientId}&grant_type=authorization_code&grant_type=refresh_token`, 400, 'invalid_request'],
      [`client_id=${clientId}&grant_type[]=refresh_token`, 400, 'invalid_request'],
      [`client_id=${clientId}&grant_type=refresh_token&refresh_token=${'x'.repeat(15_000)}`, 400, 'invalid_grant'],
      [`client_id=${clientId}&grant_type=refresh_token&refresh_token=${'x'.repeat(17_000)}`, 413, 'invalid_request'],
      [`client_id=${clientId}&grant_type=refresh_token&refresh_token=%00`, 400, 'invalid_grant'],
      ['client_id=%00&grant_type=refresh_token&refresh_token=x', 401, 'invalid_client'],
      // Not grants of this client.
      ...['client_credentials', 'urn:ietf:params:oauth:grant-type:device_code'].map(
        (grant): [string, number, string] => [`client_id=${clientId}&grant_type=${grant}`, 400, 'invalid_request'],
      ),
      ...['password', 'implicit', 'urn:ietf:params:oauth:grant-type:token-exchange', '__proto__'].map(
        (grant): [string, number, string] => [
          `client_id=${clientId}&grant_type=${grant}`,
          400,
          'unsupported_grant_type',
        ],
      ),
    ];
    for (const [body, status, error] of bodies)
      expect([body.slice(0, 80), ...oauthErrorOf(await post('/token', body))]).toEqual([
        body.slice(0, 80),
        status,
        error,
      ]);
    expect(oauthErrorOf(await post('/token', '{}', 'application/json'))).toEqual([400, 'invalid_request']);
    for (const authorization of ['Basic %%%', `Basic ${Buffer.from('%zz:x').toString('base64')}`])
      expect(
        oauthErrorOf(
          await send('/token', {
            method: 'POST',
            headers: { authorization, 'content-type': 'application/x-www-form-urlencoded' },
            body: 'grant_type=refresh_token',
          }),
        ),
      ).toEqual([400, 'invalid_request']);
  });

  test('at registration', async () => {
    const redirectUris = { redirect_uris: ['http://127.0.0.1/x'] };
    expect(
      oauthErrorOf(
        await post(
          '/register',
          JSON.stringify({ ...redirectUris, client_name: 'x'.repeat(17_000) }),
          'application/json',
        ),
      ),
    ).toEqual([413, 'invalid_request']);
    for (const body of ['x', '[]', 'null', '{'])
      expect(oauthErrorOf(await post('/register', body, 'application/json'))).toEqual([400, 'invalid_request']);
    for (const changes of [
      { client_name: 7 },
      { client_uri: 'javascript:alert(1)' },
      { jwks: 'x' },
      { token_endpoint_auth_method: 'client_secret_jwt' },
      { token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: 'HS256' },
      { subject_type: 'pairwise' },
      { jwks_uri: 'http://169.254.169.254/' },
      { grant_types: 'x' },
    ]) {
      const { status, body } = await register(deployment, changes);
      expect([changes, status, body['error']]).toEqual([changes, 400, 'invalid_client_metadata']);
    }
    // What is of no use here is neither judged nor kept.
    for (const name of ['tos_uri', 'policy_uri', 'logo_uri', 'contacts'])
      expect((await register(deployment, { [name]: 'javascript:alert(1)' })).body).not.toHaveProperty(name);
    for (const uris of [
      Array.from({ length: 33 }, (_, index) => `http://127.0.0.1/${index}`),
      ['http:127.0.0.1/x'],
      ['http://127.1/x'],
      ['http://127.0.0.1/\u0000'],
      ['http://u@127.0.0.1/x'],
      ['http://[::ffff:127.0.0.1]/x'],
      ['http://localhost./x'],
    ]) {
      const { status, body } = await register(deployment, { redirect_uris: uris });
      expect([uris[0], status, body['error']]).toEqual([uris[0], 400, 'invalid_redirect_uri']);
    }
  });

  test('at the authorization endpoint, with the answer on a page, and a link to the agent as far as that is safe (RFC 9207, S35)', async () => {
    const agent = await TestAgent.register(deployment);
    const told: [string, (parameters: URLSearchParams) => void, string][] = [
      ['two states', (parameters) => parameters.append('state', 'x'), 'invalid_request'],
      ['two PKCE methods', (parameters) => parameters.append('code_challenge_method', 'plain'), 'invalid_request'],
      ['no PKCE method', (parameters) => parameters.delete('code_challenge_method'), 'invalid_request'],
      ['a short challenge', (parameters) => parameters.set('code_challenge', 'x'), 'invalid_request'],
      [
        'a resource with a fragment',
        (parameters) => parameters.set('resource', `${deployment.resource}#x`),
        'invalid_target',
      ],
      ['a relative resource', (parameters) => parameters.set('resource', '/mcp'), 'invalid_target'],
      [
        'a resource in another case',
        (parameters) => parameters.set('resource', deployment.resource.replace('/mcp', '/MCP')),
        'invalid_target',
      ],
      ['a request object', (parameters) => parameters.set('request', 'x.y.z'), 'request_not_supported'],
      [
        'a foreign request URI',
        (parameters) => parameters.set('request_uri', 'https://evil.example/x'),
        'request_uri_not_supported',
      ],
      ['a scope that is no text', (parameters) => parameters.set('scope', 'notes.read\u0000'), 'invalid_scope'],
      ['no human at hand', (parameters) => parameters.set('prompt', 'none'), 'login_required'],
    ];
    for (const [what, change, error] of told) {
      const url = agent.authorizationUrl();
      change(url.searchParams);
      const back = wayBack(await new TestBrowser().open(url, REDIRECT_URI));
      expect([what, back.origin + back.pathname, back.searchParams.get('error'), back.searchParams.get('iss')]).toEqual(
        [what, REDIRECT_URI, error, deployment.issuer],
      );
    }
    // A parameter that nobody knows is ignored (RFC 6749 §3.1): no resource is named here, which means the one there is.
    const unknown = agent.authorizationUrl();
    unknown.searchParams.delete('resource');
    unknown.searchParams.append('resource[]', 'https://elsewhere.example/mcp');
    expect((await new TestBrowser().open(unknown, REDIRECT_URI)).status).toBe(200);
    for (const name of ['client_id', 'redirect_uri']) {
      const url = agent.authorizationUrl();
      url.searchParams.append(name, 'https://evil.example/cb');
      const page = await new TestBrowser().open(url, REDIRECT_URI);
      expect([page.status, page.url.origin]).toEqual([400, deployment.issuer]);
    }
    for (const clientId of [
      'https://169.254.169.254/x.json',
      'https://127.0.0.1/x.json',
      'https://[::1]/x.json',
      'https://u:p@agent.example/x.json',
      'HTTPS://agent.example/x.json',
      'http://agent.example/x.json',
      `https://agent.example/${'x'.repeat(3000)}`,
      'a\u0000',
      '__proto__',
    ])
      expect([clientId, (await new TestAgent(deployment, clientId).open()).status]).toEqual([clientId, 400]);
  });

  test('to the token, revocation and pushed request endpoints as JSON, also when a page is preferred (RFC 6749 section 5.2)', async () => {
    for (const path of ['/token', '/revoke', '/par', '/register']) {
      const {
        status = 0,
        headers,
        body,
      } = await send(path, {
        method: 'POST',
        body: 'grant_type=x',
        headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'text/html' },
      });
      expect([
        path,
        status >= 400 && status < 500,
        String(headers['content-type']).startsWith('application/json'),
      ]).toEqual([path, true, true]);
      expect(JSON.parse(body)).toMatchObject({ error: expect.any(String) });
    }
  });

  test('to an assertion whose `sub` is no client id, of whatever JSON type, at every endpoint that clients authenticate at (RFC 7523 section 3)', async () => {
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    for (const path of ['/token', '/revoke', '/introspect', '/par']) {
      for (const sub of [{ a: [] }, ['x'], 7, true, '', 'nobody', 'a\u0000', '__proto__']) {
        const assertion = `${part({ alg: 'ES256' })}.${part({ sub })}.x`;
        const body = new URLSearchParams({
          grant_type: 'client_credentials',
          token: 'x',
          client_assertion: assertion,
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        }).toString();
        const { status = 0, body: answer } = await send(path, {
          method: 'POST',
          body,
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
        });
        expect([path, sub, status >= 400 && status < 500, (JSON.parse(answer) as { error?: unknown }).error]).toEqual([
          path,
          sub,
          true,
          expect.stringMatching(/^invalid_(client|request)$/),
        ]);
      }
    }
  });

  test('on the pages, each of which carries a policy', async () => {
    const answers = await Promise.all([
      send('/interaction/%00'),
      send(`/interaction/${'x'.repeat(7000)}`),
      post('/interaction/x/consent', 'decision=allow'),
      post('/interaction/x/consent', 'null', 'application/json'),
      post('/interaction/x/consent', '{', 'application/json'),
      post('/interaction/x/consent', '<', 'text/xml'),
      post('/interaction/x/consent', 'a='.repeat(80_000)),
      send('/federation/nope/callback?state=x'),
      send('/federation/__proto__/callback?state=x'),
      send('/federation/test/callback'),
      send('/federation/test/callback?state=a&state=b&code=c'),
      send('/federation/test/callback?error=%3Cscript%3E&state=b'),
      send('/federation/test/callback?state=%00'),
      send('/authorize/abc'),
      send('/interaction/x', {
        headers: { cookie: 'sallyport_as_interaction=x; sallyport_as_interaction.sig=y; sallyport_as_session=%%%' },
      }),
      send('/nothing'),
      send('/%zz'),
      send('//evil.example/x'),
      send('/token'),
      send('/engine/jwks'),
    ]);
    for (const { status, headers, body } of answers) {
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(500);
      expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-store',
        'x-frame-options': 'DENY',
      });
      expect(body).not.toContain('<script');
    }
  });
});

describe('scopes', () => {
  test('cannot grow at a refresh, nor can a refresh ask for an ID token nobody consented to', async () => {
    const agent = await TestAgent.register(deployment);
    const { body } = await agent.connect({ scope: 'notes.read' });
    for (const scope of ['notes.read notes.write', 'openid notes.read', 'notes.admin'])
      expect((await agent.refresh(body['refresh_token'], { scope })).body['error']).toBe('invalid_scope');
    expect((await agent.refresh(body['refresh_token'], { scope: 'notes.read' })).body['scope']).toBe('notes.read');
  });

  test('that moved to a role of others leave with the next token, although the gateway still knows them (S4, R11)', async () => {
    const agent = await TestAgent.register(deployment);
    const { body } = await agent.connect({ scope: 'notes.read notes.write' });
    const role = (name: string, scopes: string[], group: string) => ({
      kind: 'Role' as const,
      name,
      spec: { scopes, members: [{ trustProvider: 'test', groups: [group] }] },
    });
    await deployment.configure([
      role('developer', ['notes.read'], 'engineering'),
      role('admin', ['notes.admin', 'notes.write'], 'admins'),
    ]);
    const { body: next } = await agent.refresh(body['refresh_token']);
    await deployment.configure([
      role('developer', ['notes.read', 'notes.write'], 'engineering'),
      role('admin', ['notes.admin'], 'admins'),
    ]);
    expect(decodeJwt(String(next['access_token']))['scope']).toBe('notes.read');
  });
});

describe('consent', () => {
  test('cannot be sent while a sign-in is asked for: whoever is signed in already is not asked past it', async () => {
    const agent = await TestAgent.register(deployment);
    await agent.connect();
    const before = await deployment.database.agentSession.count({ where: { clientId: agent.clientId } });
    const signIn = await agent.open({ prompt: 'login' });
    expect(signIn.html).toContain('Continue with');
    const answer = await agent.press(formOn(signIn, '/consent'), 'Allow');
    expect([answer.status, answer.html.includes('Continue with')]).toEqual([200, true]);
    expect(await deployment.database.agentSession.count({ where: { clientId: agent.clientId } })).toBe(before);
  });

  test('given with a sign-in from before the user was revoked grants nothing (S28)', async () => {
    deployment.provider.account = { ...alice, sub: 'revoked-at-the-page' };
    const agent = await TestAgent.register(deployment);
    const consent = await agent.press(await agent.open(), /^Continue with/);
    const user = await deployment.database.user.findFirstOrThrow({ where: { subject: 'revoked-at-the-page' } });
    await deployment.revoke({ type: 'user', userId: user.id });
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    const answer = await agent.press(consent, 'Allow');
    expect([answer.status, answer.html.includes('was revoked')]).toEqual([403, true]);
    expect(await deployment.database.agentSession.count({ where: { clientId: agent.clientId } })).toBe(0);
    agent.browser.cookies.length = 0;
    expect((await agent.connect()).status).toBe(200);
  });

  test('pages show what the identity provider says about a person as text', async () => {
    deployment.provider.account = {
      ...alice,
      sub: 'odd',
      email: '"><img src=x onerror=alert(1)>@example.com',
      name: '<b>',
    };
    const { body } = await register(deployment, { client_name: '<script>alert(1)</script>' });
    const agent = new TestAgent(deployment, String(body['client_id']));
    const interstitial = await agent.open();
    const consent = await agent.press(interstitial, /^Continue with/);
    expect(consent.html).toContain('&#39;&gt;&lt;img src=x');
    for (const { html } of [interstitial, consent]) expect(html).not.toMatch(/<script|<img/);
  });
});

describe('a form', () => {
  test.each([
    ['to sign in', /^Continue with/],
    ['to decline', /^Cancel/],
  ])('%s that another page made is refused and changes nothing (S3)', async (_what, button) => {
    const agent = await TestAgent.register(deployment);
    const page = await agent.open();
    const asked = deployment.provider.requests.length;
    for (const form_token of ['', 'x'.repeat(43)]) {
      const refused = await agent.press(page, button, { form_token });
      expect([refused.status, refused.html.includes('This form cannot be used')]).toEqual([403, true]);
    }
    expect(deployment.provider.requests).toHaveLength(asked);
    expect((await agent.press(page, /^Continue with/)).html).toContain('Let “Test agent” act for you?');
  });

  test('token is good in the browser it was made for only (S3)', async () => {
    const agent = await TestAgent.register(deployment);
    const page = await agent.open();
    const own = agent.browser.cookies.find(({ name }) => name.startsWith('sallyport_as_browser_'));
    const genuine = own?.value ?? '';
    if (own) own.value = 'p'.repeat(43);
    expect((await agent.press(page, /^Continue with/)).status).toBe(403);
    if (own) own.value = genuine;
    expect((await agent.press(page, /^Continue with/)).html).toContain('Let “Test agent” act for you?');
  });

  test('token is good for its own interaction only, and an interaction answers on its own path only (S3)', async () => {
    const agent = await TestAgent.register(deployment);
    const [first, second] = [await agent.open(), await agent.open()];
    const refused = await agent.press(second, /^Continue with/, {
      form_token: first.forms[0]?.fields['form_token'] ?? '',
    });
    expect(refused.status).toBe(403);
    const cookieOfSecond = agent.browser.cookies
      .filter(({ path }) => path === '/' || path === second.url.pathname)
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ');
    expect((await send(second.url.pathname, { headers: { cookie: cookieOfSecond } })).status).toBe(200);
    const elsewhere = await send(first.url.pathname, { headers: { cookie: cookieOfSecond } });
    expect([elsewhere.status, elsewhere.body.includes('This request has expired')]).toEqual([400, true]);
  });
});

describe('a browser', () => {
  test('whose user was revoked signs in anew, also for our own pages (S28)', async () => {
    deployment.provider.account = { ...alice, sub: 'revoked-in-a-session' };
    const agent = await TestAgent.register(deployment);
    await agent.connect();
    const user = await deployment.database.user.findFirstOrThrow({ where: { subject: 'revoked-in-a-session' } });
    await deployment.revoke({ type: 'user', userId: user.id });
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    const asked = deployment.provider.requests.length;
    const url = new URL(`${deployment.issuer}/authorize`);
    const callback = `${deployment.config.controlPlaneUrl}/session/callback`;
    url.search = String(
      new URLSearchParams({
        client_id: 'sallyport-control-plane',
        redirect_uri: callback,
        response_type: 'code',
        scope: 'openid',
        state: 's',
        code_challenge: 'x'.repeat(43),
        code_challenge_method: 'S256',
      }),
    );
    expect((await agent.browser.open(url, callback)).url.searchParams.get('code')).not.toBeNull();
    expect(deployment.provider.requests).toHaveLength(asked + 1);
    expect(deployment.provider.requests.at(-1)?.get('prompt')).toBe('login');
  });

  test('gets a new session id at sign-in, so that one planted before is worth nothing', async () => {
    const agent = await TestAgent.register(deployment);
    const session = () => agent.browser.cookies.find(({ name }) => name === 'sallyport_as_session')?.value;
    await agent.press(await agent.open(), /^Continue with/);
    const first = session();
    await agent.press(await agent.open({ prompt: 'login' }), /^Continue with/);
    expect(session()).not.toBe(first);
    const planted = new TestBrowser();
    planted.cookies.push({
      name: 'sallyport_as_session',
      value: String(first),
      path: '/',
      host: '127.0.0.1',
      attributes: '',
    });
    const page = await planted.open(agent.authorizationUrl(), REDIRECT_URI);
    expect(page.html).toContain('Continue with');
  });
});

describe('an answer of an identity provider', () => {
  const trustProvider = (name: string, issuer: string) => ({
    kind: 'TrustProvider' as const,
    name,
    spec: {
      displayName: 'Test provider',
      issuer,
      clientId: 'sallyport',
      clientSecret: { env: 'UNUSED' },
      scopes: ['openid'],
      claims: { subject: 'sub', email: 'email', name: 'name', groups: 'groups' },
    },
  });
  const stopAtCallback = async (agent: TestAgent) => {
    const page = await agent.open();
    return (await agent.browser.press(page, /^Continue with/, `${deployment.issuer}/federation/test/callback`)).url;
  };
  afterEach(() =>
    deployment.configure(
      [trustProvider('test', deployment.provider.issuer)],
      [{ kind: 'TrustProvider', name: 'twin' }],
    ),
  );

  test('is good at the callback of the provider that was asked, and of no other', async () => {
    const agent = await TestAgent.register(deployment);
    const callback = await stopAtCallback(agent);
    await deployment.configure([trustProvider('twin', deployment.provider.issuer)]);
    callback.pathname = '/federation/twin/callback';
    const page = await agent.browser.open(callback, REDIRECT_URI);
    expect([page.status, page.html.includes('You are not signed in')]).toEqual([400, true]);
    expect(await deployment.database.user.count({ where: { trustProvider: 'twin' } })).toBe(0);
  });

  test('is not even asked for where PKCE with S256 is not supported (R7)', async () => {
    const weak = await startTestIdentityProvider();
    weak.bend = { challengeMethods: ['plain'] };
    await deployment.configure([
      trustProvider('test', weak.issuer),
      { kind: 'OutboundNetwork', name: 'default', spec: { allow: [{ host: '127.0.0.1', http: true }] } },
    ]);
    const agent = await TestAgent.register(deployment);
    const page = await agent.press(await agent.open(), /^Continue with/);
    await weak.close();
    expect([page.status, page.html.includes('it does not support PKCE with S256'), weak.requests.length]).toEqual([
      502,
      true,
      0,
    ]);
  });

  test('is not asked for over plain http, also where its provider may be spoken to over it itself (R7)', async () => {
    const weak = await startTestIdentityProvider();
    weak.bend = { authorizationEndpoint: 'http://login.example/authorize' };
    await deployment.configure([
      trustProvider('test', weak.issuer),
      { kind: 'OutboundNetwork', name: 'default', spec: { allow: [{ host: '127.0.0.1', http: true }] } },
    ]);
    const agent = await TestAgent.register(deployment);
    const page = await agent.press(await agent.open(), /^Continue with/);
    await weak.close();
    expect([
      page.status,
      page.url.host,
      page.html.includes('it would have browsers sent to an address without https'),
    ]).toEqual([502, new URL(deployment.issuer).host, true]);
  });

  test('is not taken for one of the provider that has been put in its place meanwhile', async () => {
    const agent = await TestAgent.register(deployment);
    const callback = await stopAtCallback(agent);
    await deployment.configure([trustProvider('test', 'http://127.0.0.1:1')]);
    const page = await agent.browser.open(callback, REDIRECT_URI);
    expect([page.status, page.html.includes('started in another browser, is too old, or was used already')]).toEqual([
      400,
      true,
    ]);
  });
});

describe('an agent session', () => {
  test.each([
    ['has ended', { endedAt: new Date() }],
    ['belongs to another agent', { clientId: 'dcr_other' }],
    ['belongs to another user', { userId: 'usr_other' }],
  ])('that %s yields no token, whatever is left of its grant (S4, S8)', async (_what, data) => {
    const agent = await TestAgent.register(deployment);
    const { body } = await agent.connect();
    await deployment.database.agentSession.update({
      where: { sid: String(decodeJwt(String(body['access_token']))['sid']) },
      data,
    });
    expect((await agent.refresh(body['refresh_token'])).body['error']).toBe('invalid_grant');
  });
});

describe('our own pages as a client', () => {
  const callback = () => `${deployment.config.controlPlaneUrl}/session/callback`;
  const openOwnPages = async (browser: TestBrowser) => {
    const verifier = randomBytes(32).toString('base64url');
    const url = new URL(`${deployment.issuer}/authorize`);
    url.search = String(
      new URLSearchParams({
        client_id: 'sallyport-control-plane',
        redirect_uri: callback(),
        response_type: 'code',
        scope: 'openid',
        state: 's',
        nonce: 'n',
        code_challenge: createHash('sha256').update(verifier).digest('base64url'),
        code_challenge_method: 'S256',
      }),
    );
    const { url: back } = await browser.open(url, callback());
    return {
      grant_type: 'authorization_code',
      client_id: 'sallyport-control-plane',
      code: back.searchParams.get('code') ?? '',
      redirect_uri: callback(),
      code_verifier: verifier,
    };
  };
  const redeem = async (parameters: Record<string, string>) =>
    JSON.parse((await post('/token', String(new URLSearchParams(parameters)))).body) as Record<string, unknown>;

  test('are worth nothing to an agent: no gateway token, no refresh, no other grant, and an ID token is no access token (R9, S5)', async () => {
    const agent = await TestAgent.register(deployment);
    const { body } = await agent.connect();
    const asUs = { client_id: 'sallyport-control-plane' };
    expect(
      (await redeem({ ...asUs, grant_type: 'refresh_token', refresh_token: String(body['refresh_token']) }))['error'],
    ).toBe('invalid_request');
    expect((await redeem({ ...asUs, grant_type: 'client_credentials', resource: deployment.resource }))['error']).toBe(
      'invalid_request',
    );
    const grant = await openOwnPages(agent.browser);
    expect((await redeem({ ...grant, client_id: agent.clientId }))['error']).toBe('invalid_grant');
    const again = await openOwnPages(agent.browser);
    expect((await redeem({ ...again, resource: deployment.resource }))['error']).toBe('invalid_target');
    const tokens = await redeem(await openOwnPages(agent.browser));
    const idToken = String(tokens['id_token']);
    expect(decodeProtectedHeader(idToken).typ).not.toBe('at+jwt');
    expect(decodeJwt(idToken)).toMatchObject({ aud: 'sallyport-control-plane' });
    expect(decodeJwt(idToken)).not.toHaveProperty('sid');
  });

  test('get no ID token with a code from before the user was revoked (S28)', async () => {
    deployment.provider.account = { ...alice, sub: 'revoked-with-a-code' };
    const grant = await openOwnPages(new TestBrowser());
    const user = await deployment.database.user.findFirstOrThrow({ where: { subject: 'revoked-with-a-code' } });
    await deployment.revoke({ type: 'user', userId: user.id });
    expect((await redeem(grant))['error']).toBe('invalid_grant');
  });
});

test("the network a policy sees is the peer's, whatever a request says about itself (S19, R23)", async () => {
  const policy = (conditions: object) => ({
    kind: 'AccessPolicy' as const,
    name: 'employees',
    spec: { hop: 'client-to-gateway' as const, trustProviders: ['test'], conditions },
  });
  const agent = await TestAgent.register(deployment);
  const { body } = await agent.connect();
  const refresh = async () => {
    const answer = await send('/token', {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'x-forwarded-for': '203.0.113.7',
        forwarded: 'for=203.0.113.7',
      },
      body: String(
        new URLSearchParams({
          grant_type: 'refresh_token',
          client_id: agent.clientId,
          refresh_token: String(body['refresh_token']),
        }),
      ),
    });
    return answer.status;
  };
  await deployment.configure([policy({ sourceCidrs: ['203.0.113.0/24'] })]);
  expect(await refresh()).toBe(400);
  const url = agent.authorizationUrl();
  const page = await agent.browser.open(url, REDIRECT_URI);
  expect(page.html).toContain('not allowed from this network');
  await deployment.configure([policy({ sourceCidrs: ['127.0.0.0/8'] })]);
  expect(await refresh()).toBe(200);
  await deployment.configure([policy({})]);
});

test('a session that ends because its code was used twice at once is in the trail, with its sid (S8)', async () => {
  const agent = await TestAgent.register(deployment);
  const answer = await agent.authorize();
  await Promise.all([1, 2, 3, 4, 5].map(() => agent.redeem(answer.get('code'))));
  const { sid } = await deployment.database.agentSession.findFirstOrThrow({
    where: { clientId: agent.clientId, endedAt: { not: null } },
  });
  await eventually(() => deployment.events.some((event) => event.type === 'token.revoked' && event.sid === sid));
});

describe('a body that is larger than what is read of it', () => {
  /** In chunks, so that nobody knows beforehand how much is to come; on a connection that others use after it. */
  const sendOn = (agent: Agent, path: string, body?: Buffer, type = 'application/x-www-form-urlencoded') =>
    new Promise<number | undefined>((resolve, reject) => {
      const sent = request(
        new URL(path, deployment.issuer),
        {
          agent,
          method: body ? 'POST' : 'GET',
          headers: body ? { 'content-type': type, 'transfer-encoding': 'chunked' } : {},
        },
        (response) => {
          response.resume().on('end', () => resolve(response.statusCode));
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });

  test.each([['/token'], ['/par'], ['/introspect'], ['/revoke'], ['/register', 'application/json']])(
    'at %s is not in the way of the next request of its connection',
    async (path, type?: string) => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      try {
        expect(await sendOn(agent, path, Buffer.alloc(1_048_576, 'x'), type)).toBe(413);
        expect(await sendOn(agent, '/.well-known/oauth-authorization-server')).toBe(200);
        expect(Object.values(agent.freeSockets).flat()).toHaveLength(1);
      } finally {
        agent.destroy();
      }
    },
  );
});
