import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigurationReplica, OAUTH_PRESETS } from '@sallyport/configuration';
import { openLeaseAnswer, sealLeaseRequest } from '@sallyport/credential';
import { connectDatabase, type Database } from '@sallyport/database';
import type { RunningService } from '@sallyport/http';
import { namedId, newId, Secret } from '@sallyport/kernel';
import { ensureDeploymentKeys, loadEncryptionKey, loadMasterKey, loadSigningKey, loadVerifyingKey, Sealer, type DeploymentKeyFiles } from '@sallyport/keys';
import { subjects, type CredentialChanged } from '@sallyport/messages';
import { createInProcessMessaging, request, type Messaging } from '@sallyport/messaging';
import { createLogger } from '@sallyport/telemetry';
import { eventually, findSecrets, freePort, startTestOAuthServer, startTestPostgres, type TestOAuthServer, type TestPostgres } from '@sallyport/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startProviderServer, type ProviderAnswer, type ProviderRequest, type ProviderServer } from '../testing/provider-server.js';
import { startControlPlane } from '../start-control-plane.js';

const GATEWAY = 'http://127.0.0.1:7400';
const ADMIN_TOKEN = 'sp_admin_test_0123456789abcdefghijklmnop';
const alice = { userId: newId('usr'), sid: newId('ses'), clientId: 'https://agent.example/client.json' };
const bob = { userId: newId('usr'), sid: newId('ses'), clientId: 'https://agent.example/client.json' };
const alicesOtherAgent = { userId: alice.userId, sid: newId('ses'), clientId: 'https://other.example/client.json' };
type Person = { userId: string; sid: string; clientId: string };

let directory: string;
let keys: DeploymentKeyFiles;
let postgres: TestPostgres;
let database: Database;
let messaging: Messaging;
let as: TestOAuthServer;
let notes: TestOAuthServer;
let service: RunningService | undefined;
let url: string;
let log: string[];
let changed: CredentialChanged[];
/** Everything any browser received. */
let shown: string[];

/** What the credential provider says besides; set before a start. */
let providerClient = '';
/** Further documents of the file; set before a start. */
let further = '';
const file = (notesUrl: string) => `
kind: McpServer
name: notes
spec: { title: "Notes <b>", url: ${notesUrl} }
---
kind: McpServer
name: whoami
spec: { url: "https://whoami.example/mcp" }
---
kind: CredentialProvider
name: notes-user
spec: { type: mcp-user-oauth, server: notes${providerClient} }
---
kind: CredentialProvider
name: whoami-token
spec: { type: gateway-token, server: whoami, scopes: [whoami.read] }
---
kind: AccessPolicy
name: everybody
spec: { hop: client-to-gateway }
---
kind: AccessPolicy
name: notes-policy
spec: { hop: gateway-to-server, server: notes, credentialProvider: notes-user }
---
kind: AccessPolicy
name: whoami-policy
spec: { hop: gateway-to-server, server: whoami, credentialProvider: whoami-token }
---
kind: OutboundNetwork
name: default
spec: { allow: [{ host: 127.0.0.1, http: true }] }
${further}`;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sallyport-connect-'));
  keys = await ensureDeploymentKeys(join(directory, 'keys'), { gateways: ['gateway-1'] });
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));
beforeEach(async () => {
  [postgres, as, notes] = await Promise.all([startTestPostgres(), startTestOAuthServer(), startTestOAuthServer()]);
  database = connectDatabase(postgres.url);
  messaging = createInProcessMessaging();
  [log, changed, shown] = [[], [], []];
  [providerClient, further] = ['', ''];
  await messaging.broadcast.subscribe(subjects.credentialChanged, (payload) => void changed.push(payload as CredentialChanged));
  await start(notes.resource);
});
afterEach(async () => {
  await service?.close();
  await messaging.close();
  await database.$disconnect();
  await Promise.all([postgres.stop(), as.stop(), notes.stop()]);
});

async function start(notesUrl: string): Promise<void> {
  await service?.close();
  const path = join(directory, 'sallyport.yaml');
  writeFileSync(path, file(notesUrl));
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  service = await startControlPlane(
    {
      publicUrl: url, gatewayUrl: GATEWAY, issuer: as.origin, jwksUrl: `${as.origin}/jwks`, host: '127.0.0.1', port,
      databaseUrl: new Secret(postgres.url), adminToken: new Secret(ADMIN_TOKEN), declarativeFile: path, secretVariables: { NOTES_SECRET: 'configured-client-secret', SEARCH_KEY: 'search-key-0123456789' },
      keys: { masterKeyFile: keys.master, configurationSigningKeyFile: keys.configurationSigning, leaseKeyFile: keys.lease, leaseSigningKeyFile: keys.leaseSigning, enrolledGateways: keys.gateways },
      replica: 'control-plane', authorizationServers: ['authorization-server'], stalenessBoundMs: 300_000, heartbeatIntervalMs: 200, trustedProxies: [], extraCertificateAuthorities: [],
    },
    { messaging, logger: createLogger({ name: 'control-plane', level: 'debug', destination: { write: (line: string) => void log.push(line) } }) },
  );
}

function agentToken({ userId, sid, clientId }: Person, changes: object = {}): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: as.origin, aud: `${GATEWAY}/mcp`, sub: userId, sid, client_id: clientId, scope: '', roles: [], groups: [], auth_time: now, amr: [], idp: 'demo', idp_sub: 'x', agent_name: 'Agent <script>', agent_assurance: 'asserted', iat: now, exp: now + 900, jti: randomUUID(), ...changes };
  return as.signJwt(claims, { typ: 'at+jwt' });
}

/** As a gateway asks. */
async function lease(person: Person, changes: { server?: string; targetOrigin?: string; token?: string; policyRevision?: number; rejectedConnectionRevision?: number } = {}) {
  const server = changes.server ?? 'notes';
  const { wire, expectation } = await sealLeaseRequest(
    { token: agentToken(person), ...person, server, targetOrigin: notes.origin, policyRevision: 1, ...changes },
    { replica: 'gateway-1', replicaKey: (await loadSigningKey(keys.gatewayKey('gateway-1'))).privateKey, leasePublicKey: (await loadEncryptionKey(keys.leasePublic)).publicKey, clock: Date.now },
  );
  const answer = await request(messaging.client(), subjects.lease, wire, { timeoutMs: 10_000 });
  return openLeaseAnswer(answer, expectation, { leaseSigningPublicKey: (await loadVerifyingKey(keys.leaseSigningPublic)).publicKey });
}

async function linkFor(person: Person, changes: Parameters<typeof lease>[1] = {}): Promise<string> {
  const outcome = await lease(person, changes);
  if (outcome.type !== 'connect_required') throw new Error(`expected connect_required, got ${JSON.stringify(outcome)}`);
  return outcome.url;
}

/** What the authorization server writes down of a sign-in. */
async function signInOf(userId: string): Promise<string> {
  const id = namedId('ids', userId);
  const now = new Date();
  await database.identitySession.createMany({ data: [{ id, userId, trustProvider: 'demo', issuer: 'https://idp.example', subject: userId, askedAt: now, confirmedAt: now, createdAt: now }], skipDuplicates: true });
  return id;
}

/** A browser without scripts, of one person. */
class Browser {
  readonly #cookies = new Map<string, string>();
  readonly visited: string[] = [];

  constructor(public userId: string) {}

  async open(address: string, init: RequestInit = {}): Promise<{ status: number; html: string; headers: Headers; url: string }> {
    as.subject = this.userId;
    as.idTokenClaims = { identity_session: await signInOf(this.userId) };
    let next = { address, init };
    for (let hop = 0; hop < 10; hop++) {
      const { origin } = new URL(next.address);
      this.visited.push(next.address);
      const headers = new Headers(next.init.headers);
      if (origin === url && this.#cookies.size > 0) headers.set('cookie', [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; '));
      const response = await fetch(next.address, { ...next.init, headers, redirect: 'manual' });
      for (const cookie of response.headers.getSetCookie()) {
        const [pair] = cookie.split(';');
        const [name, ...value] = (pair ?? '').split('=');
        if (cookie.includes('Max-Age=0')) this.#cookies.delete(name ?? '');
        else this.#cookies.set(name ?? '', value.join('='));
      }
      const html = await response.text();
      shown.push(html, [...response.headers].join());
      const refresh = /http-equiv="refresh" content="0; url=([^"]+)"/.exec(html)?.[1]?.replaceAll('&amp;', '&');
      const location = response.headers.get('location') ?? refresh;
      if (!location) return { status: response.status, html, headers: response.headers, url: next.address };
      next = { address: new URL(location, next.address).toString(), init: {} };
    }
    throw new Error('too many hops');
  }

  /** Submits the page's form; `changes` overwrite its fields. */
  submit(page: { html: string; url: string }, changes: Record<string, string> = {}) {
    const action = /<form method="post" action="([^"]+)"/.exec(page.html)?.[1];
    if (!action) throw new Error('no form');
    const fields = Object.fromEntries([...page.html.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)].map(([, name, value]) => [name ?? '', value ?? '']));
    return this.open(new URL(action, page.url).toString(), { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded', origin: url }, body: new URLSearchParams({ ...fields, ...changes }) });
  }
}

async function connect(person: Person): Promise<Browser> {
  const browser = new Browser(person.userId);
  const done = await browser.submit(await browser.open(await linkFor(person)));
  expect(done.html).toContain('<h1>Connected</h1>');
  return browser;
}

async function revoke(subject: object): Promise<void> {
  const answer = await fetch(`${url}/v1/revocations`, { method: 'POST', headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' }, body: JSON.stringify(subject) });
  expect(answer.status).toBe(201);
}

/** After a failed refresh a provider is left alone for a while. */
const endPause = () => database.connection.updateMany({ data: { refreshDueAt: new Date(0) } });
const downstreamRequests = () => notes.requests.filter(({ path }) => path === '/token').length;

describe('connecting', () => {
  test('a first access asks the user to connect; afterwards leases carry the user\'s own token (R35) (R36) (R37) (R40)', async () => {
    const browser = await connect(alice);
    const outcome = await lease(alice);
    if (outcome.type !== 'granted') throw new Error(outcome.type);
    const token = outcome.headers['authorization']?.replace('Bearer ', '') ?? '';
    expect(notes.isLive(token)).toBe(true);
    expect(outcome.expiresInSeconds).toBeLessThanOrEqual(900);
    expect(await lease(alice)).toEqual(outcome);
    expect(downstreamRequests()).toBe(1);
    const authorize = new URL(browser.visited.find((address) => address.startsWith(`${notes.origin}/authorize`)) ?? '');
    expect(Object.fromEntries(authorize.searchParams)).toMatchObject({ response_type: 'code', code_challenge_method: 'S256', resource: notes.resource, scope: 'notes.read', redirect_uri: `${url}/connect/callback` });
    expect(changed.map(({ server, userId, connectionRevision }) => ({ server, userId, connectionRevision }))).toEqual([{ server: 'notes', userId: alice.userId, connectionRevision: 1 }]);
  });

  test('each user has a connection of their own; nobody is served with another\'s, under the same two policies (R26) (R34) (R39) (R49)', async () => {
    await connect(alice);
    expect((await lease(bob)).type).toBe('connect_required');
    await connect(bob);
    const [first, second] = [await lease(alice), await lease(bob)];
    expect(first.type === 'granted' && second.type === 'granted' && first.headers['authorization'] !== second.headers['authorization']).toBe(true);
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
    const foreign = await fetch(page.url, { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded', origin: 'https://evil.example' }, body: 'csrf=x' });
    expect(foreign.status).toBe(403);
  });

  test('the page runs no script, cannot be framed, and shows names as text (S23)', async () => {
    const page = await new Browser(alice.userId).open(await linkFor(alice));
    expect(page.headers.get('content-security-policy')).toMatch(/default-src 'none'.*form-action 'self'; frame-ancestors 'none'/);
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
      return browser.submit({ html: own.html.replace(/action="[^"]+"/, `action="${new URL(link).pathname}"`), url: own.url });
    })();
    expect(posted.status).toBe(403);
    expect(notes.requests).toEqual([]);
  });

  test.each([
    ['another state', (parameters: URLSearchParams) => parameters.set('state', 'guessed')],
    ['another issuer', (parameters: URLSearchParams) => parameters.set('iss', 'https://evil.example')],
    ['an error', (parameters: URLSearchParams) => (parameters.delete('code'), parameters.set('error', 'access_denied'))],
    ['a code that was not given', (parameters: URLSearchParams) => parameters.set('code', 'guessed')],
  ])('a sign-in answered with %s signs nobody in (S23)', async (_what, tamper) => {
    as.tamper = tamper;
    const page = await new Browser(alice.userId).open(await linkFor(alice));
    expect([page.status, page.html.includes('You are not signed in'), await database.browserSession.count()]).toEqual([400, true, 0]);
  });

  test('a sign-in is finished only in the browser that began it, and names a user of ours (S23)', async () => {
    let callback = '';
    as.tamper = (parameters) => void (callback = `${url}/session/callback?${parameters}`);
    await new Browser(alice.userId).open(await linkFor(alice));
    expect((await new Browser(alice.userId).open(callback)).status).toBe(400);
    as.tamper = () => undefined;
    expect((await new Browser('alice@example.com').open(await linkFor(alice))).status).toBe(400);
    expect(await database.browserSession.count()).toBe(1);
  });

  test.each([
    ['names another user under the same signature', ([header = '', payload = '', signature = '']: string[]) => [header, Buffer.from(Buffer.from(payload, 'base64url').toString().replace(/"sub":"[^"]+"/, `"sub":"${alice.userId}"`)).toString('base64url'), signature]],
    ['is not signed', ([header = '', payload = '']: string[]) => [header, payload, '']],
    ['says that it needs no signature', ([, payload = '']: string[]) => [Buffer.from('{"alg":"none"}').toString('base64url'), payload, '']],
  ])('an ID token that %s signs nobody in (S23)', async (_what, change) => {
    as.tamperIdToken = (token) => change(token.split('.')).join('.');
    const page = await new Browser(bob.userId).open(await linkFor(alice));
    expect([page.status, page.html.includes('You are not signed in'), await database.browserSession.count()]).toEqual([400, true, 0]);
  });

  test('nobody else can end the session of a browser, nor choose where it goes after signing in (S23)', async () => {
    const browser = new Browser(bob.userId);
    const page = await browser.open(await linkFor(alice));
    const forged = await browser.submit(page, { csrf: 'forged' });
    expect([forged.status, forged.html.includes('This form is not yours'), await database.browserSession.count()]).toEqual([403, true, 1]);
    for (const returnTo of ['https://evil.example/', '//evil.example', '/\\evil.example', '/connect/../evil', '/connect/x?y']) {
      const victim = new Browser(bob.userId);
      const shownPage = await victim.open(await linkFor(alice));
      await victim.submit(shownPage, { return_to: returnTo });
      expect(victim.visited.filter((address) => !address.startsWith(url) && !address.startsWith(as.origin))).toEqual([]);
      expect(victim.visited.at(-1)).toBe(`${url}/`);
    }
  });

  test('who is signed in as somebody else may sign in anew (S23)', async () => {
    const browser = new Browser(bob.userId);
    const page = await browser.open(await linkFor(alice));
    browser.userId = alice.userId;
    expect((await browser.submit(page)).html).toContain('Connect your Notes');
    expect(browser.visited.some((address) => address.startsWith(as.origin) && address.includes('prompt=login'))).toBe(true);
  });

  test('a tampered ticket and one of another purpose are refused (S16)', async () => {
    const link = await linkFor(alice);
    const altered = link.slice(0, -4) + (link.endsWith('AAAA') ? 'BBBB' : 'AAAA');
    expect((await new Browser(alice.userId).open(altered)).status).toBe(404);
    const other = new Sealer(loadMasterKey(keys.master)).seal('sign-in', '{}', '').toString('base64url');
    expect((await new Browser(alice.userId).open(`${url}/connect/${other}`)).status).toBe(404);
  });

  test('a ticket of a revoked agent is refused', async () => {
    const link = await linkFor(alice);
    const revoked = await fetch(`${url}/v1/revocations`, { method: 'POST', headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' }, body: JSON.stringify({ agent: alice.clientId }) });
    expect(revoked.ok).toBe(true);
    await expect.poll(async () => (await new Browser(alice.userId).open(link)).status).toBe(403);
  });

  /** Up to the server's answer, which is held back. */
  async function startAndHold(browser: Browser): Promise<string> {
    let callback = '';
    notes.tamper = (parameters) => {
      callback = `/connect/callback?${parameters}`;
      for (const name of [...parameters.keys()]) parameters.delete(name);
    };
    await browser.submit(await browser.open(await linkFor(alice)));
    notes.tamper = () => undefined;
    return callback;
  }

  test('an answer counts only in the browser that started it, also for the same user (S23)', async () => {
    const callback = await startAndHold(new Browser(alice.userId));
    const elsewhere = new Browser(alice.userId);
    await elsewhere.open(await linkFor(alice));
    const page = await elsewhere.open(url + callback);
    expect([page.status, page.html.includes('does not belong here')]).toEqual([400, true]);
    expect([downstreamRequests(), await database.connection.count()]).toEqual([0, 0]);
  });

  test('an answer to what was configured differently when the browser left connects nothing (S20)', async () => {
    const browser = new Browser(alice.userId);
    const callback = await startAndHold(browser);
    providerClient = ', scopes: [notes.read]';
    await start(notes.resource);
    const page = await browser.open(url + callback);
    expect([page.status, page.html.includes('could not be connected')]).toEqual([502, true]);
    expect([downstreamRequests(), await database.connection.count()]).toEqual([0, 0]);
  });

  test('a revocation while the browser is at the server connects nothing and spends no code (S28)', async () => {
    const start = new Browser(alice.userId);
    const callback = await startAndHold(start);
    await revoke({ agent: alice.clientId });
    const refused = await start.open(url + callback);
    expect([refused.status, refused.html.includes('access has ended')]).toEqual([403, true]);
    expect([downstreamRequests(), await database.connection.count(), await database.connectionConsent.count()]).toEqual([0, 0, 0]);
  });

  test('a revoked user is signed out of our pages, and what was rendered for them starts nothing (S28)', async () => {
    const browser = new Browser(alice.userId);
    await browser.open(await linkFor(alice));
    await database.user.create({ data: { id: alice.userId, trustProvider: 'demo', issuer: 'https://idp.example', subject: 'alice', groups: [] } });
    await revoke({ user: alice.userId });
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    const link = await linkFor({ ...alice, sid: newId('ses') });
    const before = browser.visited.length;
    const again = await browser.open(link);
    expect(again.html).toContain('Connect your Notes');
    expect(browser.visited.slice(before).some((address) => address.startsWith(`${as.origin}/authorize`))).toBe(true);
  });

  test.each([
    ['ended at the identity provider', { endedAt: new Date() }],
    ['was signed out of', { browserEndedAt: new Date() }],
    ["is another user's", { userId: 'usr_somebody' }],
  ])('a sign-in that %s opens none of our pages (S28)', async (_what, change) => {
    const browser = new Browser(alice.userId);
    const page = await browser.open(await linkFor(alice));
    expect(page.html).toContain('Connect your Notes');
    await database.identitySession.update({ where: { id: await signInOf(alice.userId) }, data: change });
    expect((await browser.submit(page)).html).toContain('This form is not yours');
  });

  test('an ID token that names no sign-in signs nobody in (S23)', async () => {
    const browser = new Browser(alice.userId);
    as.tamper = () => void (as.idTokenClaims = {});
    expect((await browser.open(await linkFor(alice))).status).toBe(400);
    expect(await database.browserSession.count()).toBe(0);
  });

  test('signing out ends the session here by a form of its own, and goes on to the authorization server', async () => {
    const browser = await connect(alice);
    const asked = await browser.open(`${url}/session/end`);
    expect([asked.html.includes('Sign out?'), await database.browserSession.count()]).toEqual([true, 1]);
    expect([(await browser.submit(asked, { csrf: 'forged' })).status, await database.browserSession.count()]).toEqual([403, 1]);
    await browser.submit(asked);
    expect(await database.browserSession.count()).toBe(0);
    const last = new URL(browser.visited.at(-1) ?? '');
    expect([last.origin + last.pathname, Object.fromEntries(last.searchParams)]).toEqual([`${as.origin}/session/end`, { client_id: 'sallyport-control-plane', post_logout_redirect_uri: `${url}/session/ended` }]);
    expect((await browser.open(`${url}/session/ended`)).html).toContain('You are signed out');
  });

  test('a client registered by hand is shown to its own issuer and to no other that a server comes to name (S20)', async () => {
    providerClient = `, client: { issuer: "${as.origin}", clientId: by-hand, clientSecret: { env: NOTES_SECRET } }`;
    await start(notes.resource);
    const browser = new Browser(alice.userId);
    const page = await browser.submit(await browser.open(await linkFor(alice)));
    expect(page.html).toContain('could not be connected');
    expect(notes.requests.some(({ path }) => path === '/authorize' || path === '/token')).toBe(false);
    expect(JSON.stringify(notes.requests)).not.toContain('configured-client-secret');
    expect((await database.event.findFirstOrThrow({ where: { type: 'connection.refresh_failed' } })).body).toMatchObject({ detail: { reason: 'issuer_not_the_configured_one' } });

    providerClient = `, client: { issuer: "${notes.origin}", clientId: by-hand, clientSecret: { env: NOTES_SECRET } }`;
    await start(notes.resource);
    const own = new Browser(alice.userId);
    await own.submit(await own.open(await linkFor(alice)));
    expect(own.visited.some((address) => address.startsWith(`${notes.origin}/authorize`) && address.includes('client_id=by-hand'))).toBe(true);
  });

  test('a callback counts once, in the browser that started it, for the user who did (S8) (S23)', async () => {
    let callback = '';
    notes.tamper = (parameters) => void (callback = `${url}/connect/callback?${parameters}`);
    const browser = await connect(alice);
    const replayed = await browser.open(callback);
    expect([replayed.status, replayed.html.includes('does not belong here')]).toEqual([400, true]);

    let stolen = '';
    const start = new Browser(bob.userId);
    const page = await start.open(await linkFor(bob));
    notes.tamper = (parameters) => {
      stolen = `${url}/connect/callback?${parameters}`;
      for (const name of [...parameters.keys()]) parameters.delete(name);
    };
    await start.submit(page);
    expect((await browser.open(stolen)).status).toBe(400);
    expect((await new Browser(alice.userId).open(stolen)).status).toBe(400);
    expect((await lease(bob)).type).toBe('connect_required');
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
  ])('a server whose authorization server %s is not connected', async (_what, metadata) => {
    notes.metadata = metadata;
    const browser = new Browser(alice.userId);
    const page = await browser.submit(await browser.open(await linkFor(alice)));
    expect(page.html).toContain('could not be connected');
    expect(notes.requests.some(({ path }) => path === '/authorize')).toBe(false);
  });
});

describe('a lease', () => {
  test('waits while the gateway knows a newer policy than this control plane (S21)', async () => {
    await connect(alice);
    expect(await lease(alice, { policyRevision: 1_000_000 })).toEqual({ type: 'provider_unavailable', retryAfterSeconds: 1 });
  });

  test('is refused for a token that is not live here: other audience, expired, downstream, revoked (S6) (S21)', async () => {
    const invalid = expect.objectContaining({ code: 'lease_answer_invalid' });
    await connect(alice);
    const tokens = [agentToken(alice, { aud: 'https://elsewhere.example' }), agentToken(alice, { exp: 1_000 }), as.signJwt({}, { typ: 'at+jwt' }), `${agentToken(alice).slice(0, -8)}AAAAAAAA`];
    for (const token of tokens) await expect(lease(alice, { token })).rejects.toThrow(invalid);
    const live = agentToken(alice);
    await fetch(`${url}/v1/revocations`, { method: 'POST', headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' }, body: JSON.stringify({ agent: alice.clientId }) });
    await expect.poll(() => lease(alice, { token: live }).then(() => 'answered', (error: Error) => error.message)).toMatch(/cannot be trusted/);
  });

  test('is refused for another origin than the configured one, although policy allows the server (S20)', async () => {
    await connect(alice);
    expect(await lease(alice, { targetOrigin: 'https://evil.example' })).toEqual({ type: 'refused', reason: 'target_origin' });
  });

  test('is refused where no policy leads (R24) (R28)', async () => {
    expect(await lease(alice, { server: 'mail' })).toMatchObject({ type: 'refused', reason: 'no_gateway_to_server_policy' });
  });

  test('for a server that trusts us is a token of ours, for its audience, this user and this agent, and is no good inbound (R50) (R51) (S6)', async () => {
    const sealed = new Sealer(loadMasterKey(keys.master)).seal('signing-key', JSON.stringify({ ...as.keys.privateJwk }), 'dt-1');
    await database.signingKey.create({ data: { kid: 'dt-1', purpose: 'downstream-token', algorithm: 'ES256', publicJwk: {}, sealedPrivate: Buffer.from(sealed) } });
    const outcome = await lease(alice, { server: 'whoami', targetOrigin: 'https://whoami.example' });
    if (outcome.type !== 'granted') throw new Error(outcome.type);
    const [header, payload] = (outcome.headers['authorization'] ?? '').replace('Bearer ', '').split('.').map((part) => JSON.parse(Buffer.from(part, 'base64url').toString('latin1').startsWith('{') ? Buffer.from(part, 'base64url').toString() : '{}') as Record<string, unknown>);
    expect(header).toMatchObject({ kid: 'dt-1', alg: 'ES256', typ: 'at+jwt' });
    expect(payload).toMatchObject({ iss: as.origin, aud: 'https://whoami.example/mcp', sub: alice.userId, client_id: alice.clientId, act: { sub: alice.clientId }, scope: 'whoami.read' });
    expect(Number(payload?.['exp']) - Number(payload?.['iat'])).toBe(300);
    await expect(lease(alice, { token: (outcome.headers['authorization'] ?? '').replace('Bearer ', '') })).rejects.toThrow(expect.objectContaining({ code: 'lease_answer_invalid' }));
  });

  test('after the server\'s address changed sends no stored token anywhere and asks to connect again (S20)', async () => {
    await connect(alice);
    const moved = await startTestOAuthServer();
    try {
      await start(moved.resource);
      const outcome = await lease(alice, { targetOrigin: moved.origin });
      expect(outcome.type).toBe('connect_required');
      expect(moved.requests).toEqual([]);
      expect((await database.connection.findFirstOrThrow()).state).toBe('needs_reconnect');
    } finally {
      await moved.stop();
    }
  });

  test('near the token\'s end refreshes it first, once for many who ask, spending each refresh token once (R38) (B3)', async () => {
    notes.accessTokenSeconds = 5;
    await connect(alice);
    notes.accessTokenSeconds = 3600;
    notes.delayMs = 100;
    const outcomes = await Promise.all(Array.from({ length: 6 }, () => lease(alice)));
    expect(new Set(outcomes.map((outcome) => (outcome.type === 'granted' ? outcome.headers['authorization'] : outcome.type))).size).toBe(1);
    expect(downstreamRequests()).toBe(2);
    expect(notes.issued.refreshTokens).toHaveLength(2);
    expect(outcomes[0]).toMatchObject({ type: 'granted', connectionRevision: 2 });
  });

  test('of a credential the server rejected is refreshed by force, at most once a minute (S24)', async () => {
    await connect(alice);
    expect(await lease(alice, { rejectedConnectionRevision: 1 })).toMatchObject({ type: 'granted', connectionRevision: 2 });
    expect(await lease(alice, { rejectedConnectionRevision: 1 })).toMatchObject({ type: 'granted', connectionRevision: 2 });
    expect(await lease(alice, { rejectedConnectionRevision: 2 })).toMatchObject({ type: 'provider_unavailable' });
    expect(downstreamRequests()).toBe(2);
  });

  test('while the provider fails never condemns the grant; a grant that is gone asks to connect again (B4)', async () => {
    notes.accessTokenSeconds = 1;
    await connect(alice);
    notes.accessTokenSeconds = 3600;
    for (const fault of ['unavailable', 'invalid_client'] as const) {
      notes.faults.push(fault);
      expect(await lease(alice)).toMatchObject({ type: 'provider_unavailable' });
      const asked = downstreamRequests();
      expect(await lease(alice)).toMatchObject({ type: 'provider_unavailable' });
      expect(downstreamRequests()).toBe(asked);
      await endPause();
    }
    expect(await lease(alice)).toMatchObject({ type: 'granted', connectionRevision: 2 });
    notes.endAllGrants();
    expect((await lease(alice, { rejectedConnectionRevision: 2 })).type).toBe('connect_required');
    expect((await database.connection.findFirstOrThrow()).state).toBe('needs_reconnect');
    await connect(alice);
    expect(await lease(alice)).toMatchObject({ type: 'granted', connectionRevision: 3 });
  });
});

describe('a secret that was made by hand', () => {
  const SEARCH = 'https://search.example';
  const at = (origin = SEARCH) => ({ server: 'search', targetOrigin: origin });
  const documents = (provider: string, origin = SEARCH) => `---
kind: McpServer
name: search
spec: { title: Search, url: "${origin}/mcp" }
---
kind: CredentialProvider
name: search-key
spec: { type: static, server: search, ${provider} }
---
kind: AccessPolicy
name: search-policy
spec: { hop: gateway-to-server, server: search, credentialProvider: search-key }
`;
  const configure = async (provider: string, origin = SEARCH) => {
    further = documents(provider, origin);
    await start(notes.resource);
  };
  const enter = async (person: Person, fields: Record<string, string>, wish: Parameters<typeof lease>[1] = at()) => {
    const browser = new Browser(person.userId);
    return browser.submit(await browser.open(await linkFor(person, wish)), fields);
  };

  test('is entered by each user on the connect page, and only that user\'s calls carry it (R42) (R43) (R34)', async () => {
    await configure('send: { as: header, name: X-Api-Key }, label: "Search key", help: "https://search.example/keys"');
    const browser = new Browser(alice.userId);
    const page = await browser.open(await linkFor(alice, at()));
    expect(page.html).toContain('<label for="secret">Search key</label>');
    expect(page.html).toContain('href="https://search.example/keys"');
    expect(page.html).not.toContain('id="username"');
    expect(await database.connection.count()).toBe(0);
    expect((await browser.submit(page, { secret: ' key-of-alice-1 ' })).html).toContain('<h1>Connected</h1>');
    expect(await lease(alice, at())).toMatchObject({ type: 'granted', headers: { 'x-api-key': 'key-of-alice-1' }, connectionRevision: 1 });
    expect((await lease(bob, at())).type).toBe('connect_required');
    expect((await enter(bob, { secret: 'key-of-bob-22' })).status).toBe(200);
    expect(await lease(bob, at())).toMatchObject({ headers: { 'x-api-key': 'key-of-bob-22' } });
    expect(await lease(alice, at())).toMatchObject({ headers: { 'x-api-key': 'key-of-alice-1' } });
    expect(changed.map(({ server, userId }) => [server, userId])).toEqual([['search', alice.userId], ['search', bob.userId]]);
  });

  test('needs the form of this session, and what cannot be sent is asked for again without being shown (S23) (R44)', async () => {
    await configure('send: { as: bearer }');
    expect((await enter(alice, { csrf: 'forged', secret: 'key-of-alice-1' })).status).toBe(403);
    for (const secret of ['', 'short', 'two words', 'line\r\nX-Evil: 1']) {
      const page = await enter(alice, { secret });
      expect([page.status, page.html.includes('role="alert"'), secret !== '' && page.html.includes(secret)]).toEqual([400, true, false]);
    }
    expect(await database.connection.count()).toBe(0);
  });

  test('of HTTP basic is a user name and a password', async () => {
    await configure('send: { as: basic }');
    expect((await enter(alice, { secret: 'correct horse', username: 'a:b' })).status).toBe(400);
    expect((await enter(alice, { secret: 'correct horse', username: 'alice' })).status).toBe(200);
    expect(await lease(alice, at())).toMatchObject({ headers: { authorization: `Basic ${Buffer.from('alice:correct horse').toString('base64')}` } });
  });

  test('is asked for again when the server rejects it, and at once (R35)', async () => {
    await configure('send: { as: bearer }');
    await enter(alice, { secret: 'key-of-alice-1' });
    const rejected = { ...at(), rejectedConnectionRevision: 1 };
    expect((await lease(alice, rejected)).type).toBe('connect_required');
    expect((await enter(alice, { secret: 'key-of-alice-2' }, rejected)).html).toContain('<h1>Connected</h1>');
    expect(await lease(alice, rejected)).toMatchObject({ headers: { authorization: 'Bearer key-of-alice-2' }, connectionRevision: 2 });
  });

  test('goes nowhere else when the server moves: it is entered anew (S20)', async () => {
    await configure('send: { as: bearer }');
    await enter(alice, { secret: 'key-of-alice-1' });
    await configure('send: { as: bearer }', 'https://evil.example');
    expect((await lease(alice, at('https://evil.example'))).type).toBe('connect_required');
    expect(await lease(alice, at())).toEqual({ type: 'refused', reason: 'target_origin' });
    expect((await database.connection.findFirstOrThrow()).state).toBe('needs_reconnect');
  });

  test('of a second agent is consented apart, and removing the connection ends it (S3)', async () => {
    await configure('send: { as: bearer }');
    await enter(alice, { secret: 'key-of-alice-1' });
    expect((await lease(alicesOtherAgent, at())).type).toBe('connect_required');
    const page = await enter(alicesOtherAgent, {});
    expect(page.html).toContain('<h1>Connected</h1>');
    expect((await lease(alicesOtherAgent, at())).type).toBe('granted');
    const { id } = await database.connection.findFirstOrThrow();
    const answer = await fetch(`${url}/v1/connections/${id}`, { method: 'DELETE', headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
    expect(await answer.json()).toEqual({ id, revokedUpstream: false });
    expect((await lease(alice, at())).type).toBe('connect_required');
  });

  test('that is shared serves everybody, without anybody connecting, at the origin it is for (R42) (R43) (S20)', async () => {
    const shared = `owner: shared, send: { as: authorization, scheme: Token }, secret: { env: SEARCH_KEY }, origin: "${SEARCH}"`;
    await configure(shared);
    const outcome = await lease(alice, at());
    expect(outcome).toEqual({ type: 'granted', headers: { authorization: 'Token search-key-0123456789' }, connectionId: null, connectionRevision: 0, expiresInSeconds: 900 });
    expect(await lease(bob, at())).toEqual(outcome);
    await expect(configure(shared, 'https://evil.example')).rejects.toThrow(/does not follow a server that moves/);
    await configure(shared);
  });

  test('is in no dump, log, page or event (R44) (R46) (S30)', async () => {
    await configure(`owner: shared, send: { as: bearer }, secret: { env: SEARCH_KEY }, origin: "${SEARCH}"`);
    await lease(alice, at());
    await configure('send: { as: basic }');
    await enter(alice, { secret: 'entered by alice', username: 'two:parts' });
    await enter(alice, { secret: 'entered by alice', username: 'alice' });
    await lease(alice, at());
    const dump = JSON.stringify(await Promise.all([database.connection.findMany(), database.storedSecret.findMany(), database.configurationDocument.findMany(), database.event.findMany()].map(async (rows) => JSON.stringify(await rows, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value)))));
    expect(findSecrets({ dump, log: log.join(''), pages: shown.join('\n') }, { shared: 'search-key-0123456789', entered: 'entered by alice' })).toEqual([]);
  });
});

describe('a token for a client of ours', () => {
  let endpoint: Server;
  let asked: { authorization: string | undefined; form: URLSearchParams }[];
  let answer: () => { status: number; json: object };
  beforeEach(async () => {
    asked = [];
    answer = () => ({ status: 200, json: { access_token: `machine-token-${asked.length}`, token_type: 'Bearer', expires_in: 3600 } });
    endpoint = createServer((incoming, outgoing) => {
      let body = '';
      incoming.on('data', (chunk: Buffer) => (body += chunk.toString()));
      incoming.on('end', () => {
        asked.push({ authorization: incoming.headers.authorization, form: new URLSearchParams(body) });
        const { status, json } = answer();
        outgoing.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json));
      });
    });
    await new Promise<void>((resolve) => endpoint.listen(0, '127.0.0.1', resolve));
    const address = endpoint.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    further = `---
kind: McpServer
name: mail
spec: { url: "https://mail.example/mcp" }
---
kind: CredentialProvider
name: mail-machine
spec:
  type: client-credentials
  server: mail
  tokenEndpoint: "http://127.0.0.1:${port}/token"
  origin: "https://mail.example"
  client: { authentication: client_secret_basic, clientId: gateway, clientSecret: { env: SEARCH_KEY } }
---
kind: AccessPolicy
name: mail-policy
spec: { hop: gateway-to-server, server: mail, credentialProvider: mail-machine }
`;
    await start(notes.resource);
  });
  afterEach(() => new Promise<void>((resolve) => {
    endpoint.close(() => resolve());
    endpoint.closeAllConnections();
  }));
  const mail = { server: 'mail', targetOrigin: 'https://mail.example' };

  test('serves everybody, is asked for once, and leaves a trace without a secret (R43) (R44) (R80)', async () => {
    const outcomes = await Promise.all([lease(alice, mail), lease(bob, mail), lease(alicesOtherAgent, mail)]);
    for (const outcome of outcomes) expect(outcome).toMatchObject({ type: 'granted', headers: { authorization: 'Bearer machine-token-1' }, connectionId: null, expiresInSeconds: 900 });
    expect(asked.map(({ authorization, form }) => [authorization, form.get('grant_type'), form.get('resource')])).toEqual([[`Basic ${btoa('gateway:search-key-0123456789')}`, 'client_credentials', 'https://mail.example/mcp']]);
    const events = await database.event.findMany({ where: { type: 'connection.refreshed' } });
    expect(events.map(({ server, userId }) => [server, userId])).toEqual([['mail', null]]);
    expect(findSecrets({ events: JSON.stringify(events.map(({ body }) => body)), log: log.join('') }, { token: 'machine-token-1', secret: 'search-key-0123456789' })).toEqual([]);
  });

  test('is not asked for at every call when the provider says no, and what it says stays there (B4) (S30)', async () => {
    answer = () => ({ status: 400, json: { error: 'invalid_client', error_description: 'secret search-key-0123456789 is wrong' } });
    expect(await lease(alice, mail)).toEqual({ type: 'provider_unavailable', retryAfterSeconds: 60 });
    expect(await lease(bob, mail)).toMatchObject({ type: 'provider_unavailable' });
    expect(asked.length).toBe(1);
    const event = await database.event.findFirstOrThrow({ where: { type: 'connection.refresh_failed' } });
    expect(event.body).toMatchObject({ server: 'mail', detail: { reason: 'invalid_client', provider: 'mail-machine' } });
    expect(findSecrets({ event: JSON.stringify(event.body), log: log.join('') }, { secret: 'search-key-0123456789' })).toEqual([]);
  });
});

describe('a provider that cannot be discovered', () => {
  let saas: ProviderServer;
  const target = { server: 'saas', targetOrigin: 'https://saas.example' };
  const configure = async (spec: string, authentication = 'client_secret_post') => {
    further = `---
kind: McpServer
name: saas
spec: { url: "https://saas.example/mcp" }
---
kind: CredentialProvider
name: saas-user
spec: { type: oauth-user, server: saas, authorizationEndpoint: "${saas.origin}/authorize", tokenEndpoint: "${saas.origin}/token", client: { authentication: ${authentication}, clientId: gateway, clientSecret: { env: SEARCH_KEY } }, ${spec} }
---
kind: AccessPolicy
name: saas-policy
spec: { hop: gateway-to-server, server: saas, credentialProvider: saas-user }
`;
    await start(notes.resource);
  };
  const connectSaas = async (rejectedConnectionRevision?: number) => {
    const browser = new Browser(alice.userId);
    return browser.submit(await browser.open(await linkFor(alice, { ...target, ...(rejectedConnectionRevision === undefined ? {} : { rejectedConnectionRevision }) })));
  };
  const asked = (path: string) => saas.requests.filter((request) => request.path === path);
  const granted = (number: number, more: object = {}) => ({ access_token: `saas-access-${number}`, refresh_token: `saas-refresh-${number}`, token_type: 'bearer', expires_in: 3600, ...more });
  beforeEach(async () => {
    saas = await startProviderServer();
  });
  afterEach(() => saas.stop());

  interface Habit {
    readonly spec?: string;
    readonly authentication?: string;
    readonly authorize?: Record<string, string | null>;
    readonly fields?: Record<string, string | undefined>;
    readonly json?: boolean;
    /** How a grant is answered, the refreshed one too. */
    readonly grant?: (number: number, request: ProviderRequest) => object;
    readonly dead: ProviderAnswer;
  }
  const habits: Record<string, Habit> = {
    atlassian: { spec: 'scopes: [read, offline_access]', authorize: { audience: 'api.atlassian.com', prompt: 'consent', resource: null, scope: 'read offline_access' }, json: true, dead: { status: 403, json: { error: 'unauthorized_client', error_description: 'refresh_token is invalid' } } },
    github: { spec: 'scopes: [repo, user]', authorize: { scope: 'repo user', resource: null }, grant: (number) => granted(number, { expires_in: '28800', scope: 'repo,user' }), dead: { json: { error: 'bad_refresh_token' } } },
    google: { spec: `scopes: [openid], issuer: "https://accounts.google.com"`, authorize: { access_type: 'offline', prompt: 'consent', resource: null }, dead: { status: 400, json: { error: 'invalid_grant' } }, grant: (number, { fields }) => ({ ...granted(number), ...(fields['grant_type'] === 'refresh_token' ? { refresh_token: undefined } : {}) }) },
    hubspot: { authorize: { code_challenge: null, resource: null }, dead: { status: 400, json: { status: 'BAD_REFRESH_TOKEN', message: 'missing or invalid refresh token' } } },
    linear: { spec: 'scopes: [read, write]', authorize: { scope: 'read,write' }, grant: (number) => granted(number, { scope: 'read,write' }), dead: { status: 400, json: { error: 'invalid_grant' } } },
    microsoft: { spec: 'scopes: [offline_access, User.Read]', authorize: { resource: null }, dead: { status: 400, json: { error: 'interaction_required', error_description: 'AADSTS50076' } } },
    notion: { authentication: 'client_secret_basic', authorize: { owner: 'user', code_challenge: null, scope: null }, json: true, dead: { status: 400, json: { error: 'invalid_grant' } } },
    salesforce: { authorize: { resource: null }, grant: (number) => ({ ...granted(number), expires_in: undefined, issued_at: '1700000000000' }), dead: { status: 400, json: { error: 'invalid_grant', error_description: 'expired access/refresh token' } } },
    sentry: { spec: 'scopes: ["org:read"]', authorize: { scope: 'org:read' }, grant: (number) => granted(number, { expires_in: 2_591_999, expires_at: '2030-01-01T00:00:00Z' }), dead: { status: 400, json: { error: 'invalid_grant' } } },
    slack: {
      spec: 'scopes: ["channels:read", "chat:write"]', authorize: { user_scope: 'channels:read,chat:write', scope: null, code_challenge: null },
      grant: (number, { fields }) => (fields['grant_type'] === 'refresh_token' ? { ok: true, ...granted(number, { token_type: 'user' }) } : { ok: true, ...granted(99, { token_type: 'bot' }), authed_user: granted(number, { id: 'U1', token_type: 'user' }) }),
      dead: { json: { ok: false, error: 'invalid_refresh_token' } },
    },
  };

  test('has a habit to test for each preset', () => expect(Object.keys(habits).toSorted()).toEqual([...OAUTH_PRESETS].toSorted()));
  test.each(Object.entries(habits))('and behaves like %s is connected, refreshed, and asked for again when its grant is dead (R36) (R38) (R43) (B4)', async (preset, habit) => {
    await configure(`preset: ${preset}${habit.spec === undefined ? '' : `, ${habit.spec}`}`, habit.authentication);
    if (preset === 'google') saas.tamper = (parameters) => parameters.set('iss', 'https://accounts.google.com');
    let number = 0;
    saas.answer = (request) => ({ json: (habit.grant ?? granted)((number += 1), request) });
    expect((await connectSaas()).html).toContain('<h1>Connected</h1>');
    const query = asked('/authorize')[0]?.query;
    for (const [name, value] of Object.entries(habit.authorize ?? {})) expect([name, query?.get(name) ?? null]).toEqual([name, value]);
    expect(await lease(alice, target)).toMatchObject({ type: 'granted', headers: { authorization: 'Bearer saas-access-1' } });
    expect(await lease(alice, { ...target, rejectedConnectionRevision: 1 })).toMatchObject({ type: 'granted', headers: { authorization: 'Bearer saas-access-2' }, connectionRevision: 2 });
    const [exchange, refresh] = asked('/token');
    expect([exchange?.fields['grant_type'], exchange?.fields['code'], 'code_verifier' in (exchange?.fields ?? {}), exchange?.fields['resource']]).toEqual(['authorization_code', 'the-code', query?.has('code_challenge'), undefined]);
    expect([refresh?.fields['grant_type'], refresh?.fields['refresh_token'], refresh?.headers['content-type']]).toEqual(['refresh_token', 'saas-refresh-1', habit.json === true ? 'application/json' : 'application/x-www-form-urlencoded']);
    if (habit.authentication === 'client_secret_basic') expect(refresh?.headers.authorization).toBe(`Basic ${btoa('gateway:search-key-0123456789')}`);
    else expect(refresh?.fields['client_secret']).toBe('search-key-0123456789');
    const row = await database.connection.findFirstOrThrow();
    expect(row.accessExpiresAt === null || row.accessExpiresAt.getTime() > Date.now()).toBe(true);
    expect(row.refreshDueAt).not.toBeNull();
    if (preset === 'github') expect(row.scopes).toEqual(['repo', 'user']);
    saas.answer = () => ({ status: 503, json: {} });
    await database.connection.updateMany({ data: { accessExpiresAt: new Date(0) } });
    expect(await lease(alice, target)).toMatchObject({ type: 'provider_unavailable' });
    await endPause();
    saas.answer = () => ({ status: 401, json: { error: 'invalid_client' } });
    expect(await lease(alice, target)).toMatchObject({ type: 'provider_unavailable' });
    await endPause();
    saas.answer = () => habit.dead;
    expect((await lease(alice, target)).type).toBe('connect_required');
    expect((await database.connection.findFirstOrThrow()).state).toBe('needs_reconnect');
    expect(findSecrets({ log: log.join(''), pages: shown.join('\n') }, { access: 'saas-access-2', refresh: 'saas-refresh-1', secret: 'search-key-0123456789' })).toEqual([]);
  });

  test.each<[string, string, object, (row: { accessExpiresAt: Date | null; refreshDueAt: Date | null }) => boolean]>([
    ['in milliseconds', 'expiresIn: milliseconds', { expires_in: 60_000 }, ({ accessExpiresAt }) => (accessExpiresAt?.getTime() ?? 0) < Date.now() + 61_000],
    ['as a date', 'pkce: true', { expires_in: new Date(Date.now() + 60_000).toISOString() }, ({ accessExpiresAt }) => (accessExpiresAt?.getTime() ?? 0) < Date.now() + 61_000],
    ['not at all, for a token that never expires', 'pkce: true', { expires_in: undefined, refresh_token: undefined }, ({ accessExpiresAt, refreshDueAt }) => accessExpiresAt === null && refreshDueAt === null],
    ['not at all, for one that does', 'unsaidLifetime: 2m', { expires_in: undefined }, ({ accessExpiresAt }) => (accessExpiresAt?.getTime() ?? Number.POSITIVE_INFINITY) < Date.now() + 121_000],
  ])('may tell a lifetime %s', async (_how, spec, more, holds) => {
    await configure(spec);
    saas.answer = () => ({ json: granted(1, more) });
    await connectSaas();
    expect(await database.connection.findFirstOrThrow()).toSatisfy(holds);
  });

  test('is asked with PKCE and the server\'s resource unless its document says otherwise, with its own parameters, and refreshed elsewhere (S25)', async () => {
    await configure(`refreshEndpoint: "${saas.origin}/refresh", tokenParameters: { flavour: x }, authorizeParameters: { audience: y }`);
    let number = 0;
    saas.answer = () => ({ json: granted((number += 1)) });
    await connectSaas();
    expect(Object.fromEntries(asked('/authorize')[0]?.query ?? [])).toMatchObject({ code_challenge_method: 'S256', resource: 'https://saas.example/mcp', audience: 'y' });
    expect(asked('/token')[0]?.fields).toMatchObject({ resource: 'https://saas.example/mcp', flavour: 'x', code_verifier: expect.any(String) });
    expect(await lease(alice, { ...target, rejectedConnectionRevision: 1 })).toMatchObject({ connectionRevision: 2 });
    expect([asked('/token').length, asked('/refresh').map(({ fields }) => [fields['grant_type'], fields['flavour']])]).toEqual([1, [['refresh_token', 'x']]]);
  });

  test('that names another issuer than its document connects nobody, and its code is shown to nobody (S25)', async () => {
    await configure('pkce: true');
    saas.answer = () => ({ json: granted(1) });
    saas.tamper = (parameters) => parameters.set('iss', 'https://evil.example');
    expect((await connectSaas()).status).toBe(502);
    expect([asked('/token').length, await database.connection.count()]).toEqual([0, 0]);
  });

  test('whose answer holds only a token of another type gives no credential (R34)', async () => {
    await configure('preset: slack');
    saas.answer = () => ({ json: { ok: true, ...granted(9, { token_type: 'bot' }) } });
    expect((await connectSaas()).status).toBe(502);
    expect(await database.connection.count()).toBe(0);
  });

  test('sends no stored token to another token endpoint that its document comes to name (S20)', async () => {
    await configure('pkce: true');
    saas.answer = () => ({ json: granted(1) });
    await connectSaas();
    await configure(`pkce: true, refreshEndpoint: "${saas.origin}/elsewhere"`);
    expect((await lease(alice, { ...target, rejectedConnectionRevision: 1 })).type).toBe('connect_required');
    expect(asked('/elsewhere')).toEqual([]);
  });
});

describe('what is stored and said', () => {
  const everySecret = () => ({ ...Object.fromEntries([...notes.issued.accessTokens, ...notes.issued.refreshTokens, ...notes.issued.clientSecrets].map((value, index) => [`downstream ${index}`, value])), agent: agentToken(alice) });

  test('a dump of the database, the log and every page hold no token and no client secret (R44) (R46) (S30)', async () => {
    await connect(alice);
    await lease(alice, { rejectedConnectionRevision: 1 });
    const dump = JSON.stringify(await Promise.all([database.connection.findMany(), database.downstreamRegistration.findMany(), database.connectFlow.findMany(), database.browserSession.findMany(), database.event.findMany()].map(async (rows) => JSON.stringify(await rows, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value)))));
    expect(notes.issued.refreshTokens.length).toBe(2);
    expect(findSecrets({ dump, log: log.join(''), pages: shown.join('\n') }, everySecret())).toEqual([]);
  });

  test('a sealed credential opens in no other row: swapped ones are refused (S22)', async () => {
    await connect(alice);
    await connect(bob);
    const [first, second] = await database.connection.findMany();
    if (!first || !second) throw new Error('two connections');
    await database.connection.update({ where: { id: first.id }, data: { sealedCredential: second.sealedCredential } });
    const victim = first.userId === alice.userId ? alice : bob;
    await expect(lease(victim)).rejects.toThrow(expect.objectContaining({ code: 'messaging_request_failed' }));
  });

  test('the trail tells who connected what through which agent, and what was refused', async () => {
    await connect(alice);
    await lease(alice, { targetOrigin: 'https://evil.example' });
    const events = await database.event.findMany({ orderBy: { sequence: 'asc' } });
    expect(events.map(({ type, userId, server }) => ({ type, userId, server })).filter(({ type }) => type !== 'configuration.changed')).toEqual([
      { type: 'connection.created', userId: alice.userId, server: 'notes' },
      { type: 'connection.consented', userId: alice.userId, server: 'notes' },
      { type: 'lease.refused', userId: alice.userId, server: 'notes' },
    ]);
  });

  test('administrators see connections without secrets, and removing one revokes it at the server and drops it everywhere', async () => {
    await connect(alice);
    const admin = (path: string, method = 'GET') => fetch(`${url}${path}`, { method, headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
    expect((await fetch(`${url}/v1/connections`)).status).toBe(401);
    const listed = await (await admin('/v1/connections')).text();
    expect(findSecrets({ listed }, everySecret())).toEqual([]);
    const [connection] = (JSON.parse(listed) as { connections: { id: string; userId: string; state: string }[] }).connections;
    expect(connection).toMatchObject({ userId: alice.userId, state: 'connected' });
    expect(await (await admin(`/v1/connections/${connection?.id}`, 'DELETE')).json()).toEqual({ id: connection?.id, revokedUpstream: true });
    expect(notes.isLive(notes.issued.accessTokens[0] ?? '')).toBe(false);
    expect((await lease(alice)).type).toBe('connect_required');
    expect(await database.connectionConsent.count()).toBe(0);
    expect(changed.at(-1)).toMatchObject({ connectionId: connection?.id });
    expect((await admin(`/v1/connections/${connection?.id}`, 'DELETE')).status).toBe(404);
    await connect(alice);
    expect((await lease(alice)).type).toBe('granted');
  });

  test('leases of a removed connection are void at a gateway that missed the message, for as long as one can live (S28)', async () => {
    await connect(alice);
    const replica = new ConfigurationReplica({ log: messaging.configuration, verifyKey: (await loadVerifyingKey(keys.configurationSigningPublic)).publicKey });
    await replica.start();
    const { revocations } = await replica.whenReady(5_000);
    const { id } = await database.connection.findFirstOrThrow();
    const leasedAt = Math.floor(Date.now() / 1000);
    await fetch(`${url}/v1/connections/${id}`, { method: 'DELETE', headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
    await eventually(() => revocations.isConnectionRevoked(id, leasedAt));
    await replica.stop();
    expect((await database.revocation.findFirstOrThrow()).expiresAt).toBeGreaterThanOrEqual(leasedAt + 900 + 60);
  });

  test('a connection whose credential does not open any more can still be removed', async () => {
    await connect(alice);
    const { id } = await database.connection.findFirstOrThrow();
    await database.connection.update({ where: { id }, data: { tokenEndpoint: 'https://evil.example/token', revocationEndpoint: 'https://evil.example/revoke' } });
    await expect(lease(alice)).rejects.toThrow(expect.objectContaining({ code: 'messaging_request_failed' }));
    const answer = await fetch(`${url}/v1/connections/${id}`, { method: 'DELETE', headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
    expect([answer.status, await answer.json()]).toEqual([200, { id, revokedUpstream: false }]);
    expect(await database.event.count({ where: { type: 'connection.removed' } })).toBe(1);
  });
});
