import { join } from 'node:path';
import type { Document } from '@sallyport/configuration';
import { signLogEntry, splitBase } from '@sallyport/configuration/log';
import { PostgresConnectionStore } from '@sallyport/connection-store';
import { configuredTarget, openCredential, storeGrant } from '@sallyport/connection';
import { connectDatabase, type Database } from '@sallyport/database';
import type { RunningService } from '@sallyport/process';
import { newId, Secret } from '@sallyport/kernel';
import { ensureDeploymentKeys, loadMasterKey, loadSigningKey, Sealer } from '@sallyport/keys';
import type { LifecycleRecord } from '@sallyport/messages';
import { createNatsMessaging, type Messaging } from '@sallyport/messaging';
import { createLogger } from '@sallyport/telemetry';
import {
  eventually,
  makeScratch,
  removeScratch,
  startPrivateNats,
  startPrivatePostgres,
  startPrivateRedis,
  type PrivateNats,
  type PrivatePostgres,
  type PrivateRedis,
} from '@sallyport/testing';
import { startTestOAuthServer, type TestOAuthServer } from '@sallyport/testing/servers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTokenRefreshWorker } from './start-token-refresh-worker.js';

const CONNECTIONS = 30;
const CLIENT = 'sallyport-control-plane';
let postgres: PrivatePostgres;
let redis: PrivateRedis;
let nats: PrivateNats;
let notes: TestOAuthServer;
let database: Database;
let directory: string;
const open: (Messaging | RunningService)[] = [];
const records: LifecycleRecord[] = [];
const log: string[] = [];
beforeAll(async () => {
  directory = makeScratch('restarts');
  [postgres, redis, nats, notes] = await Promise.all([
    startPrivatePostgres(),
    startPrivateRedis(),
    startPrivateNats(),
    startTestOAuthServer(),
  ]);
  database = connectDatabase(postgres.url);
});
afterAll(async () => {
  for (const one of open.toReversed()) await one.close();
  await database.$disconnect();
  await Promise.all([postgres.stop(), redis.stop(), nats.stop(), notes.stop()]);
  removeScratch(directory);
});

test(
  'Redis emptied, PostgreSQL and NATS restarted in the middle of refreshes: nothing is lost and nothing is done twice, by the log of the provider (B3, R38)',
  { timeout: 120_000 },
  async () => {
    const keys = await ensureDeploymentKeys(join(directory, 'keys'), { gateways: [] });
    const documents: Document[] = [
      { kind: 'McpServer', name: 'notes', spec: { url: notes.resource, timeout: '60s' } },
      {
        kind: 'CredentialProvider',
        name: 'notes-user',
        spec: { type: 'mcp-user-oauth', server: 'notes', client: { issuer: notes.origin, clientId: CLIENT } },
      },
      { kind: 'OutboundNetwork', name: 'default', spec: { allow: [{ host: '127.0.0.1', http: true }] } },
    ];
    const bus = async (role: 'control-plane' | 'token-refresh-worker', name: string) => {
      const messaging = await createNatsMessaging({ servers: [nats.url], name, role, onProblem: () => undefined });
      open.push(messaging);
      return messaging;
    };
    const controlPlane = await bus('control-plane', 'control-plane');
    await controlPlane.events.consume(async (batches) => {
      records.push(...(batches.flatMap((batch) => batch.records) as LifecycleRecord[]));
    });
    const { privateKey } = await loadSigningKey(keys.configurationSigning);
    await controlPlane.configuration.appendBase(
      1,
      await Promise.all(
        splitBase({ epoch: 'e1', revision: 1, documents, revocations: [] }).map((chunk) =>
          signLogEntry(chunk, privateKey),
        ),
      ),
    );

    const store = new PostgresConnectionStore(database);
    const vault = new Sealer(loadMasterKey(keys.master));
    const target = configuredTarget(
      { get: (kind, name) => documents.find((document) => document.kind === kind && document.name === name) as never },
      { server: 'notes', credentialProvider: 'notes-user' },
    );
    if (!target) throw new Error('no target');
    const client = { issuer: notes.origin, clientId: CLIENT, clientSecret: null, authentication: 'none' as const };
    for (let i = 0; i < CONNECTIONS; i++) {
      await storeGrant(
        {
          userId: newId('usr'),
          target,
          resource: notes.resource,
          tokenEndpoint: `${notes.origin}/token`,
          revocationEndpoint: null,
          client,
          requestedScopes: [],
          tokens: { ...notes.grant(CLIENT), expiresAt: Date.now() + 3_600_000, scopes: null },
        },
        { store, vault, clock: Date.now, random: () => 0 },
      );
    }
    for (const name of ['worker-1', 'worker-2']) {
      open.push(
        await startTokenRefreshWorker(
          {
            databaseUrl: new Secret(postgres.url),
            queue: { kind: 'redis', redisUrl: redis.url },
            masterKeyFile: keys.master,
            configurationVerifyKeyFile: keys.configurationSigningPublic,
            replica: name,
            stalenessBoundMs: 300_000,
            tickIntervalMs: 300,
            extraCertificateAuthorities: [],
          },
          {
            messaging: await bus('token-refresh-worker', name),
            logger: createLogger({
              name,
              level: 'info',
              destination: { write: (line: string) => void log.push(line) },
            }),
          },
        ),
      );
    }

    const presented = () =>
      notes.requests.flatMap(({ path, body }) =>
        path === '/token' ? [new URLSearchParams(body).get('refresh_token') ?? ''] : [],
      );
    notes.delayMs = 150;
    let revision = 1;
    for (const disturb of [
      () => redis.flush(),
      () => postgres.restart(),
      async () => {
        await nats.kill();
        await nats.restart();
      },
    ]) {
      const before = presented().length;
      await database.connection.updateMany({ data: { refreshDueAt: new Date() } });
      await eventually(() => presented().length >= before + 5, { timeoutMs: 15_000, until: 'refreshes are under way' });
      await disturb();
      revision += 1;
      await eventually(
        async () =>
          (await store.list()).every(
            (connection) => connection.revision === revision && connection.state === 'connected',
          ),
        { timeoutMs: 30_000, intervalMs: 100, until: 'every connection is refreshed' },
      );
    }

    const shown = presented();
    expect([shown.length, new Set(shown).size]).toEqual([3 * CONNECTIONS, 3 * CONNECTIONS]);
    for (const { id } of await store.list()) {
      const connection = await store.find(id);
      const credential = connection && openCredential(vault, connection);
      expect([notes.isLive(credential?.accessToken ?? ''), shown.includes(credential?.refreshToken ?? '')]).toEqual([
        true,
        false,
      ]);
    }
    const refreshed = () =>
      records
        .filter(({ type }) => type === 'connection.refreshed')
        .map(({ connectionId, detail }) => `${connectionId} ${detail?.['revision']}`);
    await eventually(() => new Set(refreshed()).size === 3 * CONNECTIONS, {
      timeoutMs: 15_000,
      until: 'the trail has every refresh',
    });
    expect(records.filter(({ type }) => type !== 'connection.refreshed')).toEqual([]);
  },
);
