import { createHash } from 'node:crypto';
import type { RunningService } from '@sallyport/process';
import { eventually } from '@sallyport/testing';
import { createTestAuthority, startHttpsServer } from '@sallyport/testing/servers';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { AuthorizationServerConfig } from '../config.js';
import { register, TestAgent } from '../testing/test-agent.js';
import { startTestDeployment, type TestDeployment } from '../testing/test-deployment.js';

let deployment: TestDeployment;
let documents: Awaited<ReturnType<typeof startHttpsServer>>;
const fetched: string[] = [];

beforeAll(async () => {
  const authority = await createTestAuthority();
  documents = await startHttpsServer(
    authority,
    (request, response) => {
      fetched.push(request.url ?? '');
      if (request.url === '/hosted')
        response.writeHead(200, { 'content-type': 'application/json' }).end(
          JSON.stringify({
            client_id: `${documents.origin}/hosted`,
            client_name: 'Hosted',
            redirect_uris: ['http://127.0.0.1:33418/callback'],
            token_endpoint_auth_method: 'none',
            grant_types: ['authorization_code', 'refresh_token'],
          }),
        );
      else response.writeHead(request.url === '/broken' ? 500 : 404).end();
    },
    { host: '127.0.0.1' },
  );
  deployment = await startTestDeployment({
    extraCertificateAuthorities: [authority.certificate],
    trustedProxies: ['127.0.0.1'],
  });
  await deployment.configure([
    { kind: 'OutboundNetwork', name: 'default', spec: { allow: [{ host: '127.0.0.1', http: true }] } },
  ]);
});
afterAll(async () => {
  await deployment.close();
  await documents.close();
});
afterEach(async () => {
  const open = {
    metadataDocuments: { enabled: true, allowedHosts: ['*'], deniedHosts: [] },
    dynamic: { mode: 'open' as const, redirectHosts: ['127.0.0.1', '[::1]', 'localhost'] },
  };
  await deployment.configure(
    [{ kind: 'ClientRegistration', name: 'default', spec: open }],
    [{ kind: 'AuthorizationServer', name: 'default' }],
  );
  fetched.length = 0;
});

interface Limits {
  readonly authorize?: { total?: number; client?: number; address?: number };
  readonly token?: { total?: number; client?: number; address?: number };
  readonly register?: { total?: number; address?: number };
  readonly status?: { total?: number; client?: number; address?: number };
  readonly user?: number;
  readonly session?: number;
  readonly documents?: { total?: number; host?: number; address?: number };
}
const limit = (limits: Limits) =>
  deployment.configure([
    {
      kind: 'AuthorizationServer',
      name: 'default',
      spec: {
        lifetimes: { accessToken: '15m', machineToken: '10m', sessionIdle: '14d', session: '90d' },
        signingKeys: { algorithm: 'ES256', rotateEvery: '90d', publishAhead: '10m' },
        limits,
      },
    },
  ]);
const tooMany = {
  status: 429,
  body: { error: 'temporarily_unavailable', error_description: 'too many requests: try again later' },
};
const notNow = {
  status: 503,
  body: {
    error: 'temporarily_unavailable',
    error_description: 'too many requests from others just now: try again later',
  },
};
/** As the listed proxy says it. */
const from = (address: string) => ({ 'x-forwarded-for': address });
let addresses = 0;
/** One that nothing was heard of before. */
const somewhere = () => from(`203.0.113.${(addresses += 1)}`);
const form = (
  path: string,
  parameters: Record<string, string>,
  headers: Record<string, string> = {},
  at: Pick<TestDeployment, 'issuer'> = deployment,
) => fetch(`${at.issuer}${path}`, { method: 'POST', body: new URLSearchParams(parameters), headers });
const basic = (body: Record<string, unknown>, secret = String(body['client_secret'])) => ({
  authorization: `Basic ${Buffer.from(`${body['client_id']}:${secret}`).toString('base64')}`,
});
const isRefused = ({ status }: { status: number }) => status === 429 || status === 503;
/**
 * Each test spends a budget of its own. What little was spent before, under a larger one, may put off the last of the
 * `budget` by some milliseconds: a refusal before that is not the end. @returns how many were accepted
 */
const spend = async (answer: () => Promise<{ status: number }>, budget = 0) => {
  let accepted = 0;
  await eventually(
    async () => {
      const refused = isRefused(await answer());
      if (!refused) accepted += 1;
      return refused && accepted >= budget;
    },
    { until: 'the budget is spent' },
  );
  return accepted;
};
/** One that signed in from there, and a refresh with whatever token it holds. */
const connectedAt = async (headers: Record<string, string>, at: TestDeployment = deployment) => {
  const agent = await TestAgent.register(at);
  let { body } = await agent.connect();
  agent.headers = headers;
  agent.browser.headers = headers;
  const refresh = async () => {
    const answer = await agent.refresh(body['refresh_token']);
    if (answer.status === 200) body = answer.body;
    return answer;
  };
  return { agent, refresh, tokens: () => body };
};
const newcomer = async (headers: Record<string, string>, at: TestDeployment = deployment) => {
  const agent = await TestAgent.register(at);
  agent.headers = headers;
  agent.browser.headers = headers;
  return agent;
};
const replicas: RunningService[] = [];
afterEach(async () => {
  for (const replica of replicas.splice(0)) await replica.close();
});
/** A replica of which nobody has spent anything yet: what is common to all is spent for a minute. */
const fresh = async (changes: Partial<AuthorizationServerConfig> = {}): Promise<TestDeployment> => {
  const replica = await deployment.startReplica({ sameIssuer: false, changes });
  replicas.push(replica);
  await deployment.configure([]);
  await eventually(() => replica.readiness().status === 'ready');
  return { ...deployment, issuer: replica.urls['issuer'] ?? '' };
};

describe('whoever proves nothing', () => {
  test.each([
    ['POST', '/token', 'a'],
    ['POST', '/token', 'grant_type=refresh_token'],
    ['POST', '/par', 'a'],
    ['POST', '/revoke', 'a'],
    ['POST', '/introspect', 'token=x'],
    ['GET', '/authorize', 'a'],
    ['GET', '/authorize', 'scope=notes.read'],
    ['POST', '/register', '{'],
  ])('spends nothing of anybody with what is no request: %s %s %s (S32)', async (method, path, sent) => {
    const at = await fresh();
    const few = { total: 3, address: 3 };
    await limit({ token: few, authorize: few, status: few, register: { total: 3 } });
    const here = somewhere();
    const headers = {
      ...here,
      'content-type': path === '/register' ? 'application/json' : 'application/x-www-form-urlencoded',
    };
    const send = () =>
      method === 'GET'
        ? fetch(`${at.issuer}${path}?${sent}`, { headers })
        : fetch(`${at.issuer}${path}`, { method: 'POST', body: sent, headers });
    for (let count = 0; count < 20; count++) expect((await send()).status).toBe(400);
    const other = await newcomer(here, at);
    const { status, body: tokens } = await other.connect();
    expect([status, (await other.refresh(tokens['refresh_token'])).status]).toEqual([200, 200]);
  });

  test('and guesses tokens is told to wait as an address: others, and at that address whoever holds a token, go on (S32)', async () => {
    const [here, there] = [somewhere(), somewhere()];
    const neighbour = await connectedAt(here);
    const arriving = await newcomer(here);
    const answer = await arriving.authorize();
    await limit({ token: { address: 3 } });
    const guess = (headers: Record<string, string>) =>
      form(
        '/token',
        { client_id: neighbour.agent.clientId, grant_type: 'refresh_token', refresh_token: 'guessed' },
        headers,
      );
    expect(await spend(() => guess(here), 3)).toBe(3);
    const refused = await guess(here);
    expect({ status: refused.status, body: await refused.json() }).toEqual(tooMany);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(20);
    expect(refused.headers.get('cache-control')).toBe('no-store');

    expect((await guess(there)).status).toBe(400);
    expect((await neighbour.refresh()).status).toBe(200);
    expect((await neighbour.refresh()).status).toBe(200);
    expect((await arriving.redeem(answer.get('code'))).status).toBe(200);
    expect((await guess(here)).status).toBe(429);
  });

  test('from many addresses reaches a common limit, which holds up nobody who proves something (S32)', async () => {
    const at = await fresh();
    const connected = await connectedAt(somewhere(), at);
    const confidential = (await register(at, { token_endpoint_auth_method: 'client_secret_basic' })).body;
    await limit({ token: { total: 4 }, status: { total: 4 } });
    const guess = () =>
      form(
        '/token',
        {
          client_id: connected.agent.clientId,
          grant_type: 'authorization_code',
          code: 'guessed',
          redirect_uri: connected.agent.redirectUri,
        },
        somewhere(),
        at,
      );
    expect(await spend(guess, 4)).toBe(4);
    const refused = await guess();
    expect({ status: refused.status, body: await refused.json() }).toEqual(notNow);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await connected.refresh()).status).toBe(200);
    await spend(() => form('/revoke', { client_id: connected.agent.clientId, token: 'guessed' }, somewhere(), at), 4);
    expect((await form('/introspect', { token: 'x' }, { ...basic(confidential), ...somewhere() }, at)).status).toBe(
      200,
    );
  });

  test('and begins authorizations is shown a page; others, and at that address whoever is signed in, go on (S32)', async () => {
    const [here, there] = [somewhere(), somewhere()];
    const signedIn = await connectedAt(here);
    const eager = await newcomer(here);
    await limit({ authorize: { address: 3 } });
    expect(await spend(async () => ({ status: (await eager.open()).status }), 3)).toBe(3);
    const page = await eager.open();
    expect([
      page.status,
      page.html.includes('Too many requests'),
      page.headers.get('content-security-policy')?.includes("default-src 'none'"),
    ]).toEqual([429, true, true]);
    expect(Number(page.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await form('/par', { client_id: eager.clientId }, here)).status).toBe(429);
    expect((await signedIn.agent.connect()).status).toBe(200);
    // The agent it named, which is not the one who named it, is connected from elsewhere.
    const other = new TestAgent(deployment, eager.clientId);
    other.browser.headers = there;
    expect((await other.connect()).status).toBe(200);
  });

  test('and registers is told to wait as an address; only registrations count for everybody (S32, R18)', async () => {
    const at = await fresh();
    const here = somewhere();
    await limit({ register: { address: 3 } });
    expect(await spend(() => register(at, {}, here), 3)).toBe(3);
    expect(await register(at, {}, here)).toMatchObject(tooMany);
    expect((await register(at, {}, somewhere())).status).toBe(201);

    const another = await fresh();
    await limit({ register: { total: 3 } });
    for (let index = 0; index < 10; index++)
      expect((await register(another, { redirect_uris: [] }, somewhere())).status).toBe(400);
    expect(await spend(() => register(another, {}, somewhere()), 3)).toBe(3);
    expect(await register(another, {}, somewhere())).toMatchObject(notNow);
  });

  test('cannot keep whoever holds an initial access token from registering (S32, R18)', async () => {
    const at = await fresh();
    const here = somewhere();
    await limit({ register: { address: 1, total: 1 } });
    await spend(() => register(at, {}, here), 1);
    const gated = (initialAccessTokens: object[]) => ({
      kind: 'ClientRegistration' as const,
      name: 'default' as const,
      spec: {
        metadataDocuments: { enabled: true, allowedHosts: ['*'], deniedHosts: [] },
        dynamic: {
          mode: 'gated' as const,
          redirectHosts: ['127.0.0.1'],
          initialAccessTokens: initialAccessTokens as { sha256: string; expiresAt: string; uses: number }[],
        },
      },
    });
    await deployment.configure([
      gated([
        {
          sha256: createHash('sha256').update('given').digest('hex'),
          expiresAt: new Date(Date.now() + 60_000).toISOString(),
          uses: 9,
        },
      ]),
    ]);
    expect((await register(at, {}, { ...here, authorization: 'Bearer given' })).status).toBe(201);
    expect((await register(at, {}, { ...here, authorization: 'Bearer guessed' })).status).toBe(401);
  });

  test.each(['refresh_token', 'access_token'] as const)(
    'cannot keep a public client from revoking its %s (S32, S28)',
    async (name) => {
      const here = somewhere();
      const leaving = await connectedAt(here);
      const { clientId } = leaving.agent;
      const token = String(leaving.tokens()[name]);
      await limit({ status: { address: 2 } });
      await spend(() => form('/revoke', { client_id: clientId, token: 'guessed' }, here), 2);
      expect(
        (await form('/revoke', { client_id: clientId, token: `${token.slice(0, -8)}AAAAAAAA` }, here)).status,
      ).toBe(429);
      expect((await form('/revoke', { client_id: clientId, token }, here)).status).toBe(200);
      expect((await leaving.refresh()).body['error']).toBe('invalid_grant');
    },
  );

  test('is not believed an address that no listed proxy names (S19, S32)', async () => {
    const at = await fresh({ trustedProxies: [] });
    await limit({ token: { address: 2 } });
    const guess = () =>
      form(
        '/token',
        { client_id: 'dcr_unknown', grant_type: 'refresh_token', refresh_token: 'guessed' },
        somewhere(),
        at,
      );
    await spend(guess, 2);
    expect((await guess()).status).toBe(429);
  });
});

describe('one agent', () => {
  test('that authenticates pays for itself, and for nothing that others say in its name (S32)', async () => {
    const [here, there] = [somewhere(), somewhere()];
    const client = (await register(deployment, { token_endpoint_auth_method: 'client_secret_basic' })).body;
    const introspect = (headers: Record<string, string>) => form('/introspect', { token: 'x' }, headers);
    expect((await introspect({ ...basic(client), ...here })).status).toBe(200);
    expect(await spend(() => introspect({ ...basic(client, 'guessed'), ...here }), 60)).toBeGreaterThanOrEqual(60);
    expect((await introspect({ ...basic(client, 'another'), ...here })).status).toBe(429);
    for (const headers of [here, there]) expect((await introspect({ ...basic(client), ...headers })).status).toBe(200);

    await limit({ status: { client: 2 } });
    await spend(() => introspect({ ...basic(client), ...there }), 0);
    const other = (await register(deployment, { token_endpoint_auth_method: 'client_secret_basic' })).body;
    expect((await introspect({ ...basic(other), ...there })).status).toBe(200);
  });

  test("of one user that comes too often waits and keeps its session: neither the user's others nor other users do (S32)", async () => {
    const here = somewhere();
    const eager = await connectedAt(here);
    const others = [await connectedAt(here)];
    const alice = deployment.provider.account;
    deployment.provider.account = { ...alice, sub: 'another-of-the-same-agent' };
    const sameAgent = new TestAgent(deployment, eager.agent.clientId);
    const { body } = await sameAgent.connect();
    deployment.provider.account = alice;
    await limit({ session: 4 });
    expect(await spend(eager.refresh)).toBeLessThanOrEqual(4);
    expect(await eager.refresh()).toMatchObject(tooMany);
    for (const other of others) expect((await other.refresh()).status).toBe(200);
    expect((await sameAgent.refresh(body['refresh_token'])).status).toBe(200);
    await limit({});
    // What was spent under the smaller limit is gone within half a second under the larger one.
    await eventually(async () => (await eager.refresh()).status === 200);
  });

  test('that shows one token again and again is answered only as often as a session is, and no other waits (S32)', async () => {
    const here = somewhere();
    const [eager, other] = [await connectedAt(here), await connectedAt(here)];
    const token = String(eager.tokens()['refresh_token']);
    await limit({ session: 5 });
    const again = () => new TestAgent(deployment, other.agent.clientId).refresh(token); // another client's: it is left as it is
    expect(await spend(again, 5)).toBe(5);
    expect((await other.refresh()).status).toBe(200);
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
  for (const index of [0, 1])
    expect(await agents[index]?.refresh(tokens[index]?.body['refresh_token'])).toMatchObject(tooMany);
  expect((await other.refresh(calm.body['refresh_token'])).status).toBe(200);
});

test('refusals are in the trail, a few of them however many there are, and no token was refused thereby (R80)', async () => {
  deployment.provider.account = { ...deployment.provider.account, sub: 'told-about' };
  const agent = await TestAgent.register(deployment);
  const { body } = await agent.connect();
  await limit({ user: 1 });
  const before = deployment.events.length;
  await spend(() => agent.refresh(body['refresh_token']), 1);
  for (let again = 0; again < 30; again++) expect((await agent.refresh(body['refresh_token'])).status).toBe(429);
  await eventually(() => deployment.events.slice(before).some((event) => event.type === 'limit.exceeded'));
  const told = deployment.events.slice(before).filter(({ type }) => type === 'limit.exceeded');
  expect(told).toMatchObject([{ clientId: agent.clientId, detail: { limit: 'user' } }]);
  expect(
    deployment.events
      .slice(before)
      .filter(({ type, clientId }) => type === 'token.refused' && clientId === agent.clientId),
  ).toEqual([]);
});

describe('documents that agents name', () => {
  const open = (path: string) => new TestAgent(deployment, `${documents.origin}${path}`).open();

  test('are not asked for again as soon as they failed (R19)', async () => {
    for (let again = 0; again < 5; again++) expect((await open('/broken')).status).toBeGreaterThanOrEqual(400);
    expect(fetched).toEqual(['/broken']);
  });

  test('are fetched from one host only so often, and for one address; the agent is told to come back', async () => {
    const openFrom = (path: string, headers: Record<string, string>) => {
      const agent = new TestAgent(deployment, `${documents.origin}${path}`);
      agent.browser.headers = headers;
      return agent.open();
    };
    await limit({ documents: { address: 3 } });
    const here = somewhere();
    for (let index = 0; index < 3; index++) expect((await openFrom(`/missing-${index}`, here)).status).toBe(400);
    const page = await openFrom('/one-more', here);
    expect([page.status, Number(page.headers.get('retry-after')) > 0, fetched.includes('/one-more')]).toEqual([
      429,
      true,
      false,
    ]);
    expect((await openFrom('/one-more', somewhere())).status).toBe(400);

    await limit({ documents: { host: 5 } });
    let status = 0;
    for (let index = 0; status !== 503 && index < 10; index++)
      status = (await openFrom(`/other-${index}`, somewhere())).status;
    expect([status, (await openFrom('/yet-another', somewhere())).status, fetched.includes('/yet-another')]).toEqual([
      503,
      503,
      false,
    ]);
  });

  test('that are in use are fetched whatever others name: who is connected refreshes (S32)', async () => {
    await limit({ documents: { total: 6 } });
    const hosted = new TestAgent(deployment, `${documents.origin}/hosted`);
    const { body } = await hosted.connect();
    expect(body).toHaveProperty('refresh_token');
    const at = await fresh(); // it has read no document yet
    const named = async (clientId: string, headers: Record<string, string>) => {
      const agent = new TestAgent(at, clientId);
      agent.browser.headers = headers;
      return (await agent.open()).status;
    };
    const here = somewhere();
    for (let index = 0; index < 40; index++) await named(`https://${crypto.randomUUID()}.invalid/client.json`, here);
    expect(await named(`https://${crypto.randomUUID()}.invalid/client.json`, here)).toBe(429);
    expect(await named(`${documents.origin}/new`, somewhere())).toBe(400); // names that nobody has cost the others nothing
    await spend(async () => ({ status: await named(`${documents.origin}/${crypto.randomUUID()}`, somewhere()) }), 1);
    fetched.length = 0;
    const elsewhere = new TestAgent(at, hosted.clientId);
    expect((await elsewhere.refresh(body['refresh_token'])).status).toBe(200);
    expect(fetched).toEqual(['/hosted']);
  });
});
