import { join } from 'node:path';
import type { Document } from '@sallyport/configuration';
import { signLogEntry, splitBase } from '@sallyport/configuration/log';
import {
  openRegistration,
  PostgresConnectionStore,
  PostgresProviderHealthStore,
  sealRegistration,
} from '@sallyport/connection-store';
import { configuredTarget, openCredential, storeGrant } from '@sallyport/connection';
import { refreshConnection, type RefreshContext, type RefreshResult } from '@sallyport/connection/refresh';
import type { ClientRegistration } from '@sallyport/oauth/registration';
import { connectDatabase, type Database } from '@sallyport/database';
import type { RunningService } from '@sallyport/process';
import { newId, Secret, type UserId } from '@sallyport/kernel';
import { ensureDeploymentKeys, loadMasterKey, loadSigningKey, Sealer, type DeploymentKeyFiles } from '@sallyport/keys';
import { subjects, type CredentialChanged, type LifecycleRecord } from '@sallyport/messages';
import { createInProcessMessaging, type Messaging } from '@sallyport/messaging';
import { createSafeFetch, outboundProxy, readProxyUrl } from '@sallyport/safe-fetch';
import { createLogger } from '@sallyport/telemetry';
import {
  eventually,
  findSecrets,
  makeScratch,
  removeScratch,
  startTestPostgres,
  type TestPostgres,
} from '@sallyport/testing';
import { startConnectProxy, startTestOAuthServer, type TestOAuthServer } from '@sallyport/testing/servers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { TokenRefreshWorkerConfig } from './config.js';
import { startTokenRefreshWorker } from './start-token-refresh-worker.js';

let directory: string;
let keys: DeploymentKeyFiles;
let postgres: TestPostgres;
let database: Database;
let store: PostgresConnectionStore;
let sealer: Sealer;
let messaging: Messaging;
let notes: TestOAuthServer;
let workers: RunningService[];
let log: string[];
let changed: CredentialChanged[];
let records: LifecycleRecord[];
let documents: Document[];
let revision: number;

beforeAll(async () => {
  directory = makeScratch('worker');
  keys = await ensureDeploymentKeys(join(directory, 'keys'), { gateways: [] });
});
afterAll(() => removeScratch(directory));
beforeEach(async () => {
  [postgres, notes] = await Promise.all([startTestPostgres(), startTestOAuthServer()]);
  database = connectDatabase(postgres.url);
  store = new PostgresConnectionStore(database);
  sealer = new Sealer(loadMasterKey(keys.master));
  messaging = createInProcessMessaging();
  [workers, log, changed, records, revision] = [[], [], [], [], 0];
  await messaging.broadcast.subscribe(
    subjects.credentialChanged,
    (payload) => void changed.push(payload as CredentialChanged),
  );
  await messaging.events.consume(async (batches) => {
    records.push(...(batches.flatMap((batch) => batch.records) as LifecycleRecord[]));
  });
  await publish(notes.resource);
});
afterEach(async () => {
  for (const worker of workers) await worker.close();
  await messaging.close();
  await database.$disconnect();
  await Promise.all([postgres.stop(), notes.stop()]);
});

async function publish(notesUrl: string): Promise<void> {
  const signing = await loadSigningKey(keys.configurationSigning);
  documents = [
    { kind: 'McpServer', name: 'notes', spec: { url: notesUrl, timeout: '60s' } },
    { kind: 'CredentialProvider', name: 'notes-user', spec: { type: 'mcp-user-oauth', server: 'notes' } },
    { kind: 'OutboundNetwork', name: 'default', spec: { allow: [{ host: '127.0.0.1', http: true }] } },
  ];
  revision += 1;
  const chunks = splitBase({ epoch: 'e1', revision, documents, revocations: [] });
  await messaging.configuration.appendBase(
    revision,
    await Promise.all(chunks.map((chunk) => signLogEntry(chunk, signing.privateKey))),
  );
  await messaging.configuration.heartbeat(
    await signLogEntry({ v: 1, type: 'heartbeat', epoch: 'e1', revision, issuedAt: Date.now() }, signing.privateKey),
  );
}

async function startWorker(changes: Partial<TokenRefreshWorkerConfig> = {}): Promise<void> {
  workers.push(
    await startTokenRefreshWorker(
      {
        databaseUrl: new Secret(postgres.url),
        queue: { kind: 'postgres', databaseUrl: postgres.url },
        masterKeyFile: keys.master,
        configurationVerifyKeyFile: keys.configurationSigningPublic,
        replica: `worker-${workers.length + 1}`,
        stalenessBoundMs: 300_000,
        tickIntervalMs: 300,
        extraCertificateAuthorities: [],
        ...changes,
      },
      {
        messaging,
        logger: createLogger({
          name: 'worker',
          level: 'debug',
          destination: { write: (line: string) => void log.push(line) },
        }),
      },
    ),
  );
}

const target = () => {
  const found = configuredTarget(
    { get: (kind, name) => documents.find((document) => document.kind === kind && document.name === name) as never },
    { server: 'notes', credentialProvider: 'notes-user' },
  );
  if (!found) throw new Error('no target');
  return found;
};

/** Registered once per issuer, as the control plane does. */
async function ourClient(): Promise<ClientRegistration> {
  const known = await database.downstreamRegistration.findUnique({ where: { issuer: notes.origin } });
  if (known) return openRegistration(sealer, known);
  const registered = (await (await fetch(`${notes.origin}/register`, { method: 'POST', body: '{}' })).json()) as {
    client_id: string;
    client_secret: string;
  };
  const client = {
    issuer: notes.origin,
    clientId: registered.client_id,
    clientSecret: new Secret(registered.client_secret),
    authentication: 'client_secret_basic' as const,
    redirectUri: 'http://x/callback',
    expiresAt: null,
  };
  await database.downstreamRegistration.create({
    data: { issuer: notes.origin, sealed: Buffer.from(sealRegistration(sealer, client)) },
  });
  return client;
}

/** As the connect flow would leave it, at the real server. */
async function connectUser(userId: UserId = newId('usr'), tokenEndpoint = `${notes.origin}/token`): Promise<string> {
  const client = await ourClient();
  const verifier = 'v'.repeat(43);
  const challenge = Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(verifier))).toString('base64url');
  const redirect = await fetch(
    `${notes.origin}/authorize?${new URLSearchParams({ client_id: client.clientId, redirect_uri: 'http://x/callback', code_challenge: challenge, state: 's' })}`,
    { redirect: 'manual' },
  );
  const code = new URL(redirect.headers.get('location') ?? '').searchParams.get('code') ?? '';
  const answer = await fetch(`${notes.origin}/token`, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      authorization: `Basic ${Buffer.from(`${client.clientId}:${client.clientSecret?.reveal()}`).toString('base64')}`,
    },
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      code_verifier: verifier,
      redirect_uri: 'http://x/callback',
    }),
  });
  const tokens = (await answer.json()) as { access_token: string; refresh_token: string; expires_in?: number };
  const { id } = await storeGrant(
    {
      userId,
      target: target(),
      resource: notes.resource,
      tokenEndpoint,
      revocationEndpoint: null,
      client,
      requestedScopes: [],
      tokens: {
        accessToken: tokens.access_token,
        refreshToken: tokens.refresh_token,
        expiresAt: tokens.expires_in === undefined ? null : Date.now() + tokens.expires_in * 1000,
        scopes: null,
      },
    },
    { store, vault: sealer, clock: Date.now, random: () => 0 },
  );
  return id;
}

const makeDue = (id: string) =>
  database.connection.update({ where: { id }, data: { refreshDueAt: new Date(Date.now() - 1) } });
const refreshes = () =>
  notes.requests.filter(({ path, body }) => path === '/token' && body.includes('grant_type=refresh_token')).length;

async function context(changes: Partial<RefreshContext> = {}): Promise<RefreshContext> {
  return {
    store,
    providerHealth: new PostgresProviderHealthStore(database),
    vault: sealer,
    clock: Date.now,
    random: () => 0,
    sleep: async () => undefined,
    target,
    onProviderChange: async () => undefined,
    fetch: createSafeFetch({ allow: [{ host: '127.0.0.1', http: true }], userAgent: 'test', timeoutMs: 2_000 }),
    forgetRegistration: async () => undefined,
    clientFor: async ({ issuer }) => {
      const row = await database.downstreamRegistration.findUnique({ where: { issuer } });
      return row ? openRegistration(sealer, row) : undefined;
    },
    ...changes,
  };
}

describe('the refresh worker', () => {
  test('refreshes what is due, tells the gateways and the trail, and leaves alone what is not (R38) (R80)', async () => {
    const [due, later] = [await connectUser(), await connectUser()];
    await makeDue(due);
    await startWorker();
    await eventually(async () => (await store.find(due))?.revision === 2);
    const after = await store.find(due);
    if (!after) throw new Error('gone');
    expect(notes.isLive(openCredential(sealer, after).accessToken)).toBe(true);
    expect(after.refreshDueAt).toBeGreaterThan(Date.now());
    expect((await store.find(later))?.revision).toBe(1);
    await eventually(() => records.length > 0);
    expect(records).toMatchObject([
      { type: 'connection.refreshed', replica: 'worker-1', connectionId: due, server: 'notes' },
    ]);
    expect(changed).toMatchObject([{ connectionId: due, connectionRevision: 2 }]);
    expect(workers[0]?.readiness()).toEqual({ status: 'ready', reasons: [] });
  });

  test('calls authorization servers through the proxy, and tells one that refuses as that (B21, B32)', async () => {
    const proxy = await startConnectProxy({ reaches: {} });
    proxy.instead = () => ({ status: 403 });
    const id = await connectUser(newId('usr'), 'https://93.184.216.34/token');
    await makeDue(id);
    await startWorker({ proxy: outboundProxy({ https: readProxyUrl(proxy.url) }) });
    await eventually(() => records.length > 0);
    expect(records[0]).toMatchObject({
      type: 'connection.refresh_failed',
      reason: 'proxy_failed',
      detail: {
        description: expect.stringMatching(
          /^The proxy at 127\.0\.0\.1:\d+ answered 403 Forbidden to CONNECT 93\.184\.216\.34:443\./,
        ),
      },
    });
    expect(log.filter((line) => line.includes('a call did not get through the proxy'))).toHaveLength(1);
    expect((await store.find(id))?.state).toBe('connected');
    await proxy.close();
  });

  test('in several replicas spends each refresh token once (B3)', async () => {
    const id = await connectUser();
    notes.delayMs = 50;
    await Promise.all([startWorker(), startWorker(), startWorker()]);
    for (let round = 2; round <= 4; round++) {
      await makeDue(id);
      await eventually(async () => (await store.find(id))?.revision === round, { timeoutMs: 10_000 });
    }
    expect(refreshes()).toBe(3);
    expect((await store.find(id))?.state).toBe('connected');
  });

  test("refreshes nothing and sends no token when the server's address changed (S20) (S25)", async () => {
    const id = await connectUser();
    await publish('https://elsewhere.example/mcp');
    await makeDue(id);
    await startWorker();
    await eventually(async () => (await store.find(id))?.state === 'needs_reconnect');
    expect(refreshes()).toBe(0);
    await eventually(() =>
      records.some(({ type, reason }) => type === 'connection.needs_reconnect' && reason === 'pins_changed'),
    );
  });

  describe('at a provider that fails', () => {
    const health = () =>
      database.providerHealth.findUnique({
        where: { credentialProvider_issuer: { credentialProvider: 'notes-user', issuer: notes.origin } },
      });
    const states = async () => new Set((await store.list()).map(({ state }) => state));
    const events = (type: string) => records.filter((record) => record.type === type);
    const probe = async () => {
      const before = (await health())?.failedProbes;
      await database.connection.updateMany({ data: { refreshDueAt: new Date(Date.now() - 1) } });
      await database.providerHealth.updateMany({ data: { nextProbeAt: new Date(Date.now() - 1) } });
      await eventually(async () => (await health())?.failedProbes !== before, {
        timeoutMs: 10_000,
        until: 'the provider was probed',
      });
    };

    test('pauses it as a whole, with not one connection out of its healthy state, shows why, and goes on by itself when it is back (B4) (R80)', async () => {
      const ids: string[] = [];
      while (ids.length < 12) ids.push(await connectUser());
      notes.outage = 'unavailable';
      for (const id of ids) await makeDue(id);
      await Promise.all([startWorker(), startWorker()]);
      await eventually(async () => (await health())?.pausedSince, { timeoutMs: 10_000 });
      expect(await health()).toMatchObject({ reason: 'unavailable', error: 'http_503', failedProbes: 0 });
      await eventually(
        async () => (await database.connection.count({ where: { refreshLockOwner: { not: null } } })) === 0,
      );
      const asked = refreshes();
      for (const round of [1, 2, 3]) {
        if (round === 3) notes.outage = 'unauthorized_client';
        await probe();
        expect([await states(), refreshes() - asked]).toEqual([new Set(['connected']), round]);
      }
      expect(await health()).toMatchObject({
        reason: 'client_refused',
        error: 'unauthorized_client',
        description: 'Secret expired.',
        failedProbes: 3,
      });
      notes.outage = null;
      await probe();
      await eventually(
        async () =>
          (await store.list()).every(({ revision, refreshFailures }) => revision === 2 && refreshFailures === 0),
        { timeoutMs: 10_000 },
      );
      expect([await states(), await health(), refreshes() - asked]).toEqual([
        new Set(['connected']),
        null,
        3 + ids.length,
      ]);
      await eventually(() => events('credential-provider.resumed').length > 0);
      expect(events('credential-provider.paused')).toMatchObject([
        {
          reason: 'unavailable',
          detail: { credentialProvider: 'notes-user', issuer: notes.origin, error: 'http_503', failures: 5 },
        },
      ]);
      expect(events('credential-provider.resumed')).toMatchObject([{ reason: 'answered' }]);
      expect(events('connection.needs_reconnect')).toEqual([]);
      expect(events('connection.refresh_failed').at(-1)).toMatchObject({
        reason: 'unauthorized_client',
        detail: { description: 'Secret expired.' },
      });
    });

    test('asks it at once when its document or secret was written anew (B4)', async () => {
      const id = await connectUser();
      const write = (revision: number) =>
        database.configurationDocument.upsert({
          where: { kind_name: { kind: 'CredentialProvider', name: 'notes-user' } },
          create: { kind: 'CredentialProvider', name: 'notes-user', spec: {}, revision },
          update: { revision },
        });
      await write(1);
      notes.outage = 'unauthorized_client';
      await makeDue(id);
      await startWorker();
      await eventually(async () => (await health())?.pausedSince);
      notes.outage = null;
      await write(2);
      await makeDue(id);
      await eventually(async () => (await store.find(id))?.revision === 2);
      await eventually(() => events('credential-provider.resumed').some(({ reason }) => reason === 'reconfigured'));
      expect(await health()).toBeNull();
    });
  });

  test('says nothing secret in its log, its jobs or the trail (S30)', async () => {
    const id = await connectUser();
    await makeDue(id);
    await startWorker();
    await eventually(async () => (await store.find(id))?.revision === 2);
    await makeDue(id);
    notes.endAllGrants();
    await eventually(async () => (await store.find(id))?.state === 'needs_reconnect');
    const jobs = await database.$queryRawUnsafe<unknown[]>(
      `SELECT query_to_xml('SELECT * FROM ' || quote_ident(table_schema) || '.' || quote_ident(table_name), true, true, '')::text AS rows FROM information_schema.tables WHERE table_schema = 'sallyport_jobs' AND table_type = 'BASE TABLE'`,
    );
    expect(jobs.length).toBeGreaterThan(0);
    const secrets = Object.fromEntries(
      [...notes.issued.accessTokens, ...notes.issued.refreshTokens, ...notes.issued.clientSecrets].map(
        (value, index) => [`secret ${index}`, value],
      ),
    );
    expect(
      findSecrets(
        { log: log.join(''), jobs: JSON.stringify(jobs), trail: JSON.stringify([records, changed]) },
        secrets,
      ),
    ).toEqual([]);
  });
});

/** Of a process that is killed with the lock: it says once that it sends, and nothing afterwards. */
class DyingStore extends PostgresConnectionStore {
  #isAlive = true;
  override async renewRefreshLock(
    ...renewal: Parameters<PostgresConnectionStore['renewRefreshLock']>
  ): Promise<boolean> {
    if (!this.#isAlive) return false;
    this.#isAlive = false;
    return super.renewRefreshLock(...renewal);
  }
}

describe('two refreshers of one connection', () => {
  const spent = (results: RefreshResult[]) => results.filter((result) => result.type === 'fresh' && result.byUs).length;

  test('spend the token once; the others find it done or under way (B3)', async () => {
    const id = await connectUser();
    notes.delayMs = 100;
    const results = await Promise.all(Array.from({ length: 8 }, async () => refreshConnection(id, await context(), 1)));
    expect([spent(results), refreshes()]).toEqual([1, 1]);
    expect((await refreshConnection(id, await context(), 1)).type).toBe('fresh');
    expect(refreshes()).toBe(1);
  });

  test('no transaction is open while the network is waited for (B3)', async () => {
    const id = await connectUser();
    notes.delayMs = 400;
    const running = refreshConnection(id, await context());
    await eventually(() => refreshes() === 1);
    const open = await database.$queryRaw<
      { count: bigint }[]
    >`SELECT count(*) AS count FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'`;
    expect(Number(open[0]?.count)).toBe(0);
    expect((await running).type).toBe('fresh');
  });

  test('one that dies with the lock is followed when its time is over, and a late answer of it changes nothing (B3)', async () => {
    const id = await connectUser();
    let resume: () => void = () => undefined;
    const paused = new Promise<void>((resolve) => (resume = resolve));
    const slow = await context({ store: new DyingStore(database) });
    const hanging = refreshConnection(id, {
      ...slow,
      fetch: async (input, init) => {
        await paused;
        return slow.fetch(input, init);
      },
    });
    await eventually(
      async () => (await database.connection.findUniqueOrThrow({ where: { id } })).refreshUnansweredSince !== null,
    );
    // No process's clock counts, only the database's.
    for (const offset of [0, 3_600_000, -3_600_000])
      expect((await refreshConnection(id, await context({ clock: () => Date.now() + offset }))).type).toBe('held');
    const [held] = await database.$queryRaw<
      { seconds: number }[]
    >`SELECT extract(epoch FROM "refreshLockUntil" - clock_timestamp())::float8 AS seconds FROM "Connection" WHERE id = ${id}`;
    expect(held?.seconds).toBeLessThan(10);
    await database.$executeRaw`UPDATE "Connection" SET "refreshLockUntil" = clock_timestamp() - interval '1 second' WHERE id = ${id}`;
    expect(
      (
        await store.listDue(Date.now(), { limit: 10, providers: [{ credentialProvider: 'notes-user', atMost: 10 }] })
      ).map((due) => due.id),
    ).toEqual([id]);
    expect(await refreshConnection(id, await context())).toMatchObject({ type: 'fresh', byUs: true });
    resume();
    const late = await hanging;
    expect(late).toMatchObject({ type: 'fresh', byUs: false, connection: { revision: 2 } });
    expect((await store.find(id))?.state).toBe('connected');
  });

  test('a connection lost before the server acted is tried once more with the same token (B3)', async () => {
    const id = await connectUser();
    notes.faults.push('drop-before-commit');
    expect(await refreshConnection(id, await context())).toMatchObject({ type: 'fresh', byUs: true });
    expect(refreshes()).toBe(2);
  });

  test("one lost after the server acted is condemned only by the server's own word (B3) (B4)", async () => {
    const id = await connectUser();
    notes.faults.push('drop-after-commit');
    expect(await refreshConnection(id, await context())).toMatchObject({
      type: 'needs_reconnect',
      reason: 'dead_grant',
      newly: true,
    });
    const other = await connectUser();
    notes.faults.push('drop-before-commit', 'drop-before-commit');
    expect(await refreshConnection(other, await context())).toMatchObject({
      type: 'failed',
      outcome: { type: 'provider_failed', reason: 'no_answer' },
    });
    expect((await store.find(other))?.state).toBe('connected');
  });

  test('a user who connects again meanwhile wins (B3)', async () => {
    const userId = newId('usr');
    const id = await connectUser(userId);
    notes.delayMs = 300;
    const running = refreshConnection(id, await context());
    await eventually(() => refreshes() === 1);
    notes.delayMs = 0;
    await connectUser(userId);
    expect(await running).toMatchObject({ type: 'fresh', byUs: false, connection: { revision: 2 } });
    const stored = await store.find(id);
    if (!stored) throw new Error('gone');
    expect(openCredential(sealer, stored).accessToken).toBe(notes.issued.accessTokens[1]);
  });
});
