import { decodeJwt } from 'jose';
import { eventually } from '@sallyport/testing';
import type { RunningService } from '@sallyport/process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { register, TestAgent, type TokenAnswer } from '../testing/test-agent.js';
import { startTestDeployment, type TestDeployment } from '../testing/test-deployment.js';

let deployment: TestDeployment;
let replica: RunningService;
beforeAll(async () => {
  deployment = await startTestDeployment({ trustedProxies: ['127.0.0.1'] });
  replica = await deployment.startReplica();
  await eventually(() => replica.readiness().status === 'ready', { until: 'the other replica is ready' });
});
afterAll(async () => {
  await replica.close();
  await deployment.close();
});

const refreshAt = async (
  issuer: string,
  agent: TestAgent,
  token: unknown,
  headers: Record<string, string> = {},
): Promise<TokenAnswer> => {
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers,
    body: new URLSearchParams({ client_id: agent.clientId, grant_type: 'refresh_token', refresh_token: String(token) }),
  });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  };
};
const sidOf = (answer: TokenAnswer) => String(decodeJwt(String(answer.body['access_token']))['sid']);
const refreshTokens = () => deployment.database.oidcArtifact.count({ where: { kind: 'RefreshToken' } });
/** As if every token that was spent had been spent that much earlier. */
const spentAgo = async (seconds: number) => {
  await deployment.database
    .$executeRaw`UPDATE "OidcArtifact" SET "consumedAt" = "consumedAt" - ${seconds}::float8 * interval '1 second' WHERE kind = 'RefreshToken' AND "consumedAt" IS NOT NULL`;
  await deployment.database
    .$executeRaw`UPDATE "OidcArtifact" SET "expiresAt" = "expiresAt" - ${seconds}::float8 * interval '1 second' WHERE kind = 'RefreshTokenSuccessor'`;
};
const isEnded = async (answer: TokenAnswer) =>
  (await deployment.database.agentSession.findUniqueOrThrow({ where: { sid: sidOf(answer) } })).endedAt !== null;
const told = (type: string, answer: TokenAnswer) =>
  deployment.events.filter((event) => event.type === type && event.sid === sidOf(answer)).map(({ reason }) => reason);
const setRepeat = (refreshRepeat: string) =>
  deployment.configure([
    {
      kind: 'AuthorizationServer',
      name: 'default',
      spec: {
        lifetimes: { accessToken: '15m', machineToken: '10m', sessionIdle: '14d', session: '90d', refreshRepeat },
        signingKeys: { algorithm: 'ES256', rotateEvery: '90d', publishAhead: '10m' },
      },
    },
  ] as never);
const [home, elsewhere] = [{ 'x-forwarded-for': '198.51.100.7' }, { 'x-forwarded-for': '203.0.113.9' }];
const STALE = 'a stale copy of a refresh token: it was spent before, and comes from where its session is used';
const THEFT = 'a spent refresh token came from another network than its session is used from: it may have been stolen';

describe('a refresh token', () => {
  test('rotates, and the successor continues the same agent session (R48)', async () => {
    const agent = await TestAgent.register(deployment);
    const first = await agent.connect();
    const second = await agent.refresh(first.body['refresh_token']);
    const third = await agent.refresh(second.body['refresh_token']);
    expect(new Set([first, second, third].map(({ body }) => body['refresh_token'])).size).toBe(3);
    expect(new Set([first, second, third].map(sidOf)).size).toBe(1);
  });

  test('whose answer was lost yields the same successor again, which then works (S9, R48)', async () => {
    const agent = await TestAgent.register(deployment);
    const { body } = await agent.connect();
    const answers = [
      await agent.refresh(body['refresh_token']),
      await agent.refresh(body['refresh_token']),
      await refreshAt(replica.urls['issuer'] ?? '', agent, body['refresh_token']),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(new Set(answers.map((answer) => answer.body['refresh_token'])).size).toBe(1);
    expect((await agent.refresh(answers[0]?.body['refresh_token'])).status).toBe(200);
  });

  test('presented to two replicas at once by many has exactly one successor, told to all (S8, S9)', async () => {
    const agent = await TestAgent.register(deployment);
    const { body } = await agent.connect();
    const before = await refreshTokens();
    const issuers = [deployment.issuer, replica.urls['issuer'] ?? ''];
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, index) => refreshAt(issuers[index % 2] ?? '', agent, body['refresh_token'])),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 12 }, () => 200));
    expect(new Set(answers.map((answer) => answer.body['refresh_token'])).size).toBe(1);
    expect(await refreshTokens()).toBe(before + 1);
    expect(new Set(answers.map(sidOf)).size).toBe(1);
  });

  test.each([48, 14 * 60])(
    'whose answer was lost yields the same successor %i seconds later, which was never used (S9)',
    async (seconds) => {
      const agent = await TestAgent.register(deployment);
      agent.headers = home;
      const first = await agent.connect();
      const second = await agent.refresh(first.body['refresh_token']);
      await spentAgo(seconds);
      const again = await agent.refresh(first.body['refresh_token']);
      expect([again.status, again.body['refresh_token']]).toEqual([200, second.body['refresh_token']]);
      expect((await agent.refresh(second.body['refresh_token'])).status).toBe(200);
    },
  );

  test('may be repeated for as long as an administrator says, and then ends nothing (S9)', async () => {
    const agent = await TestAgent.register(deployment);
    agent.headers = home;
    const refreshed = async () => {
      const first = await agent.connect();
      const second = await agent.refresh(first.body['refresh_token']);
      await spentAgo(20 * 60);
      return [
        (await agent.refresh(first.body['refresh_token'])).status,
        (await agent.refresh(second.body['refresh_token'])).status,
      ];
    };
    expect(await refreshed()).toEqual([400, 200]);
    await setRepeat('30m');
    expect(await refreshed()).toEqual([200, 200]);
    await setRepeat('2m');
    const first = await agent.connect();
    await agent.refresh(first.body['refresh_token']);
    await spentAgo(3 * 60);
    expect((await agent.refresh(first.body['refresh_token'])).status).toBe(400);
    await setRepeat('15m');
  });

  test('that is a copy two rotations old, where its session is used, is refused in words that help; the newest lives, and the trail says why (S9, R80)', async () => {
    const agent = await TestAgent.register(deployment);
    agent.headers = home;
    const first = await agent.connect();
    const second = await agent.refresh(first.body['refresh_token']);
    const third = await agent.refresh(second.body['refresh_token']);
    const stale = await agent.refresh(first.body['refresh_token']);
    expect([stale.status, stale.body]).toEqual([
      400,
      {
        error: 'invalid_grant',
        error_description:
          'this refresh token was used before, and a newer one took its place: read what is stored, or authorize anew',
      },
    ]);
    await spentAgo(3 * 86_400); // however old
    expect((await agent.refresh(first.body['refresh_token'])).body['error']).toBe('invalid_grant');
    expect((await agent.refresh(third.body['refresh_token'])).status).toBe(200);
    expect(await isEnded(first)).toBe(false);
    await eventually(() => told('token.refused', first).length === 2);
    expect(told('token.refused', first)).toEqual([STALE, STALE]);
  });

  test.each<[string, (agent: TestAgent, second: TokenAnswer) => Promise<unknown>]>([
    ['after its successor was used', (agent, second) => agent.refresh(second.body['refresh_token'])],
    ['after a minute, though its successor was never used', () => spentAgo(60)],
  ])(
    'that comes from another network %s ends the family and the agent session, and the trail says why (S9, R48)',
    async (_when, before) => {
      const agent = await TestAgent.register(deployment);
      agent.headers = home;
      const first = await agent.connect();
      const second = await agent.refresh(first.body['refresh_token']);
      await before(agent, second);
      agent.headers = elsewhere;
      expect((await agent.refresh(first.body['refresh_token'])).body).toEqual({
        error: 'invalid_grant',
        error_description: 'grant request is invalid',
      });
      agent.headers = home;
      expect((await agent.refresh(second.body['refresh_token'])).body['error']).toBe('invalid_grant');
      expect(await isEnded(first)).toBe(true);
      await eventually(() => told('token.revoked', first).length > 0);
      expect(told('token.revoked', first)).toEqual([THEFT]);
    },
  );

  test('that a thief uses first ends the family when its agent comes: neither has it then (R48)', async () => {
    const agent = await TestAgent.register(deployment);
    agent.headers = home;
    const first = await agent.connect();
    agent.headers = elsewhere; // whoever stole it before it was used
    const stolen = await agent.refresh((await agent.refresh(first.body['refresh_token'])).body['refresh_token']);
    expect(stolen.status).toBe(200);
    agent.headers = home;
    expect((await agent.refresh(first.body['refresh_token'])).body['error']).toBe('invalid_grant');
    agent.headers = elsewhere;
    expect((await agent.refresh(stolen.body['refresh_token'])).body['error']).toBe('invalid_grant');
  });

  test('shown by an agent that authenticates is a copy of its own, from wherever it comes (S9)', async () => {
    const registered = await register(deployment, { token_endpoint_auth_method: 'client_secret_post' });
    const agent = new TestAgent(deployment, String(registered.body['client_id']));
    const secret = { client_secret: String(registered.body['client_secret']) };
    agent.headers = home;
    const first = await agent.redeem((await agent.authorize()).get('code'), secret);
    const second = await agent.refresh(first.body['refresh_token'], secret);
    agent.headers = elsewhere; // hosted agents have many addresses
    await spentAgo(60);
    expect((await agent.refresh(first.body['refresh_token'], secret)).body['refresh_token']).toBe(
      second.body['refresh_token'],
    );
    const third = await agent.refresh(second.body['refresh_token'], secret);
    agent.headers = home;
    expect((await agent.refresh(first.body['refresh_token'], secret)).body['error']).toBe('invalid_grant');
    expect((await agent.refresh(third.body['refresh_token'], secret)).status).toBe(200);
    expect((await agent.refresh(third.body['refresh_token'])).status).toBe(401); // and nobody else is that agent
  });

  test('whose successor somebody uses in the middle of a repeat is refused, and ends nothing (S9)', async () => {
    const agent = await TestAgent.register(deployment);
    agent.headers = home;
    const first = await agent.connect();
    const second = await agent.refresh(first.body['refresh_token']);
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        refreshAt(deployment.issuer, agent, (index % 2 === 0 ? first : second).body['refresh_token'], home),
      ),
    );
    expect(answers.filter(({ body }) => body['error'] !== undefined && body['error'] !== 'invalid_grant')).toEqual([]);
    const living = new Set(answers.filter((_, index) => index % 2 === 1).map(({ body }) => body['refresh_token']));
    expect(living.size).toBe(1);
    for (const token of living) expect((await agent.refresh(token)).status).toBe(200);
  });

  test('in the hands of another agent yields no successor, and costs its owner nothing (S9)', async () => {
    const [agent, thief] = await Promise.all([TestAgent.register(deployment), TestAgent.register(deployment)]);
    const { body } = await agent.connect();
    const second = await agent.refresh(body['refresh_token']);
    expect((await thief.refresh(body['refresh_token'])).body).toEqual({
      error: 'invalid_grant',
      error_description: 'grant request is invalid',
    });
    expect((await agent.refresh(second.body['refresh_token'])).status).toBe(200);
  });

  test('within the grace is still refused when the session was revoked (S28)', async () => {
    const agent = await TestAgent.register(deployment);
    const first = await agent.connect();
    await agent.refresh(first.body['refresh_token']);
    await deployment.revoke({ type: 'session', sid: sidOf(first) });
    expect((await agent.refresh(first.body['refresh_token'])).body['error']).toBe('invalid_grant');
  });

  test('is not to be found in the database, and neither is its successor, even with the master key (S8, S9)', async () => {
    const agent = await TestAgent.register(deployment);
    const first = await agent.connect();
    const second = await agent.refresh(first.body['refresh_token']);
    const rows = await deployment.database.oidcArtifact.findMany({ where: { kind: 'RefreshTokenSuccessor' } });
    expect(rows.length).toBeGreaterThan(0);
    for (const { kind, idDigest, payload } of rows) {
      const opened = deployment.sealer.open('oidc-artifact', payload, `${kind}/${idDigest}`).toString();
      expect(opened).not.toContain(String(first.body['refresh_token']));
      expect(opened).not.toContain(String(second.body['refresh_token']));
    }
  });
});
