import { decodeJwt } from 'jose';
import { eventually } from '@sallyport/testing';
import type { RunningService } from '@sallyport/http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestAgent, type TokenAnswer } from './testing/test-agent.js';
import { startTestDeployment, type TestDeployment } from './testing/test-deployment.js';

let deployment: TestDeployment;
let replica: RunningService;
beforeAll(async () => {
  deployment = await startTestDeployment();
  replica = await deployment.startReplica();
  await eventually(() => replica.readiness().status === 'ready', { until: 'the other replica is ready' });
});
afterAll(async () => {
  await replica.close();
  await deployment.close();
});

const refreshAt = async (issuer: string, agent: TestAgent, token: unknown): Promise<TokenAnswer> => {
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
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
const endGrace = () =>
  deployment.database.oidcArtifact.updateMany({
    where: { kind: 'RefreshTokenSuccessor' },
    data: { expiresAt: new Date(Date.now() - 1) },
  });

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

  test('that comes back after its successor was used ends the family and the agent session (S9, R48)', async () => {
    const agent = await TestAgent.register(deployment);
    const first = await agent.connect();
    const second = await agent.refresh(first.body['refresh_token']);
    const third = await agent.refresh(second.body['refresh_token']);
    expect((await agent.refresh(first.body['refresh_token'])).body['error']).toBe('invalid_grant');
    expect((await agent.refresh(third.body['refresh_token'])).body['error']).toBe('invalid_grant');
    const session = await deployment.database.agentSession.findUniqueOrThrow({ where: { sid: sidOf(first) } });
    expect(session.endedAt).not.toBeNull();
    await eventually(() => deployment.events.some(({ type, sid }) => type === 'token.revoked' && sid === session.sid));
  });

  test('that comes back after the grace ends the family, though its successor was never used (S9, R48)', async () => {
    const agent = await TestAgent.register(deployment);
    const first = await agent.connect();
    const second = await agent.refresh(first.body['refresh_token']);
    await endGrace();
    const replays = await Promise.all(
      [deployment.issuer, replica.urls['issuer'] ?? ''].map((issuer) =>
        refreshAt(issuer, agent, first.body['refresh_token']),
      ),
    );
    expect(replays.map(({ body }) => body['error'])).toEqual(['invalid_grant', 'invalid_grant']);
    expect((await agent.refresh(second.body['refresh_token'])).body['error']).toBe('invalid_grant');
    await eventually(() => deployment.events.some(({ type, sid }) => type === 'token.revoked' && sid === sidOf(first)));
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
