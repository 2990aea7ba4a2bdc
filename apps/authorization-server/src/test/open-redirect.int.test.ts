import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { REDIRECT_URI, register, TestAgent } from '../testing/test-agent.js';
import { wayBack } from '../testing/test-browser.js';
import { startTestDeployment, type TestDeployment } from '../testing/test-deployment.js';

/** What an application does more with than take an answer. */
const INSTALL = 'cursor://anysphere.cursor-deeplink/mcp/install?name=x&config=e30';
let deployment: TestDeployment;
let stranger: TestAgent;
beforeAll(async () => {
  deployment = await startTestDeployment();
  const dynamic = { mode: 'open', redirectHosts: ['127.0.0.1', INSTALL] };
  await deployment.configure([
    {
      kind: 'ClientRegistration',
      name: 'default',
      spec: { metadataDocuments: { enabled: true, allowedHosts: ['*'], deniedHosts: [] }, dynamic },
    } as never,
    {
      kind: 'Agent',
      name: 'entered',
      spec: { displayName: 'Entered', redirectUris: [REDIRECT_URI], authentication: { method: 'none' } },
    } as never,
  ]);
});
beforeEach(async () => {
  const { body } = await register(deployment, { redirect_uris: [INSTALL, REDIRECT_URI] });
  stranger = new TestAgent(deployment, String(body['client_id']), INSTALL);
});
afterAll(() => deployment.close());

/** The answer itself: nothing is followed. */
const answerTo = (url: URL, agent = stranger) =>
  fetch(url, {
    redirect: 'manual',
    headers: {
      accept: 'text/html',
      cookie: agent.browser.cookies.map(({ name, value }) => `${name}=${value}`).join('; '),
    },
  });

/** Each is answered before anybody has clicked anything. */
const REQUESTS: readonly [string, Record<string, string | undefined>, string][] = [
  ['no human at hand', { prompt: 'none' }, 'login_required'],
  ['another resource', { resource: 'https://elsewhere.example/mcp' }, 'invalid_target'],
  ['no PKCE', { code_challenge: undefined, code_challenge_method: undefined }, 'invalid_request'],
  ['a strange scope', { scope: 'notes.read\u0000' }, 'invalid_scope'],
  ['an answer by form', { response_mode: 'form_post' }, 'invalid_request'],
  ['an answer by fragment', { response_mode: 'fragment' }, 'invalid_request'],
  ['another response type', { response_type: 'token' }, 'invalid_request'],
  ['a request object', { request: 'x.y.z' }, 'request_not_supported'],
];

describe('an agent that nobody entered and no user has agreed to', () => {
  test.each(REQUESTS)(
    'is told of %s by a link on a page, and no browser goes there by itself (S35)',
    async (_what, changes, error) => {
      const response = await answerTo(stranger.authorizationUrl(changes));
      const html = await response.text();
      expect([response.headers.get('location'), response.headers.get('refresh'), response.status >= 400]).toEqual([
        null,
        null,
        true,
      ]);
      expect(html).not.toMatch(/<script|http-equiv="refresh|<form|<iframe|<img/i);
      expect(html).toContain(
        'an application on this device (cursor://anysphere.cursor-deeplink/mcp/install?name=x&amp;config=e30)',
      );
      const back = wayBack({
        url: new URL(deployment.issuer),
        status: response.status,
        headers: response.headers,
        html,
        forms: [],
      });
      expect([
        back.href.startsWith(`${INSTALL}&`),
        back.searchParams.get('error'),
        back.searchParams.get('iss'),
        back.searchParams.get('state'),
      ]).toEqual([true, error, deployment.issuer, 'state-of-the-agent']);
    },
  );

  test('is told so when its user is signed in, too, and when it pushed the request (S35)', async () => {
    const known = await TestAgent.register(deployment);
    await known.connect();
    for (const { name, value } of known.browser.cookies)
      stranger.browser.cookies.push({ name, value, path: '/', host: '127.0.0.1', attributes: '' });
    const silent = await answerTo(stranger.authorizationUrl({ prompt: 'none' }));
    expect([silent.headers.get('location'), (await silent.text()).includes('consent_required')]).toEqual([null, true]);
    const body = stranger.authorizationUrl({ prompt: 'none' }).searchParams;
    const pushed = (await (await fetch(`${deployment.issuer}/par`, { method: 'POST', body })).json()) as {
      request_uri: string;
    };
    const url = new URL(
      `${deployment.issuer}/authorize?${new URLSearchParams({ client_id: stranger.clientId, request_uri: pushed.request_uri }).toString()}`,
    );
    const answered = await answerTo(url);
    expect([answered.headers.get('location'), (await answered.text()).includes('mcp/install')]).toEqual([null, true]);
  });

  test('is answered by a redirect once somebody has pressed a button that says where it leads (S35)', async () => {
    const page = await stranger.open();
    expect(page.html).toContain(
      'Cancel and return to an application on this device (cursor://anysphere.cursor-deeplink/mcp/install?name=x&amp;config=e30)',
    );
    const { url } = await stranger.press(page, /^Cancel/);
    expect([url.href.startsWith(INSTALL), url.searchParams.get('error')]).toEqual([true, 'access_denied']);
  });
});

test.each(REQUESTS)(
  'an agent that an administrator entered is told of %s by a redirect, in the query (S35)',
  async (_what, changes, error) => {
    const response = await answerTo(new TestAgent(deployment, 'entered').authorizationUrl(changes));
    const location = new URL(response.headers.get('location') ?? 'about:blank');
    expect([
      response.status,
      `${location.origin}${location.pathname}`,
      location.searchParams.get('error'),
      location.hash,
    ]).toEqual([303, REDIRECT_URI, error, '']);
  },
);
