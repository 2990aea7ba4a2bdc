import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  alice,
  bob,
  Browser,
  configureSaas,
  database,
  deployForEachTest,
  lease,
  linkFor,
  url,
} from '../../test/connect-deployment.js';
import { startProviderServer, type ProviderServer } from '../../test/provider-server.js';

deployForEachTest();

let saas: ProviderServer;
/** Who is signed in there, and how its answer says so. */
let answer: () => object;
const target = { server: 'saas', targetOrigin: 'https://saas.example' };
const idToken = (claims: object) =>
  `e30.${Buffer.from(JSON.stringify({ iss: saas.origin, aud: 'gateway', ...claims })).toString('base64url')}.`;
const asked = (path: string) => saas.requests.filter((request) => request.path === path).map(({ fields }) => fields);
beforeEach(async () => {
  saas = await startProviderServer();
  let number = 0;
  saas.answer = ({ path }) => ({
    json:
      path === '/token'
        ? {
            access_token: `saas-access-${(number += 1)}`,
            refresh_token: `saas-refresh-${number}`,
            token_type: 'bearer',
            expires_in: 3600,
            ...answer(),
          }
        : {},
  });
});
afterEach(() => saas.stop());

const configure = (spec = 'pkce: true') => configureSaas(saas.origin, { type: 'oauth-user', name: 'saas-user', spec });
const signedIn = (sub: string, email: string) => (answer = () => ({ id_token: idToken({ sub, email }) }));
/** As after a refresh that found the grant dead. */
const lose = () => database.connection.updateMany({ data: { state: 'needs_reconnect' } });
const connectSaas = async (person = alice) => {
  const browser = new Browser(person.userId);
  return { browser, page: await browser.submit(await browser.open(await linkFor(person, target))) };
};
const account = async () => {
  const { accountId, accountName, revision } = await database.connection.findFirstOrThrow({
    where: { userId: alice.userId },
  });
  return [accountId, accountName, revision];
};

describe('whose account it is at the provider (S23)', () => {
  test('is known from the ID token that came with the grant, or from where the document says, and shown to its user', async () => {
    await configure();
    signedIn('acct-1', 'alice@saas.example');
    const { browser } = await connectSaas();
    expect(await account()).toEqual(['acct-1', 'alice@saas.example', 1]);
    expect((await browser.open(`${url}/account`)).html).toContain('<dd>“alice@saas.example”</dd>');
    await database.connection.deleteMany();
    await configure('account: { id: [owner, id], name: [owner, label] }');
    answer = () => ({ owner: { id: 7, label: 'Team <7>' } });
    await connectSaas();
    expect(await account()).toEqual(['7', 'Team <7>', 1]);
    expect((await browser.open(`${url}/account`)).html).toContain('<dd>“Team &lt;7&gt;”</dd>');
  });

  test.each([
    ['no ID token', () => ({})],
    ['one of another issuer', () => ({ id_token: idToken({ iss: 'https://evil.example', sub: 'x' }) })],
    ['one for another client', () => ({ id_token: idToken({ aud: 'another', sub: 'x' }) })],
    ['one that is none', () => ({ id_token: 'x' })],
  ])('is not known from %s, and connecting works all the same', async (_what, said) => {
    await configure();
    answer = said;
    expect((await connectSaas()).page.html).toContain('<h1>Connected</h1>');
    expect(await account()).toEqual([null, null, 1]);
  });

  test('is asked about when it is another one than before, and nothing changes until its user agrees, in that browser and once', async () => {
    await configure();
    signedIn('acct-1', 'alice@saas.example');
    await connectSaas();
    await lose();
    signedIn('acct-2', 'mallory@saas.example');
    const { browser, page } = await connectSaas();
    expect(page.html).toContain('Use another “SaaS” account?');
    expect(page.html).toMatch(/alice@saas\.example.*mallory@saas\.example/s);
    expect([await account(), (await lease(alice, target)).type]).toEqual([
      ['acct-1', 'alice@saas.example', 1],
      'connect_required',
    ]);
    expect((await browser.submit(page, { csrf: 'forged', decision: 'use' })).status).toBe(403);
    expect((await browser.submit(page, { decision: 'use' })).html).toContain('<h1>Connected</h1>');
    expect(await account()).toEqual(['acct-2', 'mallory@saas.example', 2]);
    expect(await lease(alice, target)).toMatchObject({
      type: 'granted',
      headers: { authorization: 'Bearer saas-access-2' },
    });
    expect((await browser.submit(page, { decision: 'use' })).html).toContain('does not belong here');
  });

  test.each([
    ['another browser of its user', alice],
    ['somebody else', bob],
  ])('cannot be agreed to in the browser of %s', async (_whose, person) => {
    await configure();
    signedIn('acct-1', 'alice@saas.example');
    await connectSaas();
    await lose();
    signedIn('acct-2', 'mallory@saas.example');
    const { page } = await connectSaas();
    if (person === bob) {
      signedIn('acct-1', 'alice@saas.example');
      await connectSaas(bob);
      await lose();
      signedIn('acct-2', 'mallory@saas.example');
    }
    const elsewhere = await connectSaas(person);
    expect(elsewhere.page.html).toContain('Use another “SaaS” account?');
    const confirmation = /name="confirmation" value="([^"]+)"/.exec(page.html)?.[1] ?? '';
    const answered = await elsewhere.browser.submit(elsewhere.page, { confirmation, decision: 'use' });
    expect([answered.status, answered.html.includes('does not belong here')]).toEqual([400, true]);
    expect(await account()).toEqual(['acct-1', 'alice@saas.example', 1]);
  });

  test('stays the one it was when its user says so, and the new grant ends where it came from', async () => {
    await configure();
    signedIn('acct-1', 'alice@saas.example');
    await connectSaas();
    await lose();
    signedIn('acct-2', 'mallory@saas.example');
    const { browser, page } = await connectSaas();
    expect((await browser.submit(page, { decision: 'keep' })).html).toContain('Nothing was changed');
    expect(asked('/revoke').map(({ token, token_type_hint: hint }) => [token, hint])).toEqual([
      ['saas-refresh-2', 'refresh_token'],
    ]);
    expect([await account(), await database.connectFlow.count()]).toEqual([['acct-1', 'alice@saas.example', 1], 0]);
    signedIn('acct-1', 'alice@saas.example');
    expect((await connectSaas()).page.html).toContain('<h1>Connected</h1>');
    expect(await account()).toEqual(['acct-1', 'alice@saas.example', 2]);
  });

  test('is asked about when the provider does not say any more', async () => {
    await configure();
    signedIn('acct-1', 'alice@saas.example');
    await connectSaas();
    await lose();
    answer = () => ({});
    expect((await connectSaas()).page.html).toMatch(/Use another “SaaS” account\?.*does not name/s);
  });
});
