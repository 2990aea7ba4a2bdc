import { newId } from '@sallyport/kernel';
import { eventually, findSecrets } from '@sallyport/testing';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  alice,
  alicesOtherAgent,
  bob,
  Browser,
  clock,
  connect,
  database,
  declared,
  deployForEachTest,
  lease,
  linkFor,
  messaging,
  notes,
  signInOf,
  start,
  url,
  type Person,
} from '../test/connect-deployment.js';

deployForEachTest();

const user = ({ userId }: Person) =>
  database.user.create({
    data: { id: userId, trustProvider: 'demo', issuer: 'https://idp.example', subject: userId, groups: [] },
  });
const agent = ({ sid, userId, clientId }: Person, agentName = 'Agent <one>') =>
  database.agentSession.create({
    data: { sid, userId, clientId, agentName, assurance: 'asserted', grantDigest: sid, redirectHost: 'agent.example' },
  });
beforeEach(async () => {
  clock.stoppedAt = undefined;
  await user(alice);
  await user(bob);
});

const account = (browser: Browser) => browser.open(`${url}/account`);
type Seen = Awaited<ReturnType<typeof account>>;
/** The page with this form alone, as `submit` takes it. */
function formOf(page: Seen, label: string): Seen {
  const form = page.html.match(/<form[\s\S]*?<\/form>/g)?.find((text) => text.includes(`>${label}</button>`));
  if (form === undefined) throw new Error(`no form "${label}" in ${page.html}`);
  return { ...page, html: form };
}
const labels = ({ html }: Seen) => [...html.matchAll(/<button[^>]*>([^<]*)<\/button>/g)].map(([, label]) => label);
const text = ({ html }: Seen) => html.replaceAll(/<[^>]+>/g, ' ').replaceAll(/\s+/g, ' ');

describe('the account page', () => {
  test('asks a server to connect an account only so often for one user, and for another all the same (S32, S34)', async () => {
    await agent(alice);
    await agent(bob, 'Agent of Bob');
    const visitor = new Browser(alice.userId);
    const page = formOf(await account(visitor), 'Connect “Notes &lt;b&gt;”');
    const csrf = (name: string) => new RegExp(`name="${name}" value="([^"]*)"`).exec(page.html)?.[1] ?? '';
    const answers: number[] = [];
    clock.stoppedAt = Date.now();
    // One after the other, each as far as the page that leads to the server.
    for (let click = 0; click < 60 && answers.at(-1) !== 429; click++)
      answers.push(
        (await visitor.post('/account/connect', { csrf: csrf('csrf'), shown: csrf('shown'), server: 'notes' })).status,
      );
    clock.stoppedAt = undefined;
    expect(answers).toEqual([...Array.from({ length: 30 }, () => 200), 429]);
    expect(notes.requests.filter(({ path }) => path === '/.well-known/oauth-authorization-server').length).toBe(
      answers.length - 1,
    );
    const other = new Browser(bob.userId);
    expect((await other.submit(formOf(await account(other), 'Connect “Notes &lt;b&gt;”'))).html).toContain(
      '<h1>Connected</h1>',
    );
  });

  test("asks who is there, shows that user's connections and agents and nobody else's, and changes nothing (S23)", async () => {
    await agent(alice);
    await agent(bob, 'Agent of Bob');
    await connect(bob);
    await connect(alice);
    const browser = new Browser(alice.userId);
    const page = await account(browser);
    expect([page.status, page.url]).toEqual([200, `${url}/account`]);
    expect(browser.visited.some((address) => address.includes('/authorize'))).toBe(true);
    expect(text(page)).toMatch(
      /“Notes &lt;b&gt;” .*State Works\. Permissions notes\.read .*Last used never .*Agents that act for you “Agent &lt;one&gt;” .*Identified as https:\/\/agent\.example\/client\.json Sends you to agent\.example/,
    );
    expect(labels(page)).toEqual([
      'Connect another account of “Notes &lt;b&gt;”',
      'Disconnect “Notes &lt;b&gt;”',
      'Sign out “Agent &lt;one&gt;”',
    ]);
    expect(page.html).not.toMatch(/Agent of Bob|<script|<b>/);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(
      findSecrets(
        { page: page.html },
        { access: notes.issued.accessTokens[1] ?? 'x', refresh: notes.issued.refreshTokens[1] ?? 'x' },
      ),
    ).toEqual([]);
    expect([await database.connectFlow.count(), (await lease(alice)).type]).toEqual([0, 'granted']);
  });

  test('says to the minute when a connection was last used, from the records of calls that were let through', async () => {
    await connect(alice);
    const { id } = await database.connection.findFirstOrThrow();
    const call = (part: object) => ({
      v: 1,
      type: 'mcp.call',
      id: newId('evt'),
      replica: 'gateway-1',
      receivedAt: Date.now(),
      durationMs: 3,
      userId: alice.userId,
      method: 'tools/call',
      server: 'notes',
      connectionId: id,
      decision: 'allow',
      httpStatus: 200,
      ...part,
    });
    await messaging.events.publish('gateway-1', [call({ decision: 'deny', receivedAt: Date.now() - 5_000 })]);
    await messaging.events.publish('gateway-1', [
      call({ receivedAt: 1_700_000_000_000 }),
      call({ receivedAt: 1_700_000_030_000 }),
      call({ connectionId: 'con_unknown' }),
    ]);
    await eventually(
      async () => (await database.connection.findFirstOrThrow()).lastUsedAt?.getTime() === 1_700_000_030_000,
    );
    expect(text(await account(new Browser(alice.userId)))).toContain('Last used 2023-11-14 22:13 UTC');
    await messaging.events.publish('gateway-1', [call({ receivedAt: Date.now() + 86_400_000 })]);
    await eventually(
      async () => ((await database.connection.findFirstOrThrow()).lastUsedAt?.getTime() ?? 0) > 1_700_000_030_000,
    );
    expect((await database.connection.findFirstOrThrow()).lastUsedAt?.getTime()).toBeLessThanOrEqual(Date.now());
  });

  test("disconnects here and at the provider, by a form of this browser's session and for its user only (S23) (R82)", async () => {
    await connect(alice);
    await connect(bob);
    const [mine, theirs] = [
      await database.connection.findFirstOrThrow({ where: { userId: alice.userId } }),
      await database.connection.findFirstOrThrow({ where: { userId: bob.userId } }),
    ];
    const browser = new Browser(alice.userId);
    const form = formOf(await account(browser), 'Disconnect “Notes &lt;b&gt;”');
    expect((await browser.submit(form, { csrf: 'forged' })).status).toBe(403);
    expect(text(await browser.submit(form, { connection: theirs.id }))).toContain('Nothing was changed');
    expect(
      (
        await fetch(`${url}/account/disconnect`, {
          method: 'POST',
          body: new URLSearchParams({ csrf: 'x', connection: mine.id }),
        })
      ).status,
    ).toBe(403);
    expect(await database.connection.count()).toBe(2);
    const done = await browser.submit(form);
    expect([text(done).includes('No agent can use that account any more.'), await database.connection.count()]).toEqual(
      [true, 1],
    );
    expect([
      notes.isLive(notes.issued.accessTokens[0] ?? ''),
      notes.isLive(notes.issued.accessTokens[1] ?? ''),
    ]).toEqual([false, true]);
    expect((await lease(alice)).type).toBe('connect_required');
    expect(text(await browser.submit(form))).toContain('gone already');
  });

  test('says so when the provider does not answer, and that no agent can use the account all the same (R82)', async () => {
    await connect(alice);
    notes.revocationRefusal = { status: 503, json: {} };
    const browser = new Browser(alice.userId);
    expect(text(await browser.submit(formOf(await account(browser), 'Disconnect “Notes &lt;b&gt;”')))).toMatch(
      /Disconnected here: .* Its provider does not answer/,
    );
    expect((await lease(alice)).type).toBe('connect_required');
  });

  test('offers the servers that an agent of the user could reach and connects them with one click, for no agent yet (R36, R40)', async () => {
    const browser = new Browser(alice.userId);
    expect(text(await account(browser))).toMatch(/Connected accounts None yet\. Agents that act for you None/);
    await agent(alice);
    const page = await account(browser);
    expect(text(page)).toMatch(/Servers you can connect “Notes/);
    expect(labels(page)).toEqual(['Connect “Notes &lt;b&gt;”', 'Sign out “Agent &lt;one&gt;”']);
    expect((await browser.submit(formOf(page, 'Connect “Notes &lt;b&gt;”'), { server: 'whoami' })).html).toContain(
      'gone already',
    );
    const done = await browser.submit(formOf(page, 'Connect “Notes &lt;b&gt;”'));
    expect(text(done)).toContain('account is connected. An agent asks you before it uses it');
    expect(await database.connectionConsent.count()).toBe(0);
    const asked = await browser.open(await linkFor(alice));
    expect(asked.html).toContain('has not used it before');
    expect((await browser.submit(asked)).html).toContain('<h1>Connected</h1>');
    expect((await lease(alice)).type).toBe('granted');
  });

  test('marks what needs to be connected again, and that makes a new grant, the consents standing (R36)', async () => {
    await agent(alice);
    await connect(alice);
    await database.connection.updateMany({ data: { state: 'needs_reconnect' } });
    const browser = new Browser(alice.userId);
    const page = await account(browser);
    expect(text(page)).toMatch(/Needs reconnect .*No agent can use it until you connect it again/);
    expect(text(await browser.submit(formOf(page, 'Connect again: “Notes &lt;b&gt;”')))).toContain(
      'account is connected',
    );
    expect(await lease(alice)).toMatchObject({ type: 'granted', connectionRevision: 2 });
  });

  test('leads to the form where a secret is typed in, where the server wants one (R43)', async () => {
    declared.further = `---
kind: McpServer
name: search
spec: { title: Search, url: "https://search.example/mcp" }
---
kind: CredentialProvider
name: search-key
spec: { type: static, server: search, send: { as: bearer } }
---
kind: AccessPolicy
name: search-policy
spec: { hop: gateway-to-server, server: search, credentialProvider: search-key }
`;
    await start(notes.resource);
    await agent(alice);
    const browser = new Browser(alice.userId);
    const form = await browser.submit(formOf(await account(browser), 'Connect “Search”'));
    expect([form.status, form.html.includes('<label for="secret">')]).toEqual([200, true]);
    expect(text(await browser.submit(form, { secret: 'key-of-alice-1' }))).toContain('account is connected');
  });

  test('ends one agent of the user, at once, and touches no other (R85) (S4)', async () => {
    await agent(alice, 'Agent one');
    await agent(alicesOtherAgent, 'Agent two');
    await agent(bob, 'Agent of Bob');
    await connect(alice);
    const browser = new Browser(alice.userId);
    const form = formOf(await account(browser), 'Sign out “Agent one”');
    expect(text(await browser.submit(form, { session: bob.sid }))).toContain('gone already');
    expect((await browser.submit(form, { csrf: 'forged' })).status).toBe(403);
    expect(await database.revocation.count()).toBe(0);
    expect(text(await browser.submit(form))).toContain('That agent is signed out');
    await expect.poll(async () => (await lease(alice)).type).toBe('token_refused');
    expect((await lease(bob)).type).toBe('connect_required');
    expect(labels(await account(browser)).filter((label) => label?.startsWith('Sign out'))).toEqual([
      'Sign out “Agent two”',
    ]);
    expect(await database.connection.count()).toBe(1);
  });

  test('is shown to nobody whose sign-in has ended (S28)', async () => {
    const browser = new Browser(alice.userId);
    expect((await account(browser)).status).toBe(200);
    await database.identitySession.update({
      where: { id: await signInOf(alice.userId) },
      data: { endedAt: new Date() },
    });
    const before = browser.visited.length;
    // This authorization server knows of no other sign-in, and so sends the browser round.
    await expect(account(browser)).rejects.toThrow('too many hops');
    expect(browser.visited[before + 1]).toMatch(/\/authorize\?/);
  });
});
