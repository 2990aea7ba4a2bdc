import { Document } from '@sallyport/configuration';
import { decodeJwt } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { keycloak, okta } from '../testing/identity-products.js';
import { REDIRECT_URI, TestAgent } from '../testing/test-agent.js';
import type { BrowserPage } from '../testing/test-browser.js';
import { startTestDeployment, type TestDeployment } from '../testing/test-deployment.js';
import { startTestIdentityProduct, type TestIdentityProduct } from '../testing/test-identity-product.js';

let deployment: TestDeployment;
let honest: TestIdentityProduct;
let other: TestIdentityProduct;

beforeAll(async () => {
  [deployment, honest, other] = await Promise.all([
    startTestDeployment(),
    startTestIdentityProduct(keycloak),
    startTestIdentityProduct(okta),
  ]);
  for (const name of ['honest', 'other', 'twin']) {
    const stored = `TrustProvider/${name}/clientSecret`;
    await deployment.database.storedSecret.create({
      data: {
        name: stored,
        sealed: Uint8Array.from(deployment.sealer.seal('stored-secret', honest.clientSecret, stored)),
      },
    });
  }
  await configure();
});
afterAll(async () => {
  await Promise.all([honest.close(), other.close()]);
  await deployment.close();
});
afterEach(async () => {
  Object.assign(honest, { claims: {}, issParameter: honest.issuer });
  Object.assign(other, { claims: {}, issParameter: null });
  for (const { requests, authentications } of [honest, other]) requests.length = authentications.length = 0;
  await configure();
});

const document = (kind: string, name: string, spec: Record<string, unknown>) => Document.parse({ kind, name, spec });
const trust = (name: string, product: TestIdentityProduct, spec: Record<string, unknown> = {}) =>
  document('TrustProvider', name, {
    displayName: name,
    ...(product === honest ? { preset: 'keycloak' } : { claims: { roles: false } }),
    issuer: product.issuer,
    clientId: 'sallyport',
    clientSecret: { env: 'UNUSED' },
    ...spec,
  });
const configure = (...changes: Document[]) =>
  deployment.configure(
    [
      document('OutboundNetwork', 'default', {
        allow: [{ host: '127.0.0.1', ports: [honest.port, other.port], http: true }],
      }),
      trust('honest', honest),
      trust('other', other),
      document('AccessPolicy', 'employees', { hop: 'client-to-gateway' }),
      document('Role', 'developer', {
        scopes: ['notes.read', 'notes.write'],
        members: [{ trustProvider: 'honest', groups: ['engineering'] }],
      }),
      document('Role', 'admin', {
        scopes: ['notes.admin'],
        members: [{ trustProvider: 'honest', providerRoles: ['operator'] }],
      }),
      ...changes,
    ],
    [{ kind: 'TrustProvider', name: 'test' }],
  );
const register = () => TestAgent.register(deployment);
/** As far as the browser's way back to us, which is not gone. */
const stoppedAtCallback = async (
  agent: TestAgent,
  provider: string,
  changes: Record<string, string> = {},
): Promise<BrowserPage> =>
  agent.browser.press(
    await agent.browser.open(agent.authorizationUrl(changes), REDIRECT_URI),
    `Continue with ${provider}`,
    `${deployment.issuer}/federation/`,
  );
const through = async (provider: string, agent?: TestAgent) => {
  const connecting = agent ?? (await register());
  const consent = await connecting.press(
    await connecting.open({ scope: 'notes.read notes.write notes.admin' }),
    `Continue with ${provider}`,
  );
  const back = await connecting.press(consent, 'Allow');
  const { body } = await connecting.redeem(back.url.searchParams.get('code'));
  return {
    agent: connecting,
    token: decodeJwt<{ sub: string; roles: string[]; idp: string }>(String(body['access_token'])),
    refreshToken: body['refresh_token'],
  };
};
const isNotSignedIn = (page: BrowserPage) => page.html.includes('You are not signed in');

describe('with several providers a human', () => {
  test('chooses between them in one form, by keyboard alone, and nothing is remembered of the choice', async () => {
    const agent = await register();
    const page = await agent.open();
    expect(page.forms[0]?.buttons).toEqual([
      { name: 'provider', value: 'honest', text: 'Continue with honest' },
      { name: 'provider', value: 'other', text: 'Continue with other' },
    ]);
    const cookies = agent.browser.cookies.map(({ name }) => name).sort();
    await agent.browser.press(page, 'Continue with other', `http://127.0.0.1:${other.port}/`);
    expect(agent.browser.cookies.map(({ name }) => name).sort()).toEqual(cookies);
  });

  test('is whom the agent expects only if they say so: a hint is passed on, and is nothing else', async () => {
    for (const hint of ['lena@birch.example', 'a b', 'x'.repeat(255), '<script>', 'a\nb'])
      await stoppedAtCallback(await register(), 'other', { login_hint: hint });
    expect(other.requests.map((asked) => asked.get('login_hint'))).toEqual([
      'lena@birch.example',
      null,
      null,
      null,
      null,
    ]);
  });

  test('is somebody else at each, with the same e-mail, the same subject and the same groups (S1, R32)', async () => {
    const same = {
      sub: 'one-and-the-same',
      email: 'lena@birch.example',
      email_verified: true,
      name: 'Lena',
      groups: ['engineering'],
      roles: ['operator'],
      realm_access: undefined,
    };
    honest.claims = other.claims = same;
    await configure(trust('honest', honest, { claims: { roles: 'roles' } }));
    const [here, there] = [await through('honest'), await through('other')];
    expect(here.token).toMatchObject({
      idp: 'honest',
      roles: ['admin', 'developer'],
      scope: 'notes.read notes.write notes.admin',
    });
    expect(there.token).toMatchObject({ idp: 'other', roles: [], scope: '' });
    expect(there.token.sub).not.toBe(here.token.sub);
  });
});

describe('an answer', () => {
  test("at another provider's callback is refused, and the code goes to neither token endpoint", async () => {
    const agent = await register();
    const { url } = await stoppedAtCallback(agent, 'honest');
    const redirected = new URL(url.href.replace('/federation/honest/', '/federation/other/'));
    redirected.searchParams.delete('iss');
    expect(isNotSignedIn(await agent.browser.open(redirected, REDIRECT_URI))).toBe(true);
    expect([honest, other].map((product) => product.authentications.length)).toEqual([0, 0]);
    expect(isNotSignedIn(await agent.browser.open(url, REDIRECT_URI))).toBe(true); // the attempt cost the flow
  });

  test('at the callback of another document for the same issuer is refused (S1)', async () => {
    await configure(trust('twin', honest));
    const agent = await register();
    const { url } = await stoppedAtCallback(agent, 'honest');
    expect(
      isNotSignedIn(
        await agent.browser.open(url.href.replace('/federation/honest/', '/federation/twin/'), REDIRECT_URI),
      ),
    ).toBe(true);
    expect(honest.authentications).toEqual([]);
    await deployment.configure([], [{ kind: 'TrustProvider', name: 'twin' }]);
  });

  test.each([
    ['that names the other provider as its issuer', () => other.issuer],
    ['without an issuer, where the provider announced one', () => null],
    ['that names no issuer of anybody', () => ''],
  ])('%s is a mix-up and is refused (RFC 9207)', async (_what, issuer) => {
    honest.issParameter = issuer();
    const agent = await register();
    expect(isNotSignedIn(await agent.press(await agent.open(), 'Continue with honest'))).toBe(true);
    expect(honest.authentications).toEqual([]);
  });

  test('that names its own issuer, where that was not announced, is fine; a wrong one is not', async () => {
    other.issParameter = other.issuer;
    expect((await through('other')).token.idp).toBe('other');
    other.issParameter = honest.issuer;
    const agent = await register();
    expect(isNotSignedIn(await agent.press(await agent.open(), 'Continue with other'))).toBe(true);
  });

  test("to somebody else's request is no use to a victim who waits for one of their own (S31)", async () => {
    const [attacker, victim] = [await register(), await register()];
    const planted = await stoppedAtCallback(attacker, 'honest');
    await stoppedAtCallback(victim, 'honest');
    expect(isNotSignedIn(await victim.browser.open(planted.url, REDIRECT_URI))).toBe(true);
  });

  test('to a request whose provider means another issuer by now is refused, and its code is shown to nobody (S25)', async () => {
    const agent = await register();
    const { url } = await stoppedAtCallback(agent, 'honest');
    await configure(trust('honest', other));
    url.searchParams.delete('iss');
    expect(isNotSignedIn(await agent.browser.open(url, REDIRECT_URI))).toBe(true);
    expect(other.authentications).toEqual([]);
  });
});

describe('a provider that comes to mean another issuer', () => {
  test("brings nobody's account, session or roles along, and gives them back with the issuer (S1)", async () => {
    honest.claims = other.claims = {
      sub: 'same-subject',
      email: 'lena@birch.example',
      name: 'Lena',
      groups: ['engineering'],
    };
    const before = await through('honest');
    await configure(trust('honest', other));
    const refused = await before.agent.refresh(before.refreshToken);
    expect([refused.status, refused.body['error']]).toEqual([400, 'invalid_grant']);
    // Their browser session is none either: it is asked to sign in, although it just did.
    expect((await before.agent.open()).html).toContain('Continue with honest');
    const own = new URL(`${deployment.issuer}/authorize`);
    const callback = `${deployment.config.controlPlaneUrl}/session/callback`;
    own.search = String(
      new URLSearchParams({
        client_id: 'sallyport-control-plane',
        redirect_uri: callback,
        response_type: 'code',
        scope: 'openid',
        state: 's',
        code_challenge: 'x'.repeat(43),
        code_challenge_method: 'S256',
      }),
    );
    expect((await before.agent.browser.open(own, callback)).html).toContain('Continue with honest');
    const after = await through('honest');
    expect(after.token.idp).toBe('honest');
    expect(after.token.sub).not.toBe(before.token.sub);
    await configure();
    expect((await before.agent.refresh(before.refreshToken)).status).toBe(200);
    expect((await through('honest')).token.sub).toBe(before.token.sub);
  });

  test('or takes other e-mail domains from now on refuses whoever came before, at their next token', async () => {
    const allow = (domain: string) => configure(trust('honest', honest, { allowedEmailDomains: [domain] }));
    await allow('birch.example');
    const { agent, refreshToken } = await through('honest');
    await allow('maple.example');
    expect((await agent.refresh(refreshToken)).body['error']).toBe('invalid_grant');
    await allow('birch.example');
    expect((await agent.refresh(refreshToken)).status).toBe(200);
  });
});
