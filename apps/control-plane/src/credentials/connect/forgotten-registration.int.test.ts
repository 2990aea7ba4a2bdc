import { setTimeout as sleep } from 'node:timers/promises';
import { newId } from '@sallyport/kernel';
import { describe, expect, test } from 'vitest';
import {
  admin,
  alice,
  bob,
  Browser,
  connect,
  database,
  deployForEachTest,
  downstreamRequests,
  lease,
  linkFor,
  log,
  notes,
  start,
  type Person,
} from '../../test/connect-deployment.js';

deployForEachTest();

const registrations = () => notes.requests.filter(({ path }) => path === '/register').length;
const events = async (type: string) => (await database.event.findMany({ where: { type } })).map(({ body }) => body);
const tryToConnect = async (person: Person) => {
  const browser = new Browser(person.userId);
  return browser.submit(await browser.open(await linkFor(person)));
};
const person = (): Person => ({ ...bob, userId: newId('usr'), sid: newId('ses') });
const endTokens = () => database.connection.updateMany({ data: { accessExpiresAt: new Date(0) } });

describe('an authorization server that forgot our registration', () => {
  test('costs each user one click: it is asked twice, the registration is dropped, and the next who connects registers anew (B21)', async () => {
    await connect(alice);
    await connect(bob);
    await endTokens();
    notes.forgetClients();
    expect((await lease(alice)).type).toBe('connect_required');
    const asked = downstreamRequests();
    expect([asked, await database.downstreamRegistration.count()]).toEqual([4, 0]);
    expect((await lease(bob)).type).toBe('connect_required');
    expect(downstreamRequests()).toBe(asked);
    expect(await events('connection.needs_reconnect')).toMatchObject(
      [alice, bob].map(({ userId }) => ({ userId, detail: { reason: 'client_forgotten' } })),
    );
    expect(await events('client-registration.dropped')).toMatchObject([
      { detail: { reason: 'client_forgotten', issuer: notes.origin } },
    ]);
    expect(log.filter((line) => line.includes('client registration dropped'))).toHaveLength(1);
    expect(await database.providerHealth.count()).toBe(0);
    for (const person of [alice, bob]) await connect(person);
    expect([registrations(), (await lease(alice)).type, (await lease(bob)).type]).toEqual([2, 'granted', 'granted']);
  });

  test('is not asked for a token that still lives, unless the server rejects it (B4) (B21)', async () => {
    await connect(alice);
    notes.forgetClients();
    expect((await lease(alice)).type).toBe('granted');
    expect((await lease(alice, { rejectedConnectionRevision: 1 })).type).toBe('connect_required');
    expect(await database.connection.findFirstOrThrow()).toMatchObject({ state: 'needs_reconnect' });
  });

  test('leads nobody into its error page twice: a browser that did not come back is a hint (B21)', async () => {
    await connect(alice);
    notes.forgetClients();
    expect((await tryToConnect(bob)).status).toBe(400);
    expect((await tryToConnect(bob)).html).toContain('<h1>Connected</h1>');
    expect(registrations()).toBe(2);
    // A browser that is still on its way costs the others a question, and nobody the registration.
    notes.tamper = (parameters) => parameters.set('state', 'lost');
    await tryToConnect(person());
    notes.tamper = () => undefined;
    await connect(person());
    expect(registrations()).toBe(2);
  });

  test('and says so on its page alone costs each user that page once: the second link is for a new registration (B21)', async () => {
    notes.tamperRegistration = ({ client_id }) => ({ client_id, token_endpoint_auth_method: 'none' });
    notes.tellsStrangersOnPageOnly = true;
    await connect(alice);
    await endTokens();
    notes.forgetClients();
    expect((await lease(alice)).type).toBe('connect_required');
    expect((await tryToConnect(alice)).status).toBe(404);
    expect((await tryToConnect(alice)).html).toContain('<h1>Connected</h1>');
    expect([registrations(), (await lease(alice)).type]).toEqual([2, 'granted']);
    // One that knows us is asked in vain, and nothing is dropped.
    notes.tamper = (parameters) => parameters.set('state', 'lost');
    await tryToConnect(bob);
    notes.tamper = () => undefined;
    await connect(bob);
    expect(registrations()).toBe(2);
  });

  test('while a browser was there says what to do, and is not believed about a code that it issued to a client it knows (B21) (B32)', async () => {
    notes.tamper = () => notes.forgetClients();
    expect((await tryToConnect(alice)).html).toContain('Open the link of your agent once more');
    notes.tamper = () => undefined;
    notes.faults.push('unauthorized_client');
    await tryToConnect(alice);
    await connect(alice);
    expect(registrations()).toBe(2);
  });

  test('is named by an administrator, who sees and drops registrations (B21)', async () => {
    await connect(alice);
    const list = async () =>
      ((await (await admin('/v1/client-registrations')).json()) as { clientRegistrations: object[] })
        .clientRegistrations;
    expect(await list()).toEqual([
      {
        issuer: notes.origin,
        clientId: expect.stringMatching(/^client-/),
        authentication: 'client_secret_basic',
        redirectUri: expect.stringContaining('/connect/callback'),
        expiresAt: null,
        createdAt: expect.any(String),
      },
    ]);
    const drop = () =>
      admin(`/v1/client-registrations?issuer=${encodeURIComponent(notes.origin)}`, { method: 'DELETE' });
    expect([(await drop()).status, (await drop()).status, (await list()).length]).toEqual([200, 404, 0]);
    expect(await events('client-registration.dropped')).toMatchObject([{ detail: { reason: 'administrator' } }]);
    expect((await lease(alice)).type).toBe('granted');
    await endTokens();
    expect((await lease(alice)).type).toBe('connect_required');
    expect((await admin('/v1/client-registrations', { headers: { authorization: 'Bearer x' } })).status).toBe(401);
  });
});

describe('a registration whose secret ends', () => {
  const endsIn = (seconds: number) =>
    (notes.tamperRegistration = (answer) => ({
      ...answer,
      client_secret_expires_at: Math.floor(Date.now() / 1000) + seconds,
    }));

  test('serves everybody until shortly before, and is no good afterwards: that is said without a call that fails (B21)', async () => {
    endsIn(4);
    await connect(alice);
    endsIn(120);
    await sleep(4_000);
    await connect(bob);
    await connect(person());
    expect(registrations()).toBe(2);
    await endTokens();
    const asked = downstreamRequests();
    expect([(await lease(alice)).type, downstreamRequests()]).toEqual(['connect_required', asked]);
    expect((await lease(bob)).type).toBe('granted');
  });

  test('or that another took the place of goes on for the grants that were made with it (B21)', async () => {
    await connect(alice);
    await start(notes.resource); // at another address: another redirect URI
    await connect(bob);
    expect(registrations()).toBe(2);
    await endTokens();
    expect([(await lease(alice)).type, (await lease(bob)).type]).toEqual(['granted', 'granted']);
  });
});
