import { decodeJwt } from 'jose';
import { eventually } from '@sallyport/testing';
import { systemClock } from '@sallyport/kernel';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { endOverdueSessions } from '../lifecycle/end-overdue-sessions.js';
import { createEndSession } from '../lifecycle/end-session.js';
import { AgentSessions } from '../storage/agent-sessions.js';
import { ArtifactStore } from '../storage/artifact-store.js';
import { TestAgent, type TokenAnswer } from '../testing/test-agent.js';
import { startTestDeployment, type TestDeployment } from '../testing/test-deployment.js';

let deployment: TestDeployment;
beforeAll(async () => (deployment = await startTestDeployment()));
afterAll(() => deployment.close());
afterEach(() => deployment.configure([], [{ kind: 'AuthorizationServer', name: 'default' }]));

const live = (lifetimes: { accessToken?: string; sessionIdle?: string; session?: string }) =>
  deployment.configure([
    {
      kind: 'AuthorizationServer',
      name: 'default',
      spec: {
        lifetimes: { accessToken: '15m', machineToken: '10m', sessionIdle: '14d', session: '90d', ...lifetimes },
        signingKeys: { algorithm: 'ES256', rotateEvery: '90d', publishAhead: '10m' },
      },
    },
  ]);
const lifetimeOf = ({ body }: TokenAnswer) => {
  const { iat = 0, exp = 0 } = decodeJwt(String(body['access_token']));
  return [exp - iat, body['expires_in']];
};
const sidOf = ({ body }: TokenAnswer) => String(decodeJwt(String(body['access_token']))['sid']);
const ago = (days: number) => new Date(Date.now() - days * 86_400_000);
const endedAt = async (sid: string) =>
  (await deployment.database.agentSession.findUniqueOrThrow({ where: { sid } })).endedAt;

describe('an access token', () => {
  test('lives 15 minutes unless configured otherwise, from the next token on (R47)', async () => {
    const agent = await TestAgent.register(deployment);
    const first = await agent.connect();
    expect(lifetimeOf(first)).toEqual([900, 900]);
    await live({ accessToken: '5m' });
    expect(lifetimeOf(await agent.refresh(first.body['refresh_token']))).toEqual([300, 300]);
  });

  test('never lives longer than an hour, whatever configuration arrives (R47)', async () => {
    await live({ accessToken: '7d' });
    expect(lifetimeOf(await (await TestAgent.register(deployment)).connect())).toEqual([3600, 3600]);
  });
});

describe('an agent session', () => {
  test('that nobody refreshed for the idle time is ended instead of refreshed, and the trail says so (R86)', async () => {
    const agent = await TestAgent.register(deployment);
    const answer = await agent.connect();
    const sid = sidOf(answer);
    await deployment.database.agentSession.update({ where: { sid }, data: { lastUsedAt: ago(15) } });
    expect((await agent.refresh(answer.body['refresh_token'])).body['error']).toBe('invalid_grant');
    expect(await endedAt(sid)).not.toBeNull();
    await eventually(() =>
      deployment.events.some(
        (event) => event.type === 'token.revoked' && event.sid === sid && event.reason === 'not used for too long',
      ),
    );
  });

  test('lives on with every refresh, and by the idle time as it is now (R86)', async () => {
    const agent = await TestAgent.register(deployment);
    const first = await agent.connect();
    await deployment.database.agentSession.update({ where: { sid: sidOf(first) }, data: { lastUsedAt: ago(13) } });
    const second = await agent.refresh(first.body['refresh_token']);
    expect(second.status).toBe(200);
    await live({ sessionIdle: '1h' });
    const third = await agent.refresh(second.body['refresh_token']);
    expect(third.status).toBe(200);
    await deployment.database.agentSession.update({ where: { sid: sidOf(first) }, data: { lastUsedAt: ago(0.5) } });
    expect((await agent.refresh(third.body['refresh_token'])).body['error']).toBe('invalid_grant');
  });

  test('ends after the whole time however much it is used (R86)', async () => {
    const agent = await TestAgent.register(deployment);
    const answer = await agent.connect();
    await deployment.database.agentSession.update({ where: { sid: sidOf(answer) }, data: { createdAt: ago(91) } });
    expect((await agent.refresh(answer.body['refresh_token'])).body['error']).toBe('invalid_grant');
    expect(await endedAt(sidOf(answer))).not.toBeNull();
  });

  test('nobody comes back for is ended in the background, by one of many replicas (R86)', async () => {
    const answers = await Promise.all([1, 2].map(async () => (await TestAgent.register(deployment)).connect()));
    const [unused = '', used = ''] = answers.map(sidOf);
    await deployment.database.agentSession.update({ where: { sid: unused }, data: { lastUsedAt: ago(15) } });
    const told: (string | undefined)[] = [];
    const sessions = new AgentSessions(deployment.database);
    const endSession = createEndSession({
      store: new ArtifactStore(deployment.database, deployment.sealer, systemClock),
      sessions,
      record: ({ sid }) => void told.push(sid),
    });
    const lifetimes = {
      accessToken: 900,
      machineToken: 600,
      sessionIdle: 14 * 86_400,
      session: 90 * 86_400,
      refreshRepeat: 900,
    };
    await Promise.all([1, 2, 3].map(() => endOverdueSessions({ sessions, lifetimes, endSession, clock: systemClock })));
    expect(told).toEqual([unused]);
    expect([await endedAt(unused), await endedAt(used)]).toEqual([expect.any(Date), null]);
  });
});
