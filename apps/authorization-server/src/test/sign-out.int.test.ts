import { decodeJwt } from 'jose';
import { eventually } from '@sallyport/testing';
import type { RunningService } from '@sallyport/process';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { TestAgent } from '../testing/test-agent.js';
import type { BrowserPage } from '../testing/test-browser.js';
import { startTestDeployment, type TestDeployment } from '../testing/test-deployment.js';
import { startTestIdentityProvider, type TestIdentityProvider } from '../testing/test-identity-provider.js';

let deployment: TestDeployment;
let replica: RunningService;
beforeAll(async () => {
  deployment = await startTestDeployment();
  replica = await deployment.startReplica();
  await eventually(() => replica.readiness().status === 'ready', { until: 'the other replica is ready' });
  deployment.provider.bend = { endSession: true };
});
afterAll(async () => {
  await replica.close();
  await deployment.close();
});

let people = 0;
beforeEach(() => {
  deployment.provider.account = {
    sub: `human-${++people}`,
    email: 'human@example.com',
    email_verified: true,
    name: 'Human',
    groups: ['engineering'],
  };
});
afterEach(() => {
  deployment.provider.bend = { endSession: true };
  return document(undefined);
});

const document = (session: Record<string, unknown> | undefined) =>
  deployment.configure([
    {
      kind: 'TrustProvider',
      name: 'test',
      spec: {
        displayName: 'Test provider',
        issuer: deployment.provider.issuer,
        clientId: 'sallyport',
        clientSecret: { env: 'UNUSED' },
        scopes: ['openid', 'profile', 'email'],
        claims: { subject: 'sub', email: 'email', name: 'name', groups: 'groups' },
        ...(session
          ? { session: { toleratedOutage: '1h', keepTokens: false, signOutAtProvider: false, ...session } }
          : {}),
      },
    } as never,
  ]);
/** @param providerSid what the provider calls its session */
const connect = async (providerSid?: string) => {
  deployment.provider.bend = {
    ...deployment.provider.bend,
    claims: providerSid === undefined ? {} : { sid: providerSid },
  };
  const agent = await TestAgent.register(deployment);
  const answer = await agent.connect();
  expect(answer.status).toBe(200);
  const sid = String(decodeJwt(String(answer.body['access_token']))['sid']);
  return {
    agent,
    sid,
    refresh: () => agent.refresh(answer.body['refresh_token']),
    ended: async () => (await deployment.database.agentSession.findUniqueOrThrow({ where: { sid } })).endedAt !== null,
  };
};
const signedOutUrl = 'http://127.0.0.1:7402/session/ended';
const endUrl = (parameters: Record<string, string> = {}) =>
  `${deployment.issuer}/session/end?${new URLSearchParams(parameters).toString()}`;
const open = (agent: TestAgent, parameters: Record<string, string> = {}, stopAt = signedOutUrl) =>
  agent.browser.open(endUrl(parameters), stopAt);
/** Whether this browser needs no new sign-in. */
const isSignedIn = async (agent: TestAgent) => !(await agent.open()).html.includes('Continue with');

describe('signing out of the browser', () => {
  test('ends the sign-in there, and leaves agents to go on (R84)', async () => {
    const { agent, refresh, ended } = await connect();
    expect(await isSignedIn(agent)).toBe(true);
    const page = await open(agent, {
      client_id: 'sallyport-control-plane',
      post_logout_redirect_uri: signedOutUrl,
      state: 'of the page',
    });
    expect(page.html).toContain('human@example.com');
    expect(await isSignedIn(agent)).toBe(true); // a link alone does nothing
    const after = await agent.browser.press(page, 'Sign out', signedOutUrl);
    expect([after.url.origin + after.url.pathname, after.url.searchParams.get('state')]).toEqual([
      signedOutUrl,
      'of the page',
    ]);
    expect(await isSignedIn(agent)).toBe(false);
    expect(await ended()).toBe(false);
    expect((await refresh()).status).toBe(200);
    expect(
      await deployment.database.identitySession.count({
        where: {
          userId: (await deployment.database.user.findFirstOrThrow({ where: { subject: `human-${people}` } })).id,
          browserEndedAt: { not: null },
        },
      }),
    ).toBe(1);
  });

  test('ends the agents of that sign-in too when the human says so, and those of no other browser (R85)', async () => {
    const [here, elsewhere] = [await connect(), await connect()];
    await here.agent.browser.press(await open(here.agent), /agents/, signedOutUrl);
    expect([await here.ended(), await elsewhere.ended()]).toEqual([true, false]);
    expect((await here.refresh()).body['error']).toBe('invalid_grant');
    expect((await elsewhere.refresh()).status).toBe(200);
    await eventually(() =>
      deployment.events.some(
        (event) => event.type === 'token.revoked' && event.sid === here.sid && event.reason === 'signed out',
      ),
    );
  });

  test.each<[string, (page: BrowserPage, other: BrowserPage) => Record<string, string>]>([
    ['without its token', () => ({ form_token: '' })],
    ["with another browser's token", (_page, other) => ({ form_token: other.forms[0]?.fields['form_token'] ?? '' })],
  ])('takes a form of its own: one %s changes nothing (S31)', async (_what, changes) => {
    const [mine, theirs] = [await connect(), await connect()];
    const [page, other] = [await open(mine.agent), await open(theirs.agent)];
    expect((await mine.agent.browser.press(page, 'Sign out', signedOutUrl, changes(page, other))).status).toBe(403);
    expect(await isSignedIn(mine.agent)).toBe(true);
  });

  test.each([
    'https://evil.example/',
    `${signedOutUrl}/`,
    `${signedOutUrl}?x=1`,
    'http://127.0.0.1:7402@evil.example/session/ended',
    'javascript:alert(1)',
  ])('never leads to %s', async (target) => {
    const { agent } = await connect();
    expect(await open(agent, { post_logout_redirect_uri: target })).toMatchObject({ status: 400 });
    const page = await open(agent, { post_logout_redirect_uri: signedOutUrl });
    const after = await agent.browser.press(page, 'Sign out', 'https://evil.example', { return_to: target });
    expect([after.status, after.url.origin]).toEqual([200, deployment.issuer]);
  });

  test('shows pages that run no script and cannot be framed, and repeats no parameter of its own accord', async () => {
    const { agent } = await connect();
    const page = await open(agent, { state: '"><script>', post_logout_redirect_uri: signedOutUrl });
    expect(page.html).not.toContain('<script');
    expect(page.headers.get('content-security-policy')).toMatch(/default-src 'none'.*frame-ancestors 'none'/);
    expect((await fetch(`${endUrl()}&state=a&state=b`)).status).toBe(400);
    expect((await fetch(endUrl({ state: 'x'.repeat(513) }))).status).toBe(400);
    expect((await fetch(endUrl())).status).toBe(200); // nobody was signed in
  });

  test("goes on to the identity provider's own sign-out where its document says so", async () => {
    await document({ signOutAtProvider: true });
    const { agent } = await connect();
    const to = `${deployment.provider.issuer}/end-session`;
    const after = await agent.browser.press(await open(agent), 'Sign out', to);
    expect(after.url.origin + after.url.pathname).toBe(to);
    expect(Object.fromEntries(after.url.searchParams)).toEqual({
      client_id: 'sallyport',
      post_logout_redirect_uri: `${deployment.issuer}/session/ended`,
      id_token_hint: expect.stringMatching(/^ey/) as string,
    });
    expect(await isSignedIn(agent)).toBe(false);
    expect((await fetch(`${deployment.issuer}/session/ended`)).status).toBe(200);
  });

  test("stays with us where the provider's own sign-out would be visited over plain http that nobody allowed", async () => {
    deployment.provider.bend = { endSession: true, endSessionEndpoint: 'http://login.example/end-session' };
    await document({ signOutAtProvider: true });
    const { agent } = await connect();
    const after = await agent.browser.press(await open(agent), 'Sign out', 'http://login.example');
    expect([after.status, after.url.origin, await isSignedIn(agent)]).toEqual([200, deployment.issuer, false]);
  });

  test('is offered in the metadata', async () => {
    expect(await (await fetch(`${deployment.issuer}/.well-known/openid-configuration`)).json()).toMatchObject({
      end_session_endpoint: `${deployment.issuer}/session/end`,
    });
  });
});

describe('a sign-in that ended while something of it was under way', () => {
  test('opens nothing in its browser, even where the session of the browser was written once more (S28)', async () => {
    const { agent, sid } = await connect();
    const { identitySessionId } = await deployment.database.agentSession.findUniqueOrThrow({ where: { sid } });
    await deployment.database.identitySession.update({
      where: { id: identitySessionId ?? '' },
      data: { browserEndedAt: new Date() },
    });
    expect(await isSignedIn(agent)).toBe(false);
    const asked = deployment.provider.requests.length;
    const callback = `${deployment.config.controlPlaneUrl}/session/callback`;
    const ours = new URLSearchParams({
      client_id: 'sallyport-control-plane',
      redirect_uri: callback,
      response_type: 'code',
      scope: 'openid',
      state: 's',
      code_challenge: 'x'.repeat(43),
      code_challenge_method: 'S256',
    });
    await agent.browser.open(`${deployment.issuer}/authorize?${ours.toString()}`, callback);
    expect(deployment.provider.requests).toHaveLength(asked + 1);
  });

  test('lets no agent session live that began with it (S28)', async () => {
    const { sid, refresh, ended } = await connect();
    const { identitySessionId } = await deployment.database.agentSession.findUniqueOrThrow({ where: { sid } });
    await deployment.database.identitySession.update({
      where: { id: identitySessionId ?? '' },
      data: { endedAt: new Date() },
    });
    expect((await refresh()).body['error']).toBe('invalid_grant');
    expect(await ended()).toBe(true);
  });

  test('lets no code be redeemed (S28)', async () => {
    const agent = await TestAgent.register(deployment);
    const answer = await agent.authorize();
    const user = await deployment.database.user.findFirstOrThrow({ where: { subject: `human-${people}` } });
    await deployment.database.identitySession.updateMany({ where: { userId: user.id }, data: { endedAt: new Date() } });
    expect((await agent.redeem(answer.get('code'))).body['error']).toBe('invalid_grant');
  });
});

describe('an identity provider that ends a session of its own', () => {
  const send = (token: string, { issuer = deployment.issuer, provider = 'test' } = {}) =>
    fetch(`${issuer}/federation/${provider}/backchannel-logout`, {
      method: 'POST',
      body: new URLSearchParams({ logout_token: token }),
    });

  test('ends what came of it, in browsers and at agents, and nothing else of the human (R84, S17)', async () => {
    const [laptop, phone] = [await connect('laptop'), await connect('phone')];
    const answer = await send(await deployment.provider.logoutToken({ sid: 'laptop' }));
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store']);
    expect([await laptop.ended(), await phone.ended()]).toEqual([true, false]);
    expect((await laptop.refresh()).body['error']).toBe('invalid_grant');
    expect([await isSignedIn(laptop.agent), await isSignedIn(phone.agent)]).toEqual([false, true]);
    await eventually(() =>
      deployment.events.some(
        (event) =>
          event.type === 'token.revoked' &&
          event.sid === laptop.sid &&
          event.reason === 'the identity provider ended the session',
      ),
    );
    expect(
      deployment.events.filter(
        (event) => event.type === 'user.signed_out' && event.reason === 'the identity provider ended the session',
      ),
    ).toHaveLength(1);
  });

  test('by naming the human ends all of theirs, also where a sign-in has no name of its own', async () => {
    const [named, nameless] = [await connect('laptop'), await connect()];
    const sub = `human-${people}`;
    deployment.provider.account = { ...deployment.provider.account, sub: `human-${++people}` };
    const bystander = await connect('laptop');
    expect((await send(await deployment.provider.logoutToken({ sub, sid: 'another' }))).status).toBe(200);
    expect([await named.ended(), await nameless.ended(), await bystander.ended()]).toEqual([false, true, false]);
    expect((await send(await deployment.provider.logoutToken({ sub }))).status).toBe(200);
    expect([await named.ended(), await bystander.ended()]).toEqual([true, false]);
  });

  test('is believed once per token, by one of all replicas (S8)', async () => {
    const token = await deployment.provider.logoutToken({ sub: 'nobody-here' });
    const issuers = [deployment.issuer, replica.urls['issuer'] ?? ''];
    const statuses = await Promise.all(
      Array.from({ length: 8 }, async (_, index) => (await send(token, { issuer: issuers[index % 2] ?? '' })).status),
    );
    expect(statuses.toSorted((a, b) => a - b)).toEqual([200, ...Array.from({ length: 7 }, () => 400)]);
  });

  const now = () => Math.floor(Date.now() / 1000);
  test.each<[string, () => Promise<string>]>([
    ['no token', () => Promise.resolve('not-a-token')],
    ['a signature of somebody else', () => deployment.provider.logoutToken({ sid: 'target' }, { wrongKey: true })],
    ['another audience', () => deployment.provider.logoutToken({ sid: 'target' }, { audience: 'somebody-else' })],
    ['another issuer', () => deployment.provider.logoutToken({ sid: 'target' }, { issuer: 'https://idp.example' })],
    [
      'no issuer of ours at all',
      async () =>
        `${Buffer.from('{"alg":"none"}').toString('base64url')}.${(await deployment.provider.logoutToken({ sid: 'target' })).split('.')[1]}.`,
    ],
    ['a nonce', () => deployment.provider.logoutToken({ sid: 'target', nonce: 'n' })],
    ['no event', () => deployment.provider.logoutToken({ sid: 'target', events: undefined })],
    [
      'another event',
      () =>
        deployment.provider.logoutToken({
          sid: 'target',
          events: { 'https://schemas.openid.net/secevent/caep/event-type/session-revoked': {} },
        }),
    ],
    [
      'an event that is no object',
      () =>
        deployment.provider.logoutToken({
          sid: 'target',
          events: { 'http://schemas.openid.net/event/backchannel-logout': true },
        }),
    ],
    ['neither sub nor sid', () => deployment.provider.logoutToken({})],
    ['no jti', () => deployment.provider.logoutToken({ sid: 'target', jti: undefined })],
    ['no iat', () => deployment.provider.logoutToken({ sid: 'target', iat: undefined })],
    ['an iat of long ago', () => deployment.provider.logoutToken({ sid: 'target', iat: now() - 3_600 })],
    ['an iat to come', () => deployment.provider.logoutToken({ sid: 'target', iat: now() + 3_600 })],
    ['an exp that is past', () => deployment.provider.logoutToken({ sid: 'target', exp: now() - 120 })],
    [
      'the type of an access token',
      () => deployment.provider.logoutToken({ sid: 'target' }, { header: { typ: 'at+jwt' } }),
    ],
  ])('is not believed with %s', async (_what, token) => {
    const target = await connect('target');
    const answer = await send(await token());
    expect([answer.status, await answer.json()]).toEqual([400, { error: 'invalid_request' }]);
    expect(await target.ended()).toBe(false);
    expect((await target.refresh()).status).toBe(200);
  });

  describe('and cannot be asked for its keys', () => {
    let other: TestIdentityProvider;
    let asked: string[];
    beforeEach(async () => {
      other = await startTestIdentityProvider();
      asked = [];
      const ports = [deployment.provider.issuer, other.issuer].map((url) => Number(new URL(url).port));
      await deployment.configure([
        { kind: 'OutboundNetwork', name: 'default', spec: { allow: [{ host: '127.0.0.1', ports, http: true }] } },
        { kind: 'TrustProvider', name: 'other', spec: { issuer: other.issuer, clientId: 'sallyport' } },
      ]);
    });
    afterEach(() => other.close());

    test('is told to say it again: what it said is not taken for a forgery (S28)', async () => {
      other.answer = (path) => (path === '/jwks' ? { status: 500 } : undefined);
      const answer = await send(await other.logoutToken({ sub: 'somebody' }), { provider: 'other' });
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
    });

    test('is asked once at a time, however many tokens anybody sends in its name', async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      other.answer = async (path) => {
        asked.push(path);
        await promise;
        return path === '/.well-known/openid-configuration' ? { status: 503 } : undefined;
      };
      const answers = Array.from({ length: 20 }, () => send('a.b.c', { provider: 'other' }));
      await eventually(() => asked.length > 0);
      expect((await send('a.b.c', { provider: 'unknown' })).status).toBe(400); // those before it have arrived
      resolve();
      expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(answers.map(() => 503));
      expect(asked.length).toBeLessThan(answers.length);
    });
  });

  test('is known by the name its document has', async () => {
    expect((await send(await deployment.provider.logoutToken({ sid: 'target' }), { provider: 'unknown' })).status).toBe(
      400,
    );
    expect((await fetch(`${deployment.issuer}/federation/test/backchannel-logout`, { method: 'POST' })).status).toBe(
      400,
    );
  });
});
