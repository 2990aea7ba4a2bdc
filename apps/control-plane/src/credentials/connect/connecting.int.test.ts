import { describe, expect, test } from 'vitest';
import {
  alice,
  alicesOtherAgent,
  as,
  bob,
  Browser,
  changed,
  connect,
  database,
  declared,
  deployForEachTest,
  downstreamRequests,
  lease,
  linkFor,
  notes,
  start,
  url,
} from '../../test/connect-deployment.js';

deployForEachTest();

describe('connecting', () => {
  test("a first access asks the user to connect; afterwards leases carry the user's own token (R37, R40)", async () => {
    const browser = await connect(alice);
    const outcome = await lease(alice);
    if (outcome.type !== 'granted') throw new Error(outcome.type);
    const token = outcome.headers['authorization']?.replace('Bearer ', '') ?? '';
    expect(notes.isLive(token)).toBe(true);
    expect(outcome.expiresInSeconds).toBe(900);
    expect(await lease(alice)).toEqual(outcome);
    expect(downstreamRequests()).toBe(1);
    const authorize = new URL(browser.visited.find((address) => address.startsWith(`${notes.origin}/authorize`)) ?? '');
    expect(Object.fromEntries(authorize.searchParams)).toMatchObject({
      response_type: 'code',
      code_challenge_method: 'S256',
      resource: notes.resource,
      scope: 'notes.read',
      redirect_uri: `${url}/connect/callback`,
    });
    expect(changed.map(({ server, userId, connectionRevision }) => ({ server, userId, connectionRevision }))).toEqual([
      { server: 'notes', userId: alice.userId, connectionRevision: 1 },
    ]);
  });

  test("each user has a connection of their own; nobody is served with another's, under the same two policies (R26, R49)", async () => {
    await connect(alice);
    expect((await lease(bob)).type).toBe('connect_required');
    await connect(bob);
    const [first, second] = [await lease(alice), await lease(bob)];
    expect(
      first.type === 'granted' &&
        second.type === 'granted' &&
        first.headers['authorization'] !== second.headers['authorization'],
    ).toBe(true);
  });

  test('a second agent of the same user is consented apart, without a new sign-in at the server (S3)', async () => {
    const browser = await connect(alice);
    const before = notes.requests.length;
    const page = await browser.open(await linkFor(alicesOtherAgent));
    expect(page.html).toContain('https://other.example/client.json');
    expect((await lease(alicesOtherAgent)).type).toBe('connect_required');
    expect((await browser.submit(page)).html).toContain('<h1>Connected</h1>');
    expect((await lease(alicesOtherAgent)).type).toBe('granted');
    expect(notes.requests.length).toBe(before);
  });

  test('opening the page changes nothing; only its own form starts the flow (S23)', async () => {
    const browser = new Browser(alice.userId);
    const page = await browser.open(await linkFor(alice));
    expect(page.status).toBe(200);
    expect(notes.requests).toEqual([]);
    expect(await database.connectFlow.count()).toBe(0);
    const forged = await browser.submit(page, { csrf: 'forged' });
    expect([forged.status, await database.connectFlow.count()]).toEqual([403, 0]);
    const foreign = await fetch(page.url, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin: 'https://evil.example' },
      body: 'csrf=x',
    });
    expect(foreign.status).toBe(403);
  });

  test('the page runs no script, cannot be framed, and shows names as text (S23)', async () => {
    const page = await new Browser(alice.userId).open(await linkFor(alice));
    expect(page.headers.get('content-security-policy')).toMatch(
      /default-src 'none'.*form-action 'self'; frame-ancestors 'none'/,
    );
    expect(page.html).not.toMatch(/<script|<b>|onclick/i);
    expect(page.html).toContain('Agent &lt;script&gt;');
    expect(page.html).toContain('lang="en"');
  });

  test('a link is good only for the user the agent acts for (S23)', async () => {
    const link = await linkFor(alice);
    const page = await new Browser(bob.userId).open(link);
    expect([page.status, page.html.includes('This link is for somebody else')]).toEqual([403, true]);
    const posted = await (async () => {
      const browser = new Browser(bob.userId);
      const own = await browser.open(await linkFor(bob));
      return browser.submit({
        html: own.html.replace(/action="[^"]+"/, `action="${new URL(link).pathname}"`),
        url: own.url,
      });
    })();
    expect(posted.status).toBe(403);
    expect(notes.requests).toEqual([]);
  });
  test('a client registered by hand is shown to its own issuer and to no other that a server comes to name (S20)', async () => {
    declared.providerClient = `, client: { issuer: "${as.origin}", clientId: by-hand, clientSecret: { env: NOTES_SECRET } }`;
    await start(notes.resource);
    const browser = new Browser(alice.userId);
    const page = await browser.submit(await browser.open(await linkFor(alice)));
    expect(page.html).toContain('could not be connected');
    expect(notes.requests.some(({ path }) => path === '/authorize' || path === '/token')).toBe(false);
    expect(JSON.stringify(notes.requests)).not.toContain('configured-client-secret');
    expect(
      (await database.event.findFirstOrThrow({ where: { type: 'connection.refresh_failed' } })).body,
    ).toMatchObject({ detail: { reason: 'issuer_not_the_configured_one' } });

    declared.providerClient = `, client: { issuer: "${notes.origin}", clientId: by-hand, clientSecret: { env: NOTES_SECRET } }`;
    await start(notes.resource);
    const own = new Browser(alice.userId);
    await own.submit(await own.open(await linkFor(alice)));
    expect(
      own.visited.some(
        (address) => address.startsWith(`${notes.origin}/authorize`) && address.includes('client_id=by-hand'),
      ),
    ).toBe(true);
  });
  test.each([
    ['of another issuer', (parameters: URLSearchParams) => parameters.set('iss', 'https://evil.example')],
    ['without the issuer that was announced', (parameters: URLSearchParams) => parameters.delete('iss')],
    ['given twice', (parameters: URLSearchParams) => parameters.append('code', 'second')],
  ])('an answer %s is refused and its code never spent', async (_what, tamper) => {
    notes.tamper = tamper;
    const browser = new Browser(alice.userId);
    const page = await browser.submit(await browser.open(await linkFor(alice)));
    expect(page.html).toContain('could not be connected');
    expect(downstreamRequests()).toBe(0);
  });

  test('a refusal at the server connects nothing, and its words are not repeated', async () => {
    notes.tamper = (parameters) => {
      parameters.delete('code');
      parameters.set('error', 'access_denied');
      parameters.set('error_description', 'Call +1 555 now');
    };
    const browser = new Browser(alice.userId);
    const page = await browser.submit(await browser.open(await linkFor(alice)));
    expect(page.html).toContain('Not connected');
    expect(page.html).not.toContain('555');
  });

  test.each([
    ['names another issuer', { issuer: 'https://evil.example' }],
    ['does not support PKCE S256', { code_challenge_methods_supported: ['plain'] }],
    ['offers no registration', { registration_endpoint: undefined }],
    [
      'would have the browser come over plain http, where nobody allowed it,',
      { authorization_endpoint: 'http://login.example/authorize' },
    ],
  ])('a server whose authorization server %s is not connected', async (_what, metadata) => {
    notes.metadata = metadata;
    const browser = new Browser(alice.userId);
    const page = await browser.submit(await browser.open(await linkFor(alice)));
    expect(page.html).toContain('could not be connected');
    expect(notes.requests.some(({ path }) => path === '/authorize')).toBe(false);
    expect(browser.visited.filter((address) => address.startsWith('http://login.example'))).toEqual([]);
  });
});
