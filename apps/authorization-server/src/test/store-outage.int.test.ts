import { eventually, startPrivatePostgres, type PrivatePostgres } from '@sallyport/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { REDIRECT_URI, register, TestAgent } from '../testing/test-agent.js';
import { startTestDeployment, type TestDeployment } from '../testing/test-deployment.js';

let postgres: PrivatePostgres;
let deployment: TestDeployment;
beforeAll(async () => {
  const started = startPrivatePostgres();
  deployment = await startTestDeployment({}, { postgres: started });
  postgres = await started;
}, 120_000);
afterAll(() => deployment.close());

const cookiesOf = (agent: TestAgent) => agent.browser.cookies.map(({ name, value }) => `${name}=${value}`).join('; ');

test(
  'while PostgreSQL is away every endpoint and page that needs it asks to come back, and nothing is lost when it is there again (M5)',
  { timeout: 180_000 },
  async () => {
    const agent = await TestAgent.register(deployment);
    const tokens = await agent.connect();
    const connecting = await TestAgent.register(deployment);
    const consent = await connecting.press(await connecting.open(), /^Continue with/);
    const codeVerifier = connecting.verifier;
    const { body: confidential } = await register(deployment, { token_endpoint_auth_method: 'client_secret_post' });
    const credentials = {
      client_id: String(confidential['client_id']),
      client_secret: String(confidential['client_secret']),
    };
    const refreshToken = String(tokens.body['refresh_token']);
    const at = (path: string) => new URL(path, deployment.issuer);
    const post = (path: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
      fetch(at(path), { method: 'POST', body: new URLSearchParams(fields), headers, redirect: 'manual' });
    const pageOf = (path: string | URL, cookie = cookiesOf(connecting)) =>
      fetch(at(String(path)), { headers: { cookie, accept: 'text/html' }, redirect: 'manual' });
    const interaction = consent.url.pathname;
    const consentFields = { ...consent.forms[0]?.fields, decision: 'allow' };
    const authorization = Object.fromEntries(connecting.authorizationUrl().searchParams);

    const programs: Record<string, () => Promise<Response>> = {
      'POST /token, refreshing': () =>
        post('/token', { grant_type: 'refresh_token', client_id: agent.clientId, refresh_token: refreshToken }),
      'POST /token, with a code': () =>
        post('/token', {
          grant_type: 'authorization_code',
          client_id: agent.clientId,
          code: 'x'.repeat(43),
          redirect_uri: REDIRECT_URI,
          code_verifier: 'x'.repeat(43),
        }),
      'POST /token, with a secret': () =>
        post('/token', { grant_type: 'client_credentials', ...credentials, resource: deployment.resource }),
      'POST /par': () => post('/par', authorization),
      'POST /register': () =>
        fetch(at('/register'), {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ redirect_uris: [REDIRECT_URI], token_endpoint_auth_method: 'none' }),
        }),
      'POST /introspect': () => post('/introspect', { ...credentials, token: refreshToken }),
      'POST /revoke': () => post('/revoke', { client_id: agent.clientId, token: refreshToken }),
      'GET /jwks': () => fetch(at('/jwks')),
    };
    const pages: Record<string, () => Promise<Response>> = {
      'GET /authorize': () => pageOf(connecting.authorizationUrl()),
      'GET /authorize, silently': () => pageOf(connecting.authorizationUrl({ prompt: 'none' })),
      'GET /interaction': () => pageOf(interaction),
      'GET /interaction/signed-in': () => pageOf(`${interaction}/signed-in`),
      'POST /interaction/sign-in': () =>
        post(`${interaction}/sign-in`, { ...consentFields, provider: 'test' }, { cookie: cookiesOf(connecting) }),
      'POST /interaction/consent': () =>
        post(`${interaction}/consent`, consentFields, { cookie: cookiesOf(connecting) }),
      'POST /interaction/deny': () => post(`${interaction}/deny`, consentFields, { cookie: cookiesOf(connecting) }),
      'GET /federation/callback': () => pageOf('/federation/test/callback?code=x&state=y'),
      'GET /session/end': () => pageOf('/session/end', cookiesOf(agent)),
      'POST /session/end': () => post('/session/end', { form_token: 'x', shown: 'x' }, { cookie: cookiesOf(agent) }),
    };

    deployment.logLines.length = 0;
    await postgres.halt();
    await eventually(async () => (await fetch(at('/jwks'))).status === 503, {
      timeoutMs: 30_000,
      until: 'the keys that were read last are no longer fresh',
    });
    const asked = [503, '5', 'no-store', null];
    const headersOf = (response: Response) => [
      response.status,
      response.headers.get('retry-after'),
      response.headers.get('cache-control'),
      response.headers.get('location'),
    ];
    for (const [what, ask] of Object.entries(programs)) {
      const response = await ask();
      expect([what, ...headersOf(response)]).toEqual([what, ...asked]);
      expect([what, await response.json()]).toEqual([
        what,
        expect.objectContaining({
          error: 'temporarily_unavailable',
          error_description: expect.stringContaining('try again'),
        }),
      ]);
    }
    for (const [what, ask] of Object.entries(pages)) {
      const response = await ask();
      expect([what, ...headersOf(response), response.headers.get('content-type')]).toEqual([
        what,
        ...asked,
        'text/html; charset=utf-8',
      ]);
      expect(response.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
      expect(await response.text()).toContain('<h1>One moment, please</h1>');
    }
    expect((await fetch(at('/.well-known/oauth-authorization-server'))).status).toBe(200);
    expect(deployment.logLines.filter((line) => line.includes('requests get 503'))).toHaveLength(1);
    expect(deployment.logLines.filter((line) => /the OAuth engine failed|request failed/.test(line))).toEqual([]);

    await postgres.resume();
    await eventually(async () => (await fetch(at('/jwks'))).status === 200, {
      timeoutMs: 30_000,
      until: 'the database answers again',
    });
    expect((await agent.refresh(refreshToken)).status).toBe(200);
    const { url } = await connecting.press(consent, 'Allow');
    expect((await connecting.redeem(url.searchParams.get('code'), { code_verifier: codeVerifier })).status).toBe(200);
  },
);

test('any other failure of the store stays a failure, and is logged (M5)', async () => {
  const agent = await TestAgent.register(deployment);
  deployment.logLines.length = 0;
  await deployment.database.$executeRaw`ALTER TABLE "OidcArtifact" RENAME TO "OidcArtifactMoved"`;
  try {
    expect((await agent.refresh('x'.repeat(43))).status).toBe(500);
    expect((await agent.open()).status).toBe(500);
  } finally {
    await deployment.database.$executeRaw`ALTER TABLE "OidcArtifactMoved" RENAME TO "OidcArtifact"`;
  }
  expect(deployment.logLines.filter((line) => line.includes('the OAuth engine failed')).length).toBeGreaterThan(0);
  expect(deployment.logLines.filter((line) => line.includes('requests get 503'))).toEqual([]);
});
