import { createTestAuthority, eventually, startHttpsServer } from '@sallyport/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { register, TestAgent } from './testing/test-agent.js';
import { wayBack } from './testing/test-browser.js';
import { startTestDeployment, type TestDeployment } from './testing/test-deployment.js';

let deployment: TestDeployment;
let documents: Awaited<ReturnType<typeof startHttpsServer>>;
const fetched: string[] = [];

beforeAll(async () => {
  const authority = await createTestAuthority();
  documents = await startHttpsServer(authority, (request, response) => {
    fetched.push(request.url ?? '');
    if (request.url !== '/never') response.writeHead(request.url === '/broken' ? 500 : 404).end();
  }, { host: '127.0.0.1' });
  deployment = await startTestDeployment({ extraCertificateAuthorities: [authority.certificate] });
  await deployment.configure([{ kind: 'OutboundNetwork', name: 'default', spec: { allow: [{ host: '127.0.0.1', http: true }] } }]);
});
afterAll(async () => {
  await deployment.close();
  await documents.close();
});
afterEach(async () => {
  await deployment.configure([], [{ kind: 'AuthorizationServer', name: 'default' }]);
  fetched.length = 0;
});

interface Limits {
  readonly authorize?: { total?: number; client?: number };
  readonly token?: { total?: number; client?: number };
  readonly register?: { total?: number };
  readonly status?: { total?: number; client?: number };
  readonly user?: number;
  readonly documents?: { total?: number; host?: number };
}
const limit = (limits: Limits) =>
  deployment.configure([{ kind: 'AuthorizationServer', name: 'default', spec: { lifetimes: { accessToken: '15m', machineToken: '10m', sessionIdle: '14d', session: '90d' }, signingKeys: { algorithm: 'ES256', rotateEvery: '90d', publishAhead: '10m' }, limits } }]);
const tooMany = { status: 429, body: { error: 'temporarily_unavailable', error_description: 'too many requests: try again later' } };
const form = (path: string, parameters: Record<string, string>, headers: Record<string, string> = {}) => fetch(`${deployment.issuer}${path}`, { method: 'POST', body: new URLSearchParams(parameters), headers });
/**
 * Each test spends a budget of its own. What little was spent before, under a larger one, may put off the last of the
 * `budget` by some milliseconds: a refusal before that is not the end. @returns how many were accepted
 */
const spend = async (answer: () => Promise<{ status: number }>, budget = 0) => {
  let accepted = 0;
  await eventually(async () => {
    const isRefused = (await answer()).status === 429;
    if (!isRefused) accepted += 1;
    return isRefused && accepted >= budget;
  }, { until: 'the budget is spent' });
  return accepted;
};

describe('everybody together', () => {
  test('can send only so many requests to an endpoint in a minute, and is told when to come back; the others go on', async () => {
    await limit({ register: { total: 3 } });
    await spend(() => register(deployment), 3);
    const refused = await register(deployment);
    expect(refused).toMatchObject(tooMany);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(20);
    expect(refused.headers.get('cache-control')).toBe('no-store');
    await limit({});
    expect((await (await TestAgent.register(deployment)).connect()).status).toBe(200);
  });

  test('sees a page where a browser asks, with nothing granted', async () => {
    const agent = await TestAgent.register(deployment);
    await limit({ authorize: { total: 1 } });
    await spend(async () => ({ status: (await agent.open()).status }), 1);
    const page = await agent.open();
    expect([page.status, page.html.includes('Too many requests'), page.headers.get('content-security-policy')?.includes("default-src 'none'")]).toEqual([429, true, true]);
    expect(Number(page.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  test.each(['/revoke', '/introspect', '/token', '/par'])('gets the same answer at %s', async (path) => {
    await limit({ status: { total: 1 }, token: { total: 1 }, authorize: { total: 1 } });
    await spend(() => form(path, { token: 'x' }));
    const refused = await form(path, { token: 'x' });
    expect({ status: refused.status, body: await refused.json() }).toEqual(tooMany);
  });
});

describe('one agent', () => {
  test('that comes too often waits, keeps its session, and holds up no other behind the same address', async () => {
    const [eager, other] = [await TestAgent.register(deployment), await TestAgent.register(deployment)];
    let { body } = await eager.connect();
    const spared = await other.connect();
    await limit({ token: { client: 4 } });
    const refreshes = await spend(async () => {
      const answer = await eager.refresh(body['refresh_token']);
      if (answer.status === 200) body = answer.body;
      return answer;
    });
    expect(refreshes).toBeLessThanOrEqual(4);
    expect(await eager.refresh(body['refresh_token'])).toMatchObject(tooMany);
    expect((await other.refresh(spared.body['refresh_token'])).status).toBe(200);
    await limit({});
    expect((await eager.refresh(body['refresh_token'])).status).toBe(200);
  });

  test('pays for what it proved to be, not for what others say in its name', async () => {
    const agent = await TestAgent.register(deployment);
    const { body } = await agent.connect();
    const confidential = (await register(deployment, { token_endpoint_auth_method: 'client_secret_basic' })).body;
    await limit({ token: { client: 2 }, status: { client: 2 } });
    for (let guess = 0; guess < 6; guess++) {
      expect((await agent.refresh('guessed')).status).toBe(400);
      expect((await form('/token', { client_id: String(confidential['client_id']), client_secret: 'guessed', grant_type: 'client_credentials' })).status).toBe(401);
      expect((await form('/introspect', { client_id: String(confidential['client_id']), client_secret: 'guessed', token: 'x' })).status).toBe(401);
      expect((await form('/revoke', { client_id: agent.clientId, token: 'guessed' })).status).toBe(200);
    }
    expect((await agent.refresh(body['refresh_token'])).status).toBe(200);
    const basic = `Basic ${Buffer.from(`${confidential['client_id']}:${confidential['client_secret']}`).toString('base64')}`;
    expect(await spend(() => form('/introspect', { token: 'x' }, { authorization: basic }))).toBe(2);
  });

  test('is the one named where nothing is proven: at the authorization endpoint', async () => {
    const [eager, other] = [await TestAgent.register(deployment), await TestAgent.register(deployment)];
    await limit({ authorize: { client: 3 } });
    for (let accepted = 0; accepted < 3; accepted++) expect((await eager.open()).status).toBe(200);
    const refused = await eager.open();
    expect([refused.status, Number(refused.headers.get('retry-after')) > 0]).toEqual([429, true]);
    expect(Object.fromEntries(wayBack(refused).searchParams)).toEqual({ ...tooMany.body, state: 'state-of-the-agent', iss: deployment.issuer });
    expect((await eager.open({ redirect_uri: 'https://evil.example/cb' })).status).toBe(400);
    expect((await form('/par', { client_id: eager.clientId })).status).toBe(429);
    expect((await other.open()).status).toBe(200);
  });
});

test('one user gets only so many tokens through all their agents together, and others get theirs (R2)', async () => {
  const alice = deployment.provider.account;
  deployment.provider.account = { ...alice, sub: 'eager-user' };
  const agents = [await TestAgent.register(deployment), await TestAgent.register(deployment)];
  const tokens = [await agents[0]?.connect(), await agents[1]?.connect()];
  deployment.provider.account = { ...alice, sub: 'calm-user' };
  const other = await TestAgent.register(deployment);
  const calm = await other.connect();
  deployment.provider.account = alice;
  await limit({ user: 5 });
  let turn = 0;
  await spend(async () => {
    const [agent, answer] = [agents[turn % 2], tokens[turn % 2]];
    const next = await agent?.refresh(answer?.body['refresh_token']);
    if (next?.status === 200) tokens[turn % 2] = next;
    turn += 1;
    return next ?? { status: 0 };
  }, 5);
  for (const index of [0, 1]) expect(await agents[index]?.refresh(tokens[index]?.body['refresh_token'])).toMatchObject(tooMany);
  expect((await other.refresh(calm.body['refresh_token'])).status).toBe(200);
});

test('refusals are in the trail, a few of them however many there are, and no token was refused thereby (R80)', async () => {
  const agent = await TestAgent.register(deployment);
  const { body } = await agent.connect();
  await limit({ token: { client: 1 } });
  const before = deployment.events.length;
  await spend(() => agent.refresh(body['refresh_token']), 1);
  for (let again = 0; again < 30; again++) expect((await agent.refresh(body['refresh_token'])).status).toBe(429);
  await eventually(() => deployment.events.slice(before).some((event) => event.type === 'limit.exceeded'));
  const told = deployment.events.slice(before).filter(({ type }) => type === 'limit.exceeded');
  expect(told).toMatchObject([{ clientId: agent.clientId, detail: { limit: 'client', endpoints: 'token' } }]);
  expect(deployment.events.slice(before).filter(({ type, clientId }) => type === 'token.refused' && clientId === agent.clientId)).toEqual([]);
});

describe('documents that agents name', () => {
  const open = (path: string) => new TestAgent(deployment, `${documents.origin}${path}`).open();

  test('are not asked for again as soon as they failed (R19)', async () => {
    for (let again = 0; again < 5; again++) expect((await open('/broken')).status).toBeGreaterThanOrEqual(400);
    expect(fetched).toEqual(['/broken']);
  });

  test('are fetched from one host only so often, and the agent is told to come back', async () => {
    await limit({ documents: { host: 3 } });
    let status = 0;
    for (let index = 0; status !== 429 && index < 10; index++) status = (await open(`/missing-${index}`)).status;
    const page = await open('/one-more');
    expect([page.status, Number(page.headers.get('retry-after')) > 0, fetched.includes('/one-more')]).toEqual([429, true, false]);
  });
});
