import { decodeJwt } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { eventually } from '@sallyport/testing';
import { TestAgent } from '../testing/test-agent.js';
import { startTestDeployment, type TestDeployment } from '../testing/test-deployment.js';
import { wayBack } from '../testing/test-browser.js';

let deployment: TestDeployment;
beforeAll(async () => {
  deployment = await startTestDeployment();
});
afterAll(() => deployment.close());
const alice = { sub: 'alice-id', email: 'alice@example.com', name: 'Alice', groups: ['engineering'] };
beforeEach(() => {
  deployment.provider.account = alice;
  deployment.events.length = 0;
});
const sidOf = (token: unknown) => String(decodeJwt(String(token))['sid']);
const policy = (spec: Record<string, unknown>) => ({
  kind: 'AccessPolicy' as const,
  name: 'employees',
  spec: { hop: 'client-to-gateway' as const, trustProviders: ['test'], ...spec },
});

describe('a code', () => {
  test('is good once; a second use ends the session and everything issued under it (S8)', async () => {
    const agent = await TestAgent.register(deployment);
    const answer = await agent.authorize();
    const first = await agent.redeem(answer.get('code'));
    const replay = await agent.redeem(answer.get('code'));
    expect([first.status, replay.status, replay.body['error']]).toEqual([200, 400, 'invalid_grant']);
    expect((await agent.refresh(first.body['refresh_token'])).body['error']).toBe('invalid_grant');
    const session = await deployment.database.agentSession.findUniqueOrThrow({
      where: { sid: sidOf(first.body['access_token']) },
    });
    expect(session.endedAt).not.toBeNull();
    await eventually(() => deployment.events.some(({ type, sid }) => type === 'token.revoked' && sid === session.sid));
  });

  test('whose second use comes before the first is done ends what the first one yields, too (S8, RFC 9700 section 2.1.1)', async () => {
    const agent = await TestAgent.register(deployment);
    const answer = await agent.authorize();
    const waiting = async () =>
      (
        await deployment.database.$queryRaw<
          unknown[]
        >`SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'UPDATE%OidcArtifact%'`
      ).length;
    // Both have read the code as unused and wait for its row to use it: no luck decides whether they meet.
    const both = await deployment.database.$transaction(async (transaction) => {
      await transaction.$queryRaw`SELECT 1 FROM "OidcArtifact" WHERE "kind" = 'AuthorizationCode' FOR UPDATE`;
      const requests = [agent.redeem(answer.get('code')), agent.redeem(answer.get('code'))];
      await eventually(async () => (await waiting()) === 2, { until: 'both wait' });
      return requests;
    });
    const answers = await Promise.all(both);
    expect(answers.filter(({ body }) => body['error'] === 'invalid_grant').length).toBeGreaterThan(0);
    for (const { status, body } of answers)
      if (status === 200) expect((await agent.refresh(body['refresh_token'])).body['error']).toBe('invalid_grant');
  });

  test('used five times at once yields one token at most (S8)', async () => {
    const agent = await TestAgent.register(deployment);
    const answer = await agent.authorize();
    const answers = await Promise.all([1, 2, 3, 4, 5].map(() => agent.redeem(answer.get('code'))));
    expect(answers.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1);
    expect(answers.filter(({ body }) => body['error'] === 'invalid_grant').length).toBeGreaterThanOrEqual(4);
  });

  test.each([
    ['a wrong verifier', { code_verifier: 'x'.repeat(43) }, 'invalid_grant'],
    ['no verifier', { code_verifier: undefined }, 'invalid_grant'],
    ['another redirect URI', { redirect_uri: 'http://127.0.0.1:1/callback' }, 'invalid_grant'],
    ['no redirect URI', { redirect_uri: undefined }, 'invalid_request'],
    ['another resource', { resource: 'https://elsewhere.example/mcp' }, 'invalid_target'],
  ])('with %s is refused (R16, R17)', async (_what, changes, error) => {
    const agent = await TestAgent.register(deployment);
    const answer = await agent.authorize();
    const tokens = await agent.redeem(answer.get('code'), changes);
    expect([tokens.status, tokens.body['error']]).toEqual([400, error]);
    expect(tokens.body).not.toHaveProperty('access_token');
  });

  test('of one agent is worth nothing to another', async () => {
    const [agent, thief] = await Promise.all([TestAgent.register(deployment), TestAgent.register(deployment)]);
    const answer = await agent.authorize();
    expect((await agent.redeem(answer.get('code'), { client_id: thief.clientId })).body['error']).toBe('invalid_grant');
  });

  test('of a confidential client needs its secret as well as PKCE (R17)', async () => {
    const { register } = await import('../testing/test-agent.js');
    const registration = await register(deployment, { token_endpoint_auth_method: 'client_secret_post' });
    const agent = new TestAgent(deployment, String(registration.body['client_id']));
    const without = wayBack(await agent.open({ code_challenge: undefined, code_challenge_method: undefined }));
    expect(without.searchParams.get('error')).toBe('invalid_request');
    const answer = await agent.authorize();
    expect((await agent.redeem(answer.get('code'))).status).toBe(401);
    expect(
      (await agent.redeem(answer.get('code'), { client_secret: String(registration.body['client_secret']) })).status,
    ).toBe(200);
  });
});

describe('a refresh token', () => {
  test('is bound to its agent and to the gateway', async () => {
    const [agent, thief] = await Promise.all([TestAgent.register(deployment), TestAgent.register(deployment)]);
    const { body } = await agent.connect();
    expect((await thief.refresh(body['refresh_token'])).body['error']).toBe('invalid_grant');
    expect(
      (await agent.refresh(body['refresh_token'], { resource: 'https://elsewhere.example/mcp' })).body['error'],
    ).toBe('invalid_target');
  });

  test('revoked by its agent (RFC 7009) is dead, and so is the agent session', async () => {
    const agent = await TestAgent.register(deployment);
    const { body } = await agent.connect();
    const revoked = await fetch(`${deployment.issuer}/revoke`, {
      method: 'POST',
      body: new URLSearchParams({ client_id: agent.clientId, token: String(body['refresh_token']) }),
    });
    expect(revoked.status).toBe(200);
    expect((await agent.refresh(body['refresh_token'])).body['error']).toBe('invalid_grant');
    expect(
      (await deployment.database.agentSession.findUniqueOrThrow({ where: { sid: sidOf(body['access_token']) } }))
        .endedAt,
    ).not.toBeNull();
  });

  test('cannot be revoked by another agent', async () => {
    const [agent, other] = await Promise.all([TestAgent.register(deployment), TestAgent.register(deployment)]);
    const { body } = await agent.connect();
    await fetch(`${deployment.issuer}/revoke`, {
      method: 'POST',
      body: new URLSearchParams({ client_id: other.clientId, token: String(body['refresh_token']) }),
    });
    expect((await agent.refresh(body['refresh_token'])).status).toBe(200);
  });

  test.each(['user', 'agent', 'user-agent', 'session'] as const)(
    'of a revoked %s is refused, and the trail says why (R80, R85, S28)',
    async (type) => {
      deployment.provider.account = { ...alice, sub: `user-to-revoke-${type}` };
      const [agent, other] = await Promise.all([TestAgent.register(deployment), TestAgent.register(deployment)]);
      const { body } = await agent.connect();
      deployment.provider.account = { ...alice, sub: `bystander-of-${type}` };
      const untouched = await other.connect();
      const { sub, sid } = decodeJwt(String(body['access_token']));
      const subjects = {
        user: { type: 'user' as const, userId: String(sub) },
        agent: { type: 'agent' as const, clientId: agent.clientId },
        'user-agent': { type: 'user-agent' as const, userId: String(sub), clientId: agent.clientId },
        session: { type: 'session' as const, sid: String(sid) },
      };
      await deployment.revoke(subjects[type]);
      expect((await agent.refresh(body['refresh_token'])).body).toEqual({
        error: 'invalid_grant',
        error_description: 'grant request is invalid',
      });
      expect((await other.refresh(untouched.body['refresh_token'])).status).toBe(200);
      await eventually(() =>
        deployment.events.some(
          (event) => event.type === 'token.refused' && event.sid === sid && event.reason === 'revoked',
        ),
      );
    },
  );

  test('carries the scopes of the roles as they are now, and gets them back with the role (S4, R11)', async () => {
    const agent = await TestAgent.register(deployment);
    const first = await agent.connect({ scope: 'notes.read notes.write' });
    const role = (scopes: string[]) => ({
      kind: 'Role' as const,
      name: 'developer',
      spec: { scopes, members: [{ trustProvider: 'test', groups: ['engineering'] }] },
    });
    await deployment.configure([role(['notes.read'])]);
    const narrowed = await agent.refresh(first.body['refresh_token']);
    expect(decodeJwt(String(narrowed.body['access_token']))['scope']).toBe('notes.read');
    await deployment.configure([role(['notes.read', 'notes.write', 'notes.more'])]);
    const again = await agent.refresh(narrowed.body['refresh_token']);
    expect(decodeJwt(String(again.body['access_token']))['scope']).toBe('notes.read notes.write');
    await deployment.configure([role(['notes.read', 'notes.write'])]);
  });

  test('survives a refusal of policy that passes: the token was not used up (R23)', async () => {
    const agent = await TestAgent.register(deployment);
    const { body } = await agent.connect();
    await deployment.configure([policy({ users: { roles: ['admin'] } })]);
    expect((await agent.refresh(body['refresh_token'])).body['error']).toBe('invalid_grant');
    await eventually(() =>
      deployment.events.some(
        ({ type, reason }) => type === 'token.refused' && reason?.includes('no_client_to_gateway_policy'),
      ),
    );
    await deployment.configure([policy({})]);
    expect((await agent.refresh(body['refresh_token'])).status).toBe(200);
  });

  test('of a provider that is no longer trusted is refused', async () => {
    const agent = await TestAgent.register(deployment);
    const { body } = await agent.connect();
    const document = {
      kind: 'TrustProvider' as const,
      name: 'test',
      spec: {
        displayName: 'Test provider',
        issuer: deployment.provider.issuer,
        clientId: 'sallyport',
        clientSecret: { env: 'UNUSED' },
        scopes: ['openid'],
        claims: { subject: 'sub', email: 'email', name: 'name', groups: 'groups' },
      },
    };
    await deployment.configure([], [{ kind: 'TrustProvider', name: 'test' }]);
    expect((await agent.refresh(body['refresh_token'])).body['error']).toBe('invalid_grant');
    await deployment.configure([document]);
    expect((await agent.refresh(body['refresh_token'])).status).toBe(200);
  });
});

test('a scope nobody is entitled to is left out, and with none asked for the roles decide (R11, R32)', async () => {
  const agent = await TestAgent.register(deployment);
  const some = await agent.connect({ scope: 'notes.read notes.admin unknown.scope' });
  expect([some.body['scope'], decodeJwt(String(some.body['access_token']))['scope']]).toEqual([
    'notes.read',
    'notes.read',
  ]);
  const all = await (await TestAgent.register(deployment)).connect({ scope: undefined });
  expect(decodeJwt(String(all.body['access_token']))['scope']).toBe('notes.read notes.write');
  const none = await (await TestAgent.register(deployment)).connect({ scope: 'notes.admin' });
  expect(decodeJwt(String(none.body['access_token']))['scope']).toBe('');
});

test.each(['openid profile email', 'mcp:tools', 'read write offline_access', 'openid profile email offline_access'])(
  'scopes that mean nothing here (%s) are as if nobody had asked: all the roles give, and the page blames nobody (R11, R32)',
  async (scope) => {
    const agent = await TestAgent.register(deployment);
    const consent = await agent.press(await agent.open({ scope }), /^Continue with/);
    expect(consent.html).toContain('notes.write');
    for (const words of ['Your roles', 'your roles do not', 'asked for']) expect(consent.html).not.toContain(words);
    const { searchParams } = (await agent.press(consent, 'Allow')).url;
    expect(decodeJwt(String((await agent.redeem(searchParams.get('code'))).body['access_token']))['scope']).toBe(
      'notes.read notes.write',
    );
  },
);

test('a scope that is in use here and not among the roles is named on the page as that, alone and beside others (R11, R32)', async () => {
  const agent = await TestAgent.register(deployment);
  const alone = await agent.press(await agent.open({ scope: 'notes.admin mcp:tools' }), /^Continue with/);
  expect(alone.html).toMatch(
    /use only what needs no scope\.\s*<\/p>[\s\S]*It asked for notes\.admin, which your roles do not include/,
  );
  expect(alone.html).not.toContain('Your roles give none');
  const beside = await agent.open({ scope: 'notes.admin notes.read' });
  expect(beside.html).toContain('It also asked for notes.admin, which your roles do not include');
  deployment.provider.account = { ...alice, groups: [] };
  const roleless = new TestAgent(deployment, agent.clientId);
  expect((await roleless.press(await roleless.open({ scope: 'mcp:tools' }), /^Continue with/)).html).toContain(
    'Your roles give none.',
  );
});

describe('a refresh that names scopes', () => {
  test.each([
    'notes.read offline_access',
    'openid profile notes.read offline_access',
    'notes.read notes.admin mcp:tools',
    'offline_access',
    'mcp:tools',
    'notes.admin',
  ])('exactly as the authorization did (%s) is for what was granted of them (R48)', async (scope) => {
    const agent = await TestAgent.register(deployment);
    const { body } = await agent.connect({ scope });
    const refreshed = await agent.refresh(body['refresh_token'], { scope, resource: deployment.resource });
    expect([refreshed.status, refreshed.body['scope'], refreshed.body['id_token'] === undefined]).toEqual([
      200,
      body['scope'],
      body['id_token'] === undefined,
    ]);
    expect(decodeJwt(String(refreshed.body['access_token']))['scope']).toBe(
      decodeJwt(String(body['access_token']))['scope'],
    );
  });

  test('gets fewer when it asks for fewer, and none that the authorization was never asked for (R48, R11)', async () => {
    const agent = await TestAgent.register(deployment);
    const first = await agent.connect({ scope: 'notes.read' });
    const wider = await agent.refresh(first.body['refresh_token'], { scope: 'notes.read notes.write' });
    expect([wider.status, wider.body['error']]).toEqual([400, 'invalid_scope']);
    const both = await agent.connect({ scope: 'notes.read notes.write' });
    expect((await agent.refresh(both.body['refresh_token'], { scope: 'notes.write profile' })).body['scope']).toBe(
      'notes.write',
    );
    const other = await TestAgent.register(deployment);
    expect((await other.refresh(first.body['refresh_token'], { scope: 'notes.read' })).body['error']).toBe(
      'invalid_grant',
    );
  });
});

test('two authorizations of one agent by one human have two sessions, and revoking one leaves the other (S4)', async () => {
  const agent = await TestAgent.register(deployment);
  const first = await agent.connect();
  const second = await agent.connect();
  const [one, two] = [sidOf(first.body['access_token']), sidOf(second.body['access_token'])];
  expect(one).not.toBe(two);
  await deployment.revoke({ type: 'session', sid: one });
  expect((await agent.refresh(first.body['refresh_token'])).body['error']).toBe('invalid_grant');
  expect((await agent.refresh(second.body['refresh_token'])).status).toBe(200);
});

test('a token request never says why it was refused, only the trail does (S30)', async () => {
  const agent = await TestAgent.register(deployment);
  const { body } = await agent.refresh('no-such-token');
  expect(body).toEqual({ error: 'invalid_grant', error_description: 'grant request is invalid' });
});
