import { decodeJwt } from 'jose';
import { systemClock } from '@sallyport/kernel';
import { eventually } from '@sallyport/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reportEndedSessions } from '../lifecycle/report-ended-sessions.js';
import { AgentSessions } from '../storage/agent-sessions.js';
import { TestAgent } from '../testing/test-agent.js';
import { startTestDeployment, type TestDeployment } from '../testing/test-deployment.js';

let deployment: TestDeployment;
beforeAll(async () => (deployment = await startTestDeployment({ trustedProxies: ['127.0.0.1'] })));
afterAll(() => deployment.close());

const row = (sid: string) => deployment.database.agentSession.findUniqueOrThrow({ where: { sid } });
const begin = async (of: TestDeployment = deployment) => {
  const agent = await TestAgent.register(of);
  agent.browser.headers = { 'user-agent': `Browser/1 ${'x'.repeat(400)}`, 'x-forwarded-for': '203.0.113.9' };
  const answer = await agent.connect();
  return { agent, answer, sid: String(decodeJwt(String(answer.body['access_token']))['sid']) };
};

describe('an agent session', () => {
  test('says who began it where, through proxies that count, and where it was used last (S2, R13)', async () => {
    const { agent, answer, sid } = await begin();
    expect(await row(sid)).toMatchObject({
      agentName: 'Test agent',
      assurance: 'asserted',
      redirectHost: '127.0.0.1',
      userAgent: expect.stringMatching(/^Browser\/1 x{246}$/) as string,
      sourceAddress: '203.0.113.9',
      lastUsedAddress: '203.0.113.9',
      identitySessionId: expect.stringMatching(/^ids_/) as string,
    });
    await fetch(`${deployment.issuer}/token`, {
      method: 'POST',
      headers: { 'x-forwarded-for': '198.51.100.4' },
      body: new URLSearchParams({
        client_id: agent.clientId,
        grant_type: 'refresh_token',
        refresh_token: String(answer.body['refresh_token']),
      }),
    });
    expect(await row(sid)).toMatchObject({ sourceAddress: '203.0.113.9', lastUsedAddress: '198.51.100.4' });
  });

  test('believes no address that nobody vouches for (S19)', async () => {
    const open = await startTestDeployment();
    try {
      const { sid } = await begin(open);
      expect(await open.database.agentSession.findUniqueOrThrow({ where: { sid } })).toMatchObject({
        sourceAddress: '127.0.0.1',
      });
    } finally {
      await open.close();
    }
  });

  test('of one installation is revoked, and the same client elsewhere goes on for the same human (S4, R85)', async () => {
    const laptop = await begin();
    const phone = new TestAgent(deployment, laptop.agent.clientId);
    const onPhone = await phone.connect();
    await deployment.revoke({ type: 'session', sid: laptop.sid });
    expect((await laptop.agent.refresh(laptop.answer.body['refresh_token'])).body['error']).toBe('invalid_grant');
    expect((await phone.refresh(onPhone.body['refresh_token'])).status).toBe(200);
  });
});

describe('a revocation', () => {
  test.each([
    ['a user', 'user', { A1: false, A2: false, B1: true, B2: true }],
    ['an agent', 'agent', { A1: false, A2: true, B1: false, B2: true }],
    ['a user with an agent', 'user-agent', { A1: false, A2: true, B1: true, B2: true }],
    ['a session', 'session', { A1: false, A2: true, B1: true, B2: true }],
  ] as const)('of %s reaches exactly that (R85, R4)', async (_what, type, expected) => {
    const clients = await Promise.all([TestAgent.register(deployment), TestAgent.register(deployment)]);
    const sessions: { name: string; agent: TestAgent; token: unknown; sid: string; sub: string; clientId: string }[] =
      [];
    for (const human of ['A', 'B']) {
      for (const [index, { clientId }] of clients.entries()) {
        deployment.provider.account = { sub: `${type}-${human}`, email: 'x@example.com', groups: ['engineering'] };
        const agent = new TestAgent(deployment, clientId);
        const { body } = await agent.connect();
        const { sid, sub } = decodeJwt<{ sid: string; sub: string }>(String(body['access_token']));
        sessions.push({
          name: `${human}${index + 1}`,
          agent,
          token: body['refresh_token'],
          sid,
          sub: sub ?? '',
          clientId,
        });
      }
    }
    const { sub: userId, clientId, sid } = sessions[0] ?? expect.fail('nobody connected');
    await deployment.revoke(
      {
        user: { type: 'user' as const, userId },
        agent: { type: 'agent' as const, clientId },
        'user-agent': { type: 'user-agent' as const, userId, clientId },
        session: { type: 'session' as const, sid },
      }[type],
    );
    const alive = await Promise.all(
      sessions.map(async ({ name, agent, token }) => [name, (await agent.refresh(token)).status === 200]),
    );
    expect(Object.fromEntries(alive)).toEqual(expected);
  });
});

describe('the end of an agent session', () => {
  const secondsAgo = (seconds: number) => new Date(Date.now() - seconds * 1000);
  const sweep = async () => {
    const told: (string | undefined)[] = [];
    await reportEndedSessions({
      sessions: new AgentSessions(deployment.database),
      record: ({ sid }) => void told.push(sid),
      clock: systemClock,
    });
    return told;
  };
  /** As if whoever ended it died before saying so. */
  const endSilently = (sid: string, seconds: number) =>
    deployment.database.agentSession.update({
      where: { sid },
      data: { endedAt: secondsAgo(seconds), endReason: 'not used for too long', reportedAgainAt: null },
    });

  test('that nobody was told of is told of by the next tick of any replica, under one id (S28, R86)', async () => {
    const { sid } = await begin();
    await endSilently(sid, 30);
    await eventually(
      () =>
        deployment.events.some(
          (event) => event.type === 'token.revoked' && event.sid === sid && event.reason === 'not used for too long',
        ),
      { timeoutMs: 20_000 },
    );
    await endSilently(sid, 30);
    await eventually(async () => (await row(sid)).reportedAgainAt !== null, { timeoutMs: 20_000 });
    expect(deployment.events.filter((event) => event.sid === sid && event.type === 'token.revoked')).toHaveLength(1);
  });

  test('is told of by one of many, once a minute until a revocation came of it (S28)', async () => {
    await deployment.service.close(); // whose own ticks would take part
    const [untold, told, fresh, old] = await Promise.all(
      ['untold', 'told', 'fresh', 'old'].map(async (name) => {
        const sid = `ses_${name}`;
        await deployment.database.agentSession.create({
          data: {
            sid,
            userId: 'usr_x',
            clientId: 'c',
            agentName: 'n',
            assurance: 'asserted',
            grantDigest: name,
            endedAt: secondsAgo(name === 'fresh' ? 1 : name === 'old' ? 7_200 : 30),
          },
        });
        return sid;
      }),
    );
    await deployment.database.revocation.create({
      data: { id: 'rev_told', subjectType: 'session', subject: { type: 'session', sid: told ?? '' }, notBefore: 1 },
    });
    const ours = (sids: readonly (string | undefined)[]) =>
      sids.filter((sid) => [untold, told, fresh, old].includes(sid));
    expect(ours((await Promise.all([sweep(), sweep(), sweep()])).flat())).toEqual([untold]);
    expect(ours(await sweep())).toEqual([]);
    await deployment.database.agentSession.update({
      where: { sid: untold ?? '' },
      data: { reportedAgainAt: secondsAgo(61) },
    });
    expect(ours(await sweep())).toEqual([untold]);
  });

  test('is told of in batches', async () => {
    await deployment.database.agentSession.createMany({
      data: Array.from({ length: 250 }, (_, index) => ({
        sid: `ses_batch_${index}`,
        userId: 'usr_x',
        clientId: 'c',
        agentName: 'n',
        assurance: 'asserted',
        grantDigest: `batch-${index}`,
        endedAt: secondsAgo(600),
      })),
    });
    const [first, second] = [await sweep(), await sweep()];
    expect([first.length, second.length]).toEqual([200, 50]);
    expect(new Set([...first, ...second]).size).toBe(250);
  });
});
