import { createHash, randomBytes } from 'node:crypto';
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';
import { eventually } from '@sallyport/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { REDIRECT_URI, TestAgent } from '../testing/test-agent.js';
import { TestBrowser } from '../testing/test-browser.js';
import { startTestDeployment, type TestDeployment } from '../testing/test-deployment.js';
import { startTestIdentityProvider, type TestIdentityProvider } from '../testing/test-identity-provider.js';

let deployment: TestDeployment;
let second: TestIdentityProvider;
beforeAll(async () => {
  [deployment, second] = await Promise.all([startTestDeployment(), startTestIdentityProvider()]);
});
afterAll(async () => {
  await deployment.close();
  await second.close();
});
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
  deployment.provider.requests.length = 0;
  deployment.events.length = 0;
});
beforeEach(() =>
  deployment.configure(
    [trustProvider('test', deployment.provider), policy({})],
    [{ kind: 'TrustProvider', name: 'other' }],
  ),
);
const trustProvider = (name: string, provider: TestIdentityProvider, spec: Record<string, unknown> = {}) => ({
  kind: 'TrustProvider' as const,
  name,
  spec: {
    displayName: `${name} provider`,
    issuer: provider.issuer,
    clientId: 'sallyport',
    clientSecret: { env: 'UNUSED' },
    scopes: ['openid', 'profile', 'email'],
    claims: { subject: 'sub', email: 'email', name: 'name', groups: 'groups' },
    ...spec,
  },
});
const policy = (spec: Record<string, unknown>) => ({
  kind: 'AccessPolicy' as const,
  name: 'employees',
  spec: { hop: 'client-to-gateway' as const, trustProviders: ['test'], ...spec },
});

const openOwnPages = async (browser: TestBrowser, changes: Record<string, string> = {}) => {
  const verifier = randomBytes(32).toString('base64url');
  const callback = `${deployment.config.controlPlaneUrl}/session/callback`;
  const url = new URL(`${deployment.issuer}/authorize`);
  url.search = String(
    new URLSearchParams({
      client_id: 'sallyport-control-plane',
      redirect_uri: callback,
      response_type: 'code',
      scope: 'openid',
      state: 's',
      nonce: 'n',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      ...changes,
    }),
  );
  const page = await browser.open(url, callback);
  const redeem = async () => {
    const response = await fetch(`${deployment.issuer}/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        client_id: 'sallyport-control-plane',
        code: page.url.searchParams.get('code') ?? '',
        redirect_uri: callback,
        code_verifier: verifier,
      }),
    });
    return (await response.json()) as Record<string, unknown>;
  };
  return { page, redeem };
};

describe('a sign-in', () => {
  test('asks the provider with PKCE, state and nonce, and names our callback (R7)', async () => {
    const agent = await TestAgent.register(deployment);
    await agent.press(await agent.open(), /^Continue with/);
    const [asked] = deployment.provider.requests;
    expect(Object.fromEntries(asked ?? [])).toEqual({
      client_id: 'sallyport',
      redirect_uri: `${deployment.issuer}/federation/test/callback`,
      response_type: 'code',
      scope: 'openid profile email',
      state: expect.stringMatching(/^.{43}$/),
      nonce: expect.stringMatching(/^.{43}$/),
      code_challenge: expect.stringMatching(/^.{43}$/),
      code_challenge_method: 'S256',
    });
  });

  test.each([
    ['the nonce is another one', { claims: { nonce: 'of somebody else' } }],
    ['the token is for another client', { audience: 'other-client' }],
    ['the token is signed by a stranger', { wrongKey: true }],
    ['the answer names another issuer (RFC 9207)', { issuerParameter: 'https://evil.example' }],
    ['the provider says no', { error: 'access_denied' }],
  ])('fails when %s', async (_what, bend) => {
    deployment.provider.bend = bend;
    const agent = await TestAgent.register(deployment);
    const page = await agent.press(await agent.open(), /^Continue with/);
    expect(page.html).toContain('You are not signed in');
    expect(page.url.pathname).toBe('/federation/test/callback');
    await eventually(() => deployment.events.some(({ type }) => type === 'user.sign_in_failed'));
    expect(agent.browser.cookies.filter(({ name }) => name === 'sallyport_as_session')).toEqual([]);
  });

  const withoutGroups = { sub: 'alice-id', email: 'alice@example.com', email_verified: true, name: 'Alice' };
  const failed = () => deployment.events.find(({ type }) => type === 'user.sign_in_failed');
  /** Its metadata is read once per document: one of its own for each. */
  const completedByUserInfo = (spec: Record<string, unknown> = {}) =>
    deployment.configure([
      trustProvider('test', deployment.provider, {
        scopes: ['openid', 'profile'],
        claims: { subject: 'sub', email: 'email', name: 'name', groups: 'groups', roles: false },
        ...spec,
      }),
    ]);

  test.each<[string, string, { status: number; body?: unknown; headers?: Record<string, string> }, string]>([
    ['userinfo endpoint fails', '/userinfo', { status: 500 }, 'its userinfo endpoint answered with status 500'],
    [
      'userinfo endpoint is another page',
      '/userinfo',
      { status: 200, body: '<h1>Welcome</h1>', headers: { 'content-type': 'text/html' } },
      'its userinfo endpoint sent something else than an answer',
    ],
    ['token endpoint fails', '/token', { status: 500 }, 'it answered with status 500'],
    [
      'token endpoint has no time',
      '/token',
      { status: 400, body: { error: 'temporarily_unavailable' } },
      'it answered temporarily_unavailable',
    ],
    [
      'token endpoint does not know us',
      '/token',
      { status: 401, body: { error: 'invalid_client' }, headers: { 'www-authenticate': 'Basic realm="token"' } },
      'it does not accept this gateway as its client, whose secret or key there is to be renewed',
    ],
    [
      'token endpoint does not know us, without a challenge',
      '/token',
      { status: 400, body: { error: 'unauthorized_client' } },
      'it does not accept this gateway as its client, whose secret or key there is to be renewed',
    ],
    ['keys cannot be read', '/jwks', { status: 503 }, 'its keys cannot be read'],
  ])(
    'fails in words about the provider when its %s; the trail has the cause, and the page a way on (B32, R80)',
    async (_what, path, answer, cause) => {
      const agent = await TestAgent.register(deployment);
      // One whose keys nobody has read yet.
      const provider = await startTestIdentityProvider();
      try {
        await deployment.configure([
          { kind: 'OutboundNetwork', name: 'default', spec: { allow: [{ host: '127.0.0.1', http: true }] } },
          trustProvider('test', provider, { scopes: ['openid'] }),
        ]);
        [provider.bend, provider.account] = [{ userInfo: true }, withoutGroups];
        provider.answer = (asked) => (asked === path ? answer : undefined);
        const page = await agent.press(await agent.open(), /^Continue with/);
        const words = `test provider cannot be used now: ${cause}.`;
        expect([
          page.status,
          page.html.includes(words),
          page.html.includes('Try again in a minute; if it stays so, tell the administrator of this gateway.'),
        ]).toEqual([502, true, true]);
        await eventually(() => failed() !== undefined);
        expect(failed()).toMatchObject({ reason: 'trust_provider_unavailable', detail: { cause: words } });
        provider.answer = undefined;
        const again = new URL(/href="(\/interaction\/[^"]+)">Try again</.exec(page.html)?.[1] ?? '', deployment.issuer);
        // Keys that could not be read are not asked for again at once.
        const signedIn = await eventually(
          async () => {
            const next = await agent.press(await agent.browser.open(again, REDIRECT_URI), /^Continue with/);
            return next.status === 200 && next;
          },
          { timeoutMs: 10_000, until: 'the sign-in goes on' },
        );
        expect((await agent.press(signedIn, 'Allow')).url.searchParams.get('code')).toMatch(/./);
      } finally {
        await provider.close();
      }
    },
  );

  test.each([
    ['groups that only the userinfo endpoint tells', {}, withoutGroups, 502],
    [
      'an e-mail whose domain decides',
      { allowedEmailDomains: ['example.com'] },
      { sub: 'alice-id', name: 'Alice', groups: ['engineering'] },
      502,
    ],
    ['an e-mail that nothing depends on', {}, { sub: 'alice-id', name: 'Alice', groups: ['engineering'] }, 200],
    ['a name', {}, { sub: 'alice-id', email: 'alice@example.com', groups: ['engineering'] }, 200],
  ] as const)(
    'whose userinfo endpoint is away goes on without what nothing depends on: %s (B4, R84)',
    async (_what, spec, account, status) => {
      deployment.provider.bend = { userInfo: true };
      deployment.provider.account = account;
      await completedByUserInfo(spec);
      deployment.provider.answer = (path) => (path === '/userinfo' ? { status: 503 } : undefined);
      const agent = await TestAgent.register(deployment);
      const page = await agent.press(await agent.open(), /^Continue with/);
      deployment.provider.answer = undefined;
      expect([page.status, page.forms.some(({ buttons }) => buttons.some(({ text }) => text === 'Allow'))]).toEqual([
        status,
        status === 200,
      ]);
    },
  );

  test('cannot be finished in another browser, nor twice (S31)', async () => {
    const agent = await TestAgent.register(deployment);
    const start = await agent.browser.open(agent.authorizationUrl(), REDIRECT_URI);
    const callback = `${deployment.issuer}/federation/test/callback`;
    const stopped = await agent.browser.press(start, /^Continue with/, callback);
    const stranger = await new TestBrowser().open(stopped.url, REDIRECT_URI);
    expect([stranger.status, stranger.html.includes('You are not signed in')]).toEqual([400, true]);
    const own = await agent.browser.open(stopped.url, REDIRECT_URI);
    expect(own.status).toBe(400);
  });

  test('is finished for each of two agents whose pages one browser opened at once (S31)', async () => {
    const [first, second] = [await TestAgent.register(deployment), await TestAgent.register(deployment)];
    const { browser } = first;
    const pages = await browser.openAtOnce([first.authorizationUrl(), second.authorizationUrl()], REDIRECT_URI);
    const callback = `${deployment.issuer}/federation/test/callback`;
    const stopped = [];
    for (const page of pages) stopped.push(await browser.press(page, /^Continue with/, callback));
    for (const [index, { url }] of stopped.entries()) {
      const asked = await browser.open(url, REDIRECT_URI);
      expect([index, asked.status, asked.html.includes('Let “Test agent” act for you?')]).toEqual([index, 200, true]);
      const back = await browser.press(asked, 'Allow', REDIRECT_URI);
      const answer = await [first, second][index]?.redeem(back.url.searchParams.get('code'));
      expect(answer?.status).toBe(200);
    }
  });

  test('brought to a browser that has a cookie of its own signs nobody in there (S31)', async () => {
    const [attacker, victim] = [await TestAgent.register(deployment), await TestAgent.register(deployment)];
    const callback = `${deployment.issuer}/federation/test/callback`;
    const stopped = await attacker.browser.press(await attacker.open(), /^Continue with/, callback);
    await victim.open();
    const page = await victim.browser.open(stopped.url, REDIRECT_URI);
    expect([page.status, page.url.pathname, page.html.includes('You are not signed in')]).toEqual([
      400,
      '/federation/test/callback',
      true,
    ]);
  });

  test('is good once: the same state is refused with another code, in the same browser (S31)', async () => {
    const agent = await TestAgent.register(deployment);
    const callback = `${deployment.issuer}/federation/test/callback`;
    const start = await agent.open();
    const { url } = await agent.browser.press(start, /^Continue with/, callback);
    const asked = deployment.provider.requests.at(-1);
    expect((await agent.browser.open(url, REDIRECT_URI)).html).toContain('Let “Test agent” act for you?');
    // The provider is asked once more for the very same request, and so has another good code for it.
    const again = new URL(`${deployment.provider.issuer}/authorize?${asked}`);
    const answered = (await fetch(again, { redirect: 'manual' })).headers.get('location') ?? '';
    expect(new URL(answered).searchParams.get('state')).toBe(url.searchParams.get('state'));
    expect(new URL(answered).searchParams.get('code')).not.toBe(url.searchParams.get('code'));
    const page = await agent.browser.open(answered, REDIRECT_URI);
    expect([page.status, page.html.includes('was used already')]).toEqual([400, true]);
  });

  test('with a state we never made is refused', async () => {
    const page = await new TestBrowser().open(
      `${deployment.issuer}/federation/test/callback?code=x&state=${'s'.repeat(43)}&iss=${encodeURIComponent(deployment.provider.issuer)}`,
      REDIRECT_URI,
    );
    expect(page.status).toBe(400);
  });

  test('makes one user per provider and subject, and e-mail joins nothing (S1)', async () => {
    const agent = await TestAgent.register(deployment);
    const here = decodeJwt(String((await agent.connect()).body['access_token']));
    const again = decodeJwt(String((await (await TestAgent.register(deployment)).connect()).body['access_token']));
    await deployment.configure([
      {
        kind: 'OutboundNetwork',
        name: 'default',
        spec: {
          allow: [deployment.provider, second].map(({ issuer }) => ({
            host: '127.0.0.1',
            ports: [Number(new URL(issuer).port)],
            http: true,
          })),
        },
      },
      trustProvider('other', second),
      policy({ trustProviders: ['test', 'other'] }),
    ]);
    await deployment.database.storedSecret.create({
      data: {
        name: 'TrustProvider/other/clientSecret',
        sealed: Uint8Array.from(
          deployment.sealer.seal('stored-secret', second.clientSecret, 'TrustProvider/other/clientSecret'),
        ),
      },
    });
    second.account = { ...alice, groups: ['engineering'] };
    const there = await TestAgent.register(deployment);
    const choice = await there.open();
    expect(choice.forms[0]?.buttons.map(({ text }) => text)).toEqual([
      'Continue with other provider',
      'Continue with test provider',
    ]);
    const consent = await there.press(choice, 'Continue with other provider');
    const back = await there.press(consent, 'Allow');
    const other = decodeJwt(String((await there.redeem(back.url.searchParams.get('code'))).body['access_token']));
    expect(here.sub).toBe(again.sub);
    expect(other.sub).not.toBe(here.sub);
    // The same group name at another provider is another group.
    expect([other['idp'], other['roles'], other['scope']]).toEqual(['other', [], '']);
  });

  test('of an e-mail domain that is not allowed is refused, and another account may be tried', async () => {
    await deployment.configure([trustProvider('test', deployment.provider, { allowedEmailDomains: ['corp.example'] })]);
    const agent = await TestAgent.register(deployment);
    const refused = await agent.press(await agent.open(), /^Continue with/);
    expect([refused.status, refused.html.includes('may not sign in here')]).toEqual([403, true]);
    const retry = /href="(\/interaction\/[^"]+)"/.exec(refused.html)?.[1] ?? '';
    deployment.provider.account = { ...alice, sub: 'carol', email: 'carol@corp.example' };
    const consent = await agent.press(
      await agent.browser.open(new URL(retry, deployment.issuer), REDIRECT_URI),
      /^Continue with/,
    );
    expect(consent.html).toContain('carol@corp.example');
  });

  test('is not possible while the provider is away, and says so', async () => {
    await deployment.configure([trustProvider('test', deployment.provider, { issuer: 'http://127.0.0.1:1' })]);
    const agent = await TestAgent.register(deployment);
    const page = await agent.press(await agent.open(), /^Continue with/);
    expect([page.status, page.html.includes('cannot be used now')]).toEqual([502, true]);
  });

  test('of another human in the same browser replaces the one before', async () => {
    const agent = await TestAgent.register(deployment);
    const first = decodeJwt(String((await agent.connect()).body['access_token']));
    deployment.provider.account = { ...alice, sub: 'bob-id', email: 'bob@example.com' };
    const consent = await agent.press(await agent.open({ prompt: 'login' }), /^Continue with/);
    expect(consent.html).toContain('bob@example.com');
    const back = await agent.press(consent, 'Allow');
    const tokens = decodeJwt(String((await agent.redeem(back.url.searchParams.get('code'))).body['access_token']));
    expect(tokens['idp_sub']).toBe('bob-id');
    expect(tokens.sub).not.toBe(first.sub);
  });
});

describe('consent', () => {
  test('is remembered for the same human, agent and scopes, each time with a session of its own (S3, S4)', async () => {
    const agent = await TestAgent.register(deployment);
    await agent.connect();
    agent.browser.cookies.length = 0;
    const straightBack = await agent.press(await agent.open(), /^Continue with/);
    expect(straightBack.url.searchParams.get('code')).not.toBeNull();
    expect(await deployment.database.agentSession.count({ where: { clientId: agent.clientId } })).toBe(2);
  });

  test('is never silent for an agent that only asserts who it is (S2, S3)', async () => {
    const agent = await TestAgent.register(deployment);
    await agent.connect();
    const page = await agent.open();
    expect(page.html).toContain('Let “Test agent” act for you?');
  });

  test('of one agent is not consent to another of the same name, nor for another human (R4, S3)', async () => {
    const agent = await TestAgent.register(deployment);
    await agent.connect();
    const twin = await TestAgent.register(deployment);
    expect((await twin.press(await twin.open(), /^Continue with/)).html).toContain('Let “Test agent” act for you?');
    deployment.provider.account = { ...alice, sub: 'dave-id', email: 'dave@example.com' };
    agent.browser.cookies.length = 0;
    expect((await agent.press(await agent.open(), /^Continue with/)).html).toContain('dave@example.com');
  });

  test('is asked for again when the agent wants more (S3)', async () => {
    const agent = await TestAgent.register(deployment);
    await agent.connect();
    agent.browser.cookies.length = 0;
    const page = await agent.press(await agent.open({ scope: 'notes.read notes.write' }), /^Continue with/);
    expect(page.html).toContain('notes.write');
  });

  test('is shown again when the agent asks for that', async () => {
    const agent = await TestAgent.register(deployment);
    await agent.connect();
    agent.browser.cookies.length = 0;
    expect((await agent.press(await agent.open({ prompt: 'consent' }), /^Continue with/)).html).toContain(
      'Let “Test agent” act for you?',
    );
  });

  test('sent twice makes one session', async () => {
    const agent = await TestAgent.register(deployment);
    const consent = await agent.press(await agent.open(), /^Continue with/);
    const form = consent.forms[0];
    const cookie = agent.browser.cookies
      .filter(({ path }) => form?.action.pathname.startsWith(path))
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ');
    const send = () =>
      fetch(form?.action ?? '', {
        method: 'POST',
        redirect: 'manual',
        headers: { cookie },
        body: new URLSearchParams({ ...form?.fields, decision: 'allow' }),
      });
    const answers = [await send(), await send()];
    expect(answers.map(({ status }) => status)).toEqual([303, 303]);
    expect(await deployment.database.agentSession.count({ where: { clientId: agent.clientId } })).toBe(1);
  });

  test.each([
    ['allowed', ['allow', 'allow', 'allow'], 1],
    ['refused', ['deny', 'deny', 'deny'], 0],
    ['allowed and refused', ['allow', 'deny', 'allow', 'deny'], undefined],
  ] as const)(
    '%s several times at once has one answer, told to all and to whoever sends it once more (R20)',
    async (_what, presses, sessions) => {
      const agent = await TestAgent.register(deployment);
      const consent = await agent.press(await agent.open(), /^Continue with/);
      const browsers = presses.map(() => {
        const browser = new TestBrowser();
        browser.cookies.push(...agent.browser.cookies.map((cookie) => ({ ...cookie })));
        return browser;
      });
      const pages = await Promise.all(
        presses.map((decision, index) =>
          browsers[index]?.press(consent, decision === 'allow' ? 'Allow' : 'Do not allow', REDIRECT_URI),
        ),
      );
      expect(pages.map((page) => page?.status)).toEqual(presses.map(() => 0)); // at the agent's
      const told = new Set(pages.map((page) => page?.url.href));
      expect(told.size).toBe(1);
      const once = await agent.browser.press(consent, 'Allow', REDIRECT_URI);
      expect(told.has(once.url.href)).toBe(true);
      const made = await deployment.database.agentSession.count({ where: { clientId: agent.clientId } });
      const isAllowed = once.url.searchParams.has('code');
      expect([made, sessions ?? made]).toEqual([isAllowed ? 1 : 0, isAllowed ? 1 : 0]);
      if (isAllowed) expect((await agent.redeem(once.url.searchParams.get('code'))).status).toBe(200);
      expect((await new TestBrowser().press(consent, 'Allow', REDIRECT_URI)).status).toBe(400); // of no other browser
      const decided = () =>
        deployment.events
          .filter(({ clientId, type }) => clientId === agent.clientId && type.startsWith('agent.consent'))
          .map(({ type }) => type);
      await eventually(() => decided().length > 0);
      expect(decided()).toEqual([isAllowed ? 'agent.consented' : 'agent.consent_denied']);
    },
  );

  test('denied goes back to the agent as access_denied, with nothing minted (R20)', async () => {
    const agent = await TestAgent.register(deployment);
    const consent = await agent.press(await agent.open(), /^Continue with/);
    const { url } = await agent.press(consent, 'Do not allow');
    expect(Object.fromEntries(url.searchParams)).toEqual({
      error: 'access_denied',
      error_description: expect.any(String),
      state: 'state-of-the-agent',
      iss: deployment.issuer,
    });
    expect(await deployment.database.agentSession.count({ where: { clientId: agent.clientId } })).toBe(0);
    await eventually(() =>
      deployment.events.some(({ type, clientId }) => type === 'agent.consent_denied' && clientId === agent.clientId),
    );
  });

  test('can be declined before signing in', async () => {
    const agent = await TestAgent.register(deployment);
    const { url } = await agent.press(await agent.open(), /^Cancel/);
    expect(url.searchParams.get('error')).toBe('access_denied');
    expect(deployment.provider.requests).toHaveLength(0);
  });

  test.each([
    ['no form token', { form_token: '' }],
    ['another form token', { form_token: 'x'.repeat(43) }],
  ])('with %s is refused and mints nothing (S3)', async (_what, changes) => {
    const agent = await TestAgent.register(deployment);
    const consent = await agent.press(await agent.open(), /^Continue with/);
    const refused = await agent.press(consent, 'Allow', changes);
    expect([refused.status, refused.html.includes('This form cannot be used')]).toEqual([403, true]);
    expect(await deployment.database.agentSession.count({ where: { clientId: agent.clientId } })).toBe(0);
  });

  test('from another site is refused before it is read (S19)', async () => {
    const agent = await TestAgent.register(deployment);
    const consent = await agent.press(await agent.open(), /^Continue with/);
    const form = consent.forms[0];
    const cookie = agent.browser.cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
    const response = await fetch(form?.action ?? '', {
      method: 'POST',
      redirect: 'manual',
      headers: { origin: 'https://evil.example', cookie },
      body: new URLSearchParams({ ...form?.fields, decision: 'allow' }),
    });
    expect(response.status).toBe(403);
  });

  test('of an interaction another browser started is refused', async () => {
    const agent = await TestAgent.register(deployment);
    const consent = await agent.press(await agent.open(), /^Continue with/);
    const stolen = await new TestBrowser().open(consent.url, REDIRECT_URI);
    expect([stolen.status, stolen.html.includes('This request has expired')]).toEqual([400, true]);
  });

  test('pages carry a strict policy and are not stored', async () => {
    const agent = await TestAgent.register(deployment);
    const interstitial = await agent.open();
    const consent = await agent.press(interstitial, /^Continue with/);
    for (const page of [interstitial, consent]) {
      expect(page.headers.get('content-security-policy')).toMatch(
        /^default-src 'none'; style-src 'sha256-[^']+'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'$/,
      );
      expect(page.headers.get('x-frame-options')).toBe('DENY');
      expect(page.headers.get('cache-control')).toBe('no-store');
      expect(page.headers.get('x-content-type-options')).toBe('nosniff');
    }
  });
});

describe('client-to-gateway policy at the door', () => {
  test('denies with a page a person understands, then access_denied, and without consent (R2, R23)', async () => {
    await deployment.configure([
      policy({ agents: { clientIds: ['https://claude.ai/oauth/claude-code-client-metadata'] } }),
    ]);
    const agent = await TestAgent.register(deployment);
    const denied = await agent.press(await agent.open(), /^Continue with/);
    expect([denied.status, denied.html.includes('“Test agent” cannot be connected')]).toEqual([403, true]);
    expect(denied.html).not.toContain('employees');
    const { url } = await agent.press(denied, 'Return to the agent');
    expect(url.searchParams.get('error')).toBe('access_denied');
    await eventually(() =>
      deployment.events.some(
        ({ type, reason }) => type === 'token.refused' && reason?.startsWith('no_client_to_gateway_policy'),
      ),
    );
  });

  test('with nothing that allows, nobody comes in (R22)', async () => {
    await deployment.configure([], [{ kind: 'AccessPolicy', name: 'employees' }]);
    const agent = await TestAgent.register(deployment);
    expect((await agent.press(await agent.open(), /^Continue with/)).status).toBe(403);
  });

  test('is asked again for the token: a code made before a change is worth nothing after it (R22)', async () => {
    const agent = await TestAgent.register(deployment);
    const answer = await agent.authorize();
    await deployment.configure([policy({ agents: { assurance: 'verified-redirect' } })]);
    expect((await agent.redeem(answer.get('code'))).body['error']).toBe('invalid_grant');
  });

  test('with a sign-in that is too old asks for a new one, once (R25)', async () => {
    await deployment.configure([policy({ conditions: { maxAuthAge: '1h' } })]);
    deployment.provider.bend = { claims: { auth_time: Math.floor(Date.now() / 1000) - 7200 } };
    const agent = await TestAgent.register(deployment);
    const denied = await agent.press(await agent.open(), /^Continue with/);
    expect([denied.status, denied.html.includes('Your sign-in is too long ago')]).toEqual([403, true]);
    const later = await agent.open();
    expect(later.html).toContain('Your sign-in is too long ago');
    deployment.provider.bend = {};
    const consent = await agent.press(later, /^Continue with/);
    expect(deployment.provider.requests.at(-1)?.get('prompt')).toBe('login');
    expect((await agent.press(consent, 'Allow')).url.searchParams.get('code')).not.toBeNull();
  });

  test('keeps out a user who is blocked, whatever they sign in with (S28)', async () => {
    deployment.provider.account = { ...alice, sub: 'mallory-id' };
    const agent = await TestAgent.register(deployment);
    const { sub } = decodeJwt(String((await agent.connect()).body['access_token']));
    await deployment.revoke({ type: 'user', userId: String(sub) }, 4_000_000_000);
    const again = await agent.press(await agent.open(), /^Continue with/);
    expect([again.status, again.html.includes('was revoked')]).toEqual([403, true]);
    const { page } = await openOwnPages(new TestBrowser());
    expect([page.status, page.html.includes('was revoked')]).toEqual([403, true]);
  });
});

describe('our own pages as a client', () => {
  test('sign a browser in without a consent page and get an ID token with our user id, no refresh token', async () => {
    const { page, redeem } = await openOwnPages(new TestBrowser());
    expect(page.url.searchParams.get('code')).not.toBeNull();
    const tokens = await redeem();
    const { payload } = await jwtVerify(
      String(tokens['id_token']),
      createRemoteJWKSet(new URL(`${deployment.issuer}/jwks`)),
      { issuer: deployment.issuer, audience: 'sallyport-control-plane', algorithms: ['ES256'] },
    );
    expect(payload).toMatchObject({ sub: expect.stringMatching(/^usr_/), nonce: 'n' });
    expect(tokens).not.toHaveProperty('refresh_token');
    expect(String(tokens['access_token'])).not.toContain('.');
  });

  test("use the sign-in an agent's authorization made in the same browser", async () => {
    const agent = await TestAgent.register(deployment);
    const { sub } = decodeJwt(String((await agent.connect()).body['access_token']));
    const asked = deployment.provider.requests.length;
    const { redeem } = await openOwnPages(agent.browser);
    expect(decodeJwt(String((await redeem())['id_token'])).sub).toBe(sub);
    expect(deployment.provider.requests).toHaveLength(asked);
  });

  test('cannot get a token for the gateway (R9)', async () => {
    const { page } = await openOwnPages(new TestBrowser(), { resource: deployment.resource });
    expect(page.url.searchParams.get('error')).toBe('invalid_target');
  });

  test('accept no other redirect URI, not even another port', async () => {
    const { page } = await openOwnPages(new TestBrowser(), { redirect_uri: 'http://127.0.0.1:7499/session/callback' });
    expect(page.status).toBe(400);
  });
});
