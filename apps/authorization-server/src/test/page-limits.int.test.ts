import { eventually } from '@sallyport/testing';
import { createTestAuthority, startHttpsServer, type TestHttpsServer } from '@sallyport/testing/servers';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { TestAgent } from '../testing/test-agent.js';
import { startTestDeployment, type TestDeployment } from '../testing/test-deployment.js';

let deployment: TestDeployment;
let documents: TestHttpsServer;
beforeAll(async () => {
  const authority = await createTestAuthority();
  documents = await startHttpsServer(
    authority,
    (request, response) => {
      const document = {
        client_id: `${documents.origin}${request.url}`,
        client_name: 'Hosted',
        redirect_uris: ['http://127.0.0.1:33418/callback'],
        token_endpoint_auth_method: 'none',
      };
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document));
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
afterEach(() => deployment.configure([], [{ kind: 'AuthorizationServer', name: 'default' }]));

const limit = (limits: object) =>
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
let addresses = 0;
const somewhere = () => ({ 'x-forwarded-for': `203.0.113.${(addresses += 1)}` });
const at = async (headers: Record<string, string>, clientId?: string) => {
  const agent = clientId === undefined ? await TestAgent.register(deployment) : new TestAgent(deployment, clientId);
  agent.browser.headers = headers;
  return agent;
};
const heading = ({ html }: { html: string }) => /<h1>([^<]*)</.exec(html)?.[1];

test('pages are counted by address, whoever asks; another address, and the logout tokens of identity providers, are not refused for it (S32)', async () => {
  await limit({ authorize: { address: 2 } });
  const flooding = somewhere();
  const ask = (path: string, headers: Record<string, string>, init: RequestInit = {}) =>
    fetch(`${deployment.issuer}${path}`, { ...init, headers, redirect: 'manual' });
  for (const path of ['/interaction/x', '/session/end', '/federation/test/callback?state=x'])
    await eventually(async () => (await ask(path, flooding)).status === 429, { until: `${path} is refused` });
  const refused = await ask('/interaction/x/deny', flooding, { method: 'POST', body: new URLSearchParams() });
  expect([refused.status, refused.headers.get('content-type'), Number(refused.headers.get('retry-after'))]).toEqual([
    429,
    'text/html; charset=utf-8',
    expect.any(Number),
  ]);
  expect(await refused.text()).toContain('This browser, or somebody at the same network address');
  expect(
    (
      await ask('/federation/test/backchannel-logout', flooding, {
        method: 'POST',
        body: new URLSearchParams({ logout_token: 'none' }),
      })
    ).status,
  ).toBe(400);
  const agent = await at(somewhere());
  expect((await agent.authorize()).get('code')).not.toBeNull();
});

test('a flood of logout tokens that are none fills no log (S33)', async () => {
  const before = deployment.logLines.length;
  const send = () =>
    fetch(`${deployment.issuer}/federation/test/backchannel-logout`, {
      method: 'POST',
      body: new URLSearchParams({ logout_token: 'none' }),
    });
  const answers = await Promise.all(Array.from({ length: 80 }, send));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([400]));
  expect(deployment.logLines.slice(before).filter((line) => line.includes('logout token')).length).toBeLessThan(40);
});

test('one authorization request has so many pages, however its browser asks for them; it is denied once, and nobody else is refused (S32)', async () => {
  await limit({ session: 50 });
  const agent = await at(somewhere());
  const page = await agent.open();
  const deny = () => agent.browser.press(page, /^Cancel/, `${deployment.issuer}/authorize/`);
  const answers = await Promise.all(Array.from({ length: 100 }, () => deny().then(({ status }) => status)));
  expect(answers.filter((status) => status === 429).length).toBeGreaterThan(40);
  // A machine that is slow gives some of it back meanwhile.
  await eventually(async () => heading(await agent.browser.open(page.url, agent.redirectUri)) === 'Too many requests');
  const another = await at(somewhere());
  expect((await another.press(await another.open(), /^Cancel/)).url.searchParams.get('error')).toBe('access_denied');
  const denied = () =>
    deployment.events.filter(({ type }) => type === 'agent.consent_denied').map(({ clientId }) => clientId);
  await eventually(() => denied().includes(another.clientId));
  expect(denied()).toEqual([agent.clientId, another.clientId]);
  expect((await (await at(somewhere())).authorize()).get('code')).not.toBeNull();
});

test('a document that a page of an authorization request needs is fetched for who looks at that page, and says so when it cannot be fetched now (S32)', async () => {
  let documentsMade = 0;
  const begin = async () => {
    const agent = await at(somewhere(), `${documents.origin}/agent-${(documentsMade += 1)}`);
    return { agent, page: await agent.open() };
  };
  const replica = await deployment.startReplica({ sameIssuer: true });
  await limit({ documents: { address: 2, host: 1_000 } });
  await eventually(() => replica.readiness().status === 'ready');
  try {
    /** Another replica, which has read none of the documents. */
    const look = async ({ agent, page }: Awaited<ReturnType<typeof begin>>, headers: Record<string, string>) => {
      agent.browser.headers = headers;
      return agent.browser.open(`${replica.urls['listening']}${page.url.pathname}`, agent.redirectUri);
    };
    const greedy = somewhere();
    const requests = [await begin(), await begin(), await begin(), await begin()] as const;
    expect((await look(requests[0], greedy)).status).toBe(200);
    expect((await look(requests[1], greedy)).status).toBe(200);
    const late = await look(requests[2], greedy);
    expect([
      late.status,
      heading(late),
      late.headers.get('retry-after'),
      late.html.includes(`href="${requests[2].page.url.pathname}"`),
    ]).toEqual([503, 'One moment, please', '30', true]);
    expect(heading(await look(requests[3], somewhere()))).toBe('“Hosted” wants to connect');
  } finally {
    await replica.close();
  }
});
