import { outboundProxy, readProxyUrl } from '@sallyport/safe-fetch';
import { startConnectProxy, type ConnectProxy } from '@sallyport/testing/servers';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { REDIRECT_URI, TestAgent } from '../testing/test-agent.js';
import { startTestDeployment, type TestDeployment } from '../testing/test-deployment.js';
import { startTestIssuer, type TestIssuer } from '../testing/test-issuer.js';
import { workloadTokens } from '../testing/workload-tokens.js';

let proxy: ConnectProxy;
let deployment: TestDeployment;
let platform: TestIssuer;
beforeAll(async () => {
  proxy = await startConnectProxy({ reaches: {} });
  platform = await startTestIssuer();
  deployment = await startTestDeployment({ proxy: outboundProxy({ https: readProxyUrl(proxy.url) }) });
  const listed = ['idp.example', 'agents.example', 'platform.example'];
  await deployment.configure([
    { kind: 'OutboundNetwork', name: 'default', spec: { allow: listed.map((host) => ({ host, http: false })) } },
    {
      kind: 'TrustProvider',
      name: 'test',
      spec: {
        displayName: 'Test provider',
        issuer: 'https://idp.example',
        clientId: 'sallyport',
        clientSecret: { env: 'UNUSED' },
        scopes: ['openid'],
        claims: { subject: 'sub' },
      },
    },
    {
      kind: 'WorkloadIssuer',
      name: 'cluster',
      spec: {
        type: 'kubernetes',
        algorithms: ['RS256'],
        maxLifetime: '1h',
        singleUse: false,
        issuer: 'https://platform.example',
      },
    },
    {
      kind: 'Agent',
      name: 'nightly',
      spec: {
        displayName: 'nightly',
        redirectUris: [],
        machine: { roles: ['developer'] },
        authentication: { method: 'workload', issuer: 'cluster', subject: 'system:serviceaccount:agents:nightly' },
      },
    },
  ]);
});
afterAll(() => Promise.all([deployment.close(), platform.close(), proxy.close()]));
beforeEach(() => void (proxy.asked.length = 0));
const targets = () => [...new Set(proxy.asked.map(({ method, target }) => `${method} ${target}`))];

test('an identity provider is called through the proxy (B21)', async () => {
  const agent = await TestAgent.register(deployment);
  const page = await agent.press(await agent.open(), /^Continue with/);
  expect([page.status, page.html.includes('cannot be used now')]).toEqual([502, true]);
  expect(targets()).toEqual(['CONNECT idp.example:443']);
  const lines = deployment.logLines.filter((line) => line.includes('a call did not get through the proxy'));
  expect(
    lines.filter((line) =>
      line.includes(`The proxy at 127.0.0.1:${proxy.port} answered 502 Bad Gateway to CONNECT idp.example:443`),
    ),
  ).toHaveLength(1);
});

test('the document of an agent is read through the proxy, and one on a private network is not asked for (B7)', async () => {
  const ask = (clientId: string) =>
    fetch(
      `${deployment.issuer}/authorize?${new URLSearchParams({ client_id: clientId, redirect_uri: REDIRECT_URI, response_type: 'code', scope: 'notes.read', resource: deployment.resource, code_challenge: 'c'.repeat(43), code_challenge_method: 'S256' })}`,
      { redirect: 'manual' },
    );
  expect([
    (await ask('https://agents.example/client.json')).status,
    (await ask('https://10.0.0.7/client.json')).status,
  ]).toEqual([503, 400]);
  expect(targets()).toEqual(['CONNECT agents.example:443']);
});

test('the keys of a workload platform are read through the proxy (B21)', async () => {
  const assertion = await platform.sign({
    ...workloadTokens.kubernetes,
    iss: 'https://platform.example',
    aud: [deployment.issuer],
  });
  const answer = await new TestAgent(deployment, 'nightly').token({
    grant_type: 'client_credentials',
    resource: deployment.resource,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion,
  });
  expect(answer.status).not.toBe(200);
  expect(targets()).toEqual(['CONNECT platform.example:443']);
  expect(deployment.logLines.join('')).toContain(
    `The proxy at 127.0.0.1:${proxy.port} answered 502 Bad Gateway to CONNECT platform.example:443`,
  );
});
