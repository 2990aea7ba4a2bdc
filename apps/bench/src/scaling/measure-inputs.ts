import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { toEvents } from '@sallyport/audit';
import { createSnapshot, Document, documentMap, RevocationIndex } from '@sallyport/configuration';
import { signLogEntry, splitBase, type Revocation } from '@sallyport/configuration/log';
import { connectDatabase, type Database } from '@sallyport/database';
import { newId, systemClock } from '@sallyport/kernel';
import { CallRecord } from '@sallyport/messages';
import { startTestPostgres } from '@sallyport/testing';
import { readUsage } from '../measure/process-usage.js';

const ROWS = 4_000;
const EVENTS = 20_000;
const POLICIES = 5_000;
/** A message of the bus: 100 records, two rows each. */
const ROWS_OF_A_BATCH = 200;
const REVOCATIONS = 50_000;
/** Of what is sealed: tokens of the length that providers give, with what the seal adds. */
const SEALED_CREDENTIAL_BYTES = 1_200;
const SEALED_ARTIFACT_BYTES = 900;

/** Sizes and rates of what a deployment stores and sends, from its own code, schema and database. */
export async function measureInputs(): Promise<Readonly<Record<string, number>>> {
  const configuration = await measureConfiguration();
  const postgres = await startTestPostgres();
  const database = connectDatabase(postgres.url);
  try {
    return { ...configuration, ...(await measureTrail(database)), ...(await measureAccounts(database)) };
  } finally {
    await database.$disconnect();
    await postgres.stop();
  }
}

async function measureConfiguration() {
  const privateKey = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  const base = { epoch: newId('evt'), revision: 1 };
  const wireOf = async (documents: readonly Document[], revocations: readonly Revocation[]): Promise<number> => {
    let bytes = 0;
    for (const chunk of splitBase({ ...base, documents, revocations }))
      bytes += (await signLogEntry(chunk, privateKey)).length;
    return bytes;
  };
  const now = Math.floor(Date.now() / 1000);
  const revocationsOf = () =>
    Array.from({ length: REVOCATIONS }, (): Revocation => {
      const sid = newId('ses');
      return { id: newId('evt'), subject: { type: 'session', sid }, notBefore: now, expiresAt: now + 86_400 };
    });
  const heartbeat = { v: 1, type: 'heartbeat', ...base, issuedAt: Date.now() } as const;
  return {
    'policy-wire': Math.round((await wireOf(policies(), [])) / POLICIES),
    'revocation-wire': Math.round((await wireOf([], revocationsOf())) / REVOCATIONS),
    'policy-heap': heapOf(
      () =>
        createSnapshot({ ...base, documents: documentMap(policies()), revocations: new RevocationIndex(systemClock) }),
      POLICIES,
    ),
    'revocation-heap': heapOf(() => {
      const index = new RevocationIndex(systemClock);
      index.add(revocationsOf());
      return index;
    }, REVOCATIONS),
    'heartbeat-bytes': (await signLogEntry(heartbeat, privateKey)).length,
  };
}

/** As they arrive: parsed from JSON, so that no text is shared. */
const policies = (): Document[] =>
  Array.from({ length: POLICIES }, (_, index) =>
    Document.parse(
      JSON.parse(
        JSON.stringify({
          kind: 'AccessPolicy',
          name: `team-${index}-may-use-server-${index % 500}`,
          spec: {
            hop: 'gateway-to-server',
            server: `server-${index % 500}`,
            users: { trustProvider: 'main', groups: [`team-${index}`] },
            when: '"engineer" in user.roles && request.hour >= 6',
            credentialProvider: `server-${index % 500}-accounts`,
            tools: [
              { match: ['list_*', 'get_*'], scope: `server-${index % 500}.read` },
              { match: ['create_*', 'update_*'], scope: `server-${index % 500}.write` },
            ],
          },
        }),
      ),
    ),
  );

/** Bytes of heap for each of `count`, as long as what is made is kept. Node must run with `--expose-gc`. */
function heapOf(make: () => object, count: number): number {
  if (globalThis.gc === undefined) throw new Error('Run Node with --expose-gc.');
  globalThis.gc();
  const before = process.memoryUsage().heapUsed;
  const kept = [make()];
  globalThis.gc();
  const after = process.memoryUsage().heapUsed;
  return kept.length === 0 ? 0 : Math.round((after - before) / count);
}

async function measureTrail(database: Database) {
  const records = Array.from({ length: EVENTS / 2 }, (_, index) =>
    CallRecord.parse({
      v: 1,
      type: 'mcp.call',
      id: newId('evt'),
      replica: 'gateway-1',
      receivedAt: Date.now(),
      durationMs: 41.7,
      userId: newId('usr'),
      trustProvider: 'main',
      clientId: 'https://agents.example.com/client.json',
      agentName: 'An agent of usual length',
      sid: newId('ses'),
      protocolVersion: '2026-07-28',
      method: 'tools/call',
      server: `server-${index % 500}`,
      target: 'create_pull_request',
      definition: randomBytes(32).toString('base64url'),
      decision: 'allow',
      policies: { clientToGateway: 'engineers', gatewayToServer: `team-${index}-may-use-server-${index % 500}` },
      policyRevision: 1_234,
      connectionId: newId('con'),
      httpStatus: 200,
    }),
  );
  const events = records.flatMap(toEvents);
  // Processor time of the one backend, not time: a machine that does other things besides says the same.
  const cpuMicroseconds = await database.$transaction(
    async (transaction) => {
      const [backend] = await transaction.$queryRaw<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`;
      const before = readUsage(backend?.pid ?? -1).cpuMicroseconds;
      for (let at = 0; at < events.length; at += ROWS_OF_A_BATCH)
        await insertEvents(transaction, events.slice(at, at + ROWS_OF_A_BATCH));
      return readUsage(backend?.pid ?? -1).cpuMicroseconds - before;
    },
    { timeout: 300_000 },
  );
  return {
    'record-bytes': Math.round(JSON.stringify(records).length / records.length),
    'event-bytes': await bytesPerRow(database, 'Event', events.length),
    'store-rate': Math.round((events.length * 1e6) / cpuMicroseconds),
  };
}

/** As the control plane's event store does. */
const insertEvents = (database: Pick<Database, '$executeRaw'>, events: readonly object[]) => database.$executeRaw`
  INSERT INTO "Event" ("id", "type", "at", "userId", "clientId", "sid", "server", "body")
  SELECT event->>'id', event->>'type', timestamptz 'epoch' + (event->>'at')::bigint * interval '1 millisecond',
         event->>'userId', event->>'clientId', event->>'sid', event->>'server', event
  FROM jsonb_array_elements(${JSON.stringify(events)}::jsonb) WITH ORDINALITY AS batch (event, position)
  ORDER BY position
  ON CONFLICT ("id", "at") DO NOTHING`;

async function measureAccounts(database: Database) {
  const users = Array.from({ length: ROWS }, () => newId('usr'));
  const soon = new Date(Date.now() + 3_600_000);
  const digest = () => randomBytes(32).toString('base64url');
  const clientId = 'https://agents.example.com/client.json';
  await database.user.createMany({
    data: users.map((id) => ({
      id,
      trustProvider: 'main',
      issuer: 'https://login.example.com/tenant',
      subject: digest(),
      email: `${id}@example.com`,
      name: 'A name of usual length',
      groups: ['engineering', 'everybody', 'oncall'],
      providerRoles: [],
    })),
  });
  const signIns = users.map((userId) => ({ userId, id: newId('ids') }));
  await database.identitySession.createMany({
    data: signIns.map(({ id, userId }) => ({
      id,
      userId,
      trustProvider: 'main',
      issuer: 'https://login.example.com/tenant',
      subject: digest(),
      providerSid: digest(),
      sealedTokens: randomBytes(SEALED_CREDENTIAL_BYTES),
      askedAt: new Date(),
      confirmedAt: new Date(),
      browserDigest: digest(),
      createdAt: new Date(),
    })),
  });
  await database.agentSession.createMany({
    data: signIns.map(({ id, userId }) => ({
      sid: newId('ses'),
      userId,
      clientId,
      agentName: 'An agent of usual length',
      assurance: 'verified-redirect',
      grantDigest: digest(),
      identitySessionId: id,
      redirectHost: '127.0.0.1',
      userAgent:
        'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
      sourceAddress: '203.0.113.7',
    })),
  });
  await database.agentConsent.createMany({
    data: users.map((userId) => ({ userId, clientId, metadataDigest: digest() })),
  });
  for (const kind of ['Grant', 'RefreshToken'])
    await database.oidcArtifact.createMany({
      data: users.map(() => ({
        kind,
        idDigest: digest(),
        payload: randomBytes(SEALED_ARTIFACT_BYTES),
        grantDigest: digest(),
        expiresAt: soon,
      })),
    });
  await database.connection.createMany({
    data: users.map((userId, index) => ({
      id: newId('con'),
      userId,
      server: `server-${index % 500}`,
      credentialProvider: `server-${index % 500}-accounts`,
      state: 'active',
      issuer: 'https://provider.example.com',
      resource: 'https://api.provider.example.com/mcp',
      tokenEndpoint: 'https://provider.example.com/oauth/token',
      revocationEndpoint: 'https://provider.example.com/oauth/revoke',
      targetOrigin: 'https://api.provider.example.com',
      clientId: digest(),
      scopes: ['read', 'write', 'offline_access'],
      sealedCredential: randomBytes(SEALED_CREDENTIAL_BYTES),
      accessExpiresAt: soon,
      refreshDueAt: soon,
      accountName: 'a.name@example.com',
      accountId: digest(),
    })),
  });
  const sizes = async (...tables: readonly string[]) => {
    let bytes = 0;
    for (const table of tables) bytes += await bytesPerRow(database, table, ROWS);
    return bytes;
  };
  return {
    'user-bytes': await sizes('User', 'IdentitySession'),
    // A grant and a refresh token: the table has both for each user.
    'session-bytes': await sizes('AgentSession', 'AgentConsent', 'OidcArtifact'),
    'connection-bytes': await sizes('Connection'),
  };
}

async function bytesPerRow(database: Database, table: string, rows: number): Promise<number> {
  const [size] = await database.$queryRaw<{ bytes: bigint }[]>`
    SELECT pg_total_relation_size(format('%I', ${table}::text)::regclass) AS bytes`;
  return Math.round(Number(size?.bytes ?? 0n) / rows);
}
