import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigurationReplica } from '@sallyport/configuration';
import { connectDatabase, connectStatements } from '@sallyport/database';
import type { Database, Statements } from '@sallyport/database';
import type { RunningService } from '@sallyport/process';
import { describeApi } from '@sallyport/admin-api/openapi';
import { newId, PRODUCT_VERSION } from '@sallyport/kernel';
import { ensureDeploymentKeys, loadMasterKey, loadVerifyingKey, Sealer } from '@sallyport/keys';
import type { DeploymentKeyFiles } from '@sallyport/keys';
import { summedEvents } from '@sallyport/messages';
import { createInProcessMessaging } from '@sallyport/messaging';
import type { Messaging } from '@sallyport/messaging';
import { createLogger } from '@sallyport/telemetry';
import { eventually, makeScratch, removeScratch, startTestPostgres, waysInOf } from '@sallyport/testing';
import type { TestPostgres } from '@sallyport/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ControlPlaneConfig } from '../config.js';
import { forgetOld } from '../trail/forget-old.js';
import { startControlPlane } from '../start-control-plane.js';
import { ADMIN_TOKEN, testConfig } from './test-config.js';
import { expectDeclared } from './declared-answer.js';

const FILE = `
kind: TrustProvider
name: demo
spec: { issuer: https://idp.example, clientId: sallyport, clientSecret: { env: IDP_SECRET } }
---
kind: McpServer
name: notes
spec: { url: https://notes.example/mcp }
---
kind: CredentialProvider
name: notes-user
spec: { type: mcp-user-oauth, server: notes }
---
kind: AccessPolicy
name: everybody
spec: { hop: client-to-gateway }
---
kind: AccessPolicy
name: notes-policy
spec: { hop: gateway-to-server, server: notes, credentialProvider: notes-user }
`;

let postgres: TestPostgres;
let database: Database;
let directory: string;
let keys: DeploymentKeyFiles;
let messaging: Messaging;
let running: RunningService[];
let replicas: ConfigurationReplica[];

beforeAll(async () => {
  directory = makeScratch('control-plane');
  keys = await ensureDeploymentKeys(join(directory, 'keys'), { gateways: ['gateway-1'] });
});
afterAll(() => removeScratch(directory));
beforeEach(async () => {
  postgres = await startTestPostgres();
  database = connectDatabase(postgres.url);
  messaging = createInProcessMessaging();
  running = [];
  replicas = [];
});
afterEach(async () => {
  for (const replica of replicas) await replica.stop();
  for (const service of running.toReversed()) await service.close();
  await messaging.close();
  await database.$disconnect();
  await postgres.stop();
});

async function start(part: Partial<ControlPlaneConfig> = {}, bus: Messaging = messaging, text: string = FILE) {
  const file = join(directory, 'sallyport.yaml');
  writeFileSync(file, text);
  const log: string[] = [];
  const logger = createLogger({
    name: 'control-plane',
    level: 'debug',
    destination: { write: (line: string) => void log.push(line) },
  });
  const service = await startControlPlane(
    await testConfig(
      { databaseUrl: postgres.url, keys },
      { declarativeFile: file, secretVariables: { IDP_SECRET: 'hunter2' }, ...part },
    ),
    { messaging: bus, logger },
  );
  running.push(service);
  const url = service.urls['admin'] ?? '';
  const call = async (path: string, init: Omit<RequestInit, 'headers'> & { headers?: Record<string, string> } = {}) => {
    const response = await fetch(`${url}${path}`, {
      ...init,
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json', ...init.headers },
    });
    const body = (await response.json()) as Record<string, unknown>;
    expectDeclared({ method: init.method, path }, response.status, body);
    return { status: response.status, headers: response.headers, body };
  };
  return {
    service,
    url,
    call,
    post: (path: string, body: unknown) => call(path, { method: 'POST', body: JSON.stringify(body) }),
    log: () => log.join(''),
  };
}

/** Another process's view: a replica of its own on the same bus. */
async function follow(bus: Messaging = messaging) {
  const replica = new ConfigurationReplica({
    log: bus.configuration,
    verifyKey: (await loadVerifyingKey(keys.configurationSigningPublic)).publicKey,
  });
  replicas.push(replica);
  await replica.start();
  await replica.whenReady(5_000);
  return replica;
}

/** Until the assertion holds. */
const soon = (assertion: () => void) =>
  eventually(() => {
    assertion();
    return true;
  });
/** The events of calls: the trail also tells who reads it. */
const ofCalls = (body: Record<string, unknown>) =>
  (body['events'] as { type: string }[]).filter(({ type }) => type.startsWith('mcp.'));
const documentsOf = (replica: ConfigurationReplica) => [...replica.snapshot().documents.keys()].sort();
const record = (part: object = {}) => ({
  v: 1,
  type: 'mcp.call',
  id: newId('evt'),
  replica: 'gateway-1',
  receivedAt: Date.now(),
  durationMs: 3,
  userId: 'usr_alice',
  clientId: 'agent-1',
  method: 'tools/call',
  server: 'notes',
  target: 'get_note',
  decision: 'allow',
  httpStatus: 200,
  ...part,
});

describe('what is kept of the trail', () => {
  const DAY_MS = 86_400_000;
  const daysAgo = (days: number) => Date.now() - days * DAY_MS;
  let statements: Statements;
  beforeEach(() => {
    statements = connectStatements(postgres.url, 1);
  });
  afterEach(() => statements.close());
  const forgetting = () => ({
    ...{ database, statements, clock: Date.now, retentionMs: 90 * DAY_MS },
    logger: createLogger({ name: 'test', level: 'silent' }),
  });

  it('is what is younger than the retention, in batches; definitions of tools and change sets that matter stay (S33)', async () => {
    const { service } = await start();
    const listed = {
      v: 1,
      type: 'tool.listed',
      id: 'tool_1',
      replica: 'gateway-1',
      at: daysAgo(400),
      server: 'notes',
      detail: { tool: 'get_note', sha256: 'a'.repeat(64), definition: '{}' },
    };
    const calls = (count: number, days: number) =>
      Array.from({ length: count }, () => record({ receivedAt: daysAgo(days) }));
    await messaging.events.publish('gateway-1', [...calls(700, 91), listed, ...calls(3, 89)]);
    await eventually(async () => (await database.event.count({ where: { type: 'mcp.response' } })) === 703);
    await service.close(); // it would publish the change sets that follow
    running = [];
    const revisions = Array.from({ length: 250 }, (_, i) => ({
      revision: 1_000 + i,
      epoch: 'e',
      jws: 'x',
      createdAt: new Date(daysAgo(91)),
      publishedAt: i < 200 ? new Date(daysAgo(91)) : null,
    }));
    await database.configurationRevision.createMany({ data: revisions });

    const forget = (batch: number) => forgetOld({ ...forgetting(), batch });
    const removed = [await forget(1_000), await forget(1_000), await forget(1_000)];
    expect(removed).toEqual([1_000 + 100, 400, 0]);
    expect(await database.event.groupBy({ by: ['type'], _count: true, orderBy: { type: 'asc' } })).toMatchObject([
      { type: 'configuration.changed' },
      { type: 'mcp.request', _count: 3 },
      { type: 'mcp.response', _count: 3 },
      { type: 'tool.listed', _count: 1 },
    ]);
    // The last hundred that were published, and all that were not.
    expect(
      (await database.configurationRevision.findMany({ where: { epoch: 'e' }, orderBy: { revision: 'asc' } })).map(
        ({ revision }) => revision,
      ),
    ).toEqual(revisions.slice(100).map(({ revision }) => revision));
  });

  it('of definitions of tools is what is approved and the newest of each server, however many one makes up (S14, S33)', async () => {
    const { service, call } = await start();
    const sha256 = (letter: string, i: number) => letter.repeat(60) + String(i).padStart(4, '0');
    const listed = (server: string, letter: string, count: number, days: number) =>
      Array.from({ length: count }, (_, i) => ({
        v: 1,
        type: 'tool.listed',
        id: `tool_${server}_${letter}_${i}`,
        replica: 'gateway-1',
        at: daysAgo(days),
        server,
        detail: { tool: 'get_note', sha256: sha256(letter, i), definition: '{}' },
      }));
    await messaging.events.publish('gateway-1', [
      ...listed('notes', 'a', 20, 400),
      ...listed('other', 'b', 3, 400),
      ...listed('notes', 'c', 8, 89),
    ]);
    await eventually(async () => (await database.event.count({ where: { type: 'tool.listed' } })) === 31);
    await call('/v1/tool-definitions/approved/notes', {
      method: 'PUT',
      body: JSON.stringify({ tools: [{ name: 'get_note', sha256: sha256('a', 2) }] }),
    });
    await service.close();
    running = [];

    const forget = () => forgetOld({ ...forgetting(), batch: 10, definitions: 5 });
    expect([await forget(), await forget(), await forget()]).toEqual([10, 9, 0]);
    const left = await database.event.findMany({ where: { type: 'tool.listed' }, orderBy: { sequence: 'asc' } });
    expect(left.map(({ id }) => id)).toEqual([
      'tool_notes_a_2',
      ...[0, 1, 2].map((i) => `tool_other_b_${i}`),
      ...Array.from({ length: 8 }, (_, i) => `tool_notes_c_${i}`),
    ]);
  });

  it('is looked after by the control plane itself, by its setting (S33)', async () => {
    const { call } = await start({ eventRetentionMs: DAY_MS, forgettingIntervalMs: 50 });
    await messaging.events.publish('gateway-1', [
      record({ receivedAt: daysAgo(2), userId: 'usr_old' }),
      record({ userId: 'usr_new' }),
    ]);
    await eventually(async () => {
      const { body } = await call('/v1/events?limit=100');
      return !JSON.stringify(body).includes('usr_old') && JSON.stringify(body).includes('usr_new');
    });
  });

  it('shows what was summed up, of which gateways may tell (S33)', async () => {
    const { call } = await start();
    const summed = {
      v: 1,
      id: newId('evt'),
      replica: 'gateway-1',
      at: Date.now(),
      ...summedEvents({
        of: 'mcp.request',
        reason: 'no_token',
        count: 190_000,
        from: 0,
        to: 60_000,
        addresses: ['192.0.2.1', '2001:db8::1'],
      }),
    };
    await messaging.events.publish('gateway-1', [summed]);
    await eventually(
      async () => ((await call('/v1/events?type=events.summed')).body['events'] as unknown[]).length === 1,
    );
    expect((await call('/v1/events?type=events.summed')).body['events']).toMatchObject([
      {
        type: 'events.summed',
        replica: 'gateway-1',
        detail: {
          of: 'mcp.request',
          reason: 'no_token',
          count: 190_000,
          from: '1970-01-01T00:00:00.000Z',
          to: '1970-01-01T00:01:00.000Z',
          addresses: '192.0.2.1 2001:db8::1',
        },
      },
    ]);
  });
});

describe('definitions of tools', () => {
  const [old, now] = ['a'.repeat(64), 'b'.repeat(64)];
  const listed = (sha256: string, part: object = {}) => ({
    v: 1,
    type: 'tool.listed',
    id: `tool_${sha256}`,
    replica: 'gateway-1',
    at: 1_700_000_000_000,
    server: 'notes',
    detail: { tool: 'get_note', sha256, readOnlyHint: true, definition: '{"description":"Reads"}' },
    ...part,
  });
  const put = (call: Awaited<ReturnType<typeof start>>['call'], server: string, tools: object[]) =>
    call(`/v1/tool-definitions/approved/${server}`, { method: 'PUT', body: JSON.stringify({ tools }) });

  it('are listed as gateways saw them, approved, and stay so whatever the file says later (S14)', async () => {
    const first = await start();
    const replica = await follow();
    await messaging.events.publish('gateway-1', [
      listed(old),
      listed(old),
      listed(now),
      listed('c'.repeat(64), { server: 'other' }),
    ]);
    await eventually(
      async () =>
        ((await first.call('/v1/tool-definitions?server=notes')).body['definitions'] as unknown[]).length === 2,
    );
    expect(
      (await put(first.call, 'notes', [{ name: 'get_note', sha256: now, annotations: { readOnlyHint: true } }])).body,
    ).toMatchObject({ revision: 2, changed: true });
    expect(
      (await put(first.call, 'notes', [{ name: 'get_note', sha256: now, annotations: { readOnlyHint: true } }])).body,
    ).toMatchObject({ revision: 2, changed: false });
    const changes = (await first.call('/v1/events?after=0&type=configuration.changed&server=notes')).body['events'] as {
      detail: object;
    }[];
    expect(changes.map(({ detail }) => detail)).toEqual([
      {
        revision: 2,
        source: 'approved tools',
        actor: 'token:administrator-token',
        created: 1,
        updated: 0,
        deleted: 0,
      },
    ]);
    await soon(() =>
      expect(replica.snapshot().get('ApprovedTools', 'notes')?.spec.tools).toEqual([
        { name: 'get_note', sha256: now, annotations: { readOnlyHint: true } },
      ]),
    );
    expect((await first.call('/v1/tool-definitions?server=notes')).body['definitions']).toMatchObject([
      { name: 'get_note', sha256: old, approved: false },
      { sha256: now, approved: true, annotations: { readOnlyHint: true }, firstSeenAt: '2023-11-14T22:13:20.000Z' },
    ]);
    await first.service.close();

    const second = await start();
    expect((await second.call('/v1/configuration')).body['revision']).toBe(2);
    await second.service.close();
    const third = await start(
      {},
      messaging,
      `${FILE}---\nkind: ApprovedTools\nname: notes\nspec: { tools: [{ name: get_note, sha256: ${old} }] }\n`,
    );
    expect((await third.call('/v1/configuration')).body['revision']).toBe(2);
    expect(replica.snapshot().get('ApprovedTools', 'notes')?.spec.tools).toMatchObject([{ sha256: now }]);
    expect(third.log()).toContain('stay as they are');
    expect(
      (await third.call('/v1/tool-definitions/approved/notes', { method: 'DELETE', body: '{}' })).body,
    ).toMatchObject({ revision: 3 });
    await soon(() => expect(replica.snapshot().get('ApprovedTools', 'notes')).toBeUndefined());
  });

  it('are approved for servers there are, by whoever has the administrator token, in the form they have (S14) (S29)', async () => {
    const { call } = await start();
    expect((await put(call, 'nowhere', [])).status).toBe(404);
    for (const tools of [
      [{ name: 'x', sha256: 'short' }],
      [{ name: 'x', sha256: now, annotations: { title: 'x' } }],
      [{ sha256: now }],
    ])
      expect((await put(call, 'notes', tools)).status).toBe(400);
    expect(
      (
        await call('/v1/tool-definitions/approved/notes', {
          method: 'PUT',
          body: '{"tools":[]}',
          headers: { authorization: 'Bearer wrong' },
        })
      ).status,
    ).toBe(401);
    await expect(
      start({}, messaging, `${FILE}---\nkind: ApprovedTools\nname: elsewhere\nspec: { tools: [] }\n`),
    ).rejects.toThrow('is the name of no McpServer');
  });
});

describe('our client metadata document', () => {
  it('is served to whoever asks, without its private key', async () => {
    const { url } = await start();
    const answer = await fetch(`${url}/oauth/client-metadata.json`);
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'public, max-age=300']);
    const text = await answer.text();
    expect(JSON.parse(text)).toMatchObject({ client_id: `${url}/oauth/client-metadata.json` });
    expect(text).not.toMatch(/"d":/);
  });
});

describe('configuration', () => {
  it('goes from file to every replica, signed, with its secrets sealed aside and nowhere else (S27) (S30)', async () => {
    const { log, call } = await start();
    const replica = await follow();
    expect(documentsOf(replica)).toEqual([
      'AccessPolicy/everybody',
      'AccessPolicy/notes-policy',
      'CredentialProvider/notes-user',
      'McpServer/notes',
      'TrustProvider/demo',
    ]);
    const secret = await database.storedSecret.findUniqueOrThrow({
      where: { name: 'TrustProvider/demo/clientSecret' },
    });
    expect(new Sealer(loadMasterKey(keys.master)).open('stored-secret', secret.sealed, secret.name).toString()).toBe(
      'hunter2',
    );
    const everything = JSON.stringify([
      await database.configurationRevision.findMany(),
      await database.configurationDocument.findMany(),
      (await call('/v1/configuration')).body,
      log(),
    ]);
    expect(everything).not.toContain('hunter2');
    expect(Buffer.from(secret.sealed).includes('hunter2')).toBe(false);
  });

  it('makes no new revision out of an unchanged file', async () => {
    const first = await start();
    await first.service.close();
    await start();
    expect(await database.configurationRevision.count()).toBe(1);
  });

  it('reaches running replicas as one change when the file changed, deletions included (R53)', async () => {
    const first = await start();
    const replica = await follow();
    const { epoch } = replica.snapshot();
    await first.service.close();
    await start(
      {},
      messaging,
      `${FILE.replace('https://notes.example/mcp', 'https://notes2.example/mcp').replace(/---\nkind: AccessPolicy\nname: everybody\n.*\n/, '')}`,
    );
    await soon(() => expect(replica.snapshot()).toMatchObject({ epoch, revision: 2 }));
    expect(documentsOf(replica)).not.toContain('AccessPolicy/everybody');
    expect(replica.snapshot().get('McpServer', 'notes')?.spec.url).toBe('https://notes2.example/mcp');
  });

  it('counts a document as changed when only its secret changed, so that it is read again', async () => {
    const first = await start();
    await first.service.close();
    await start({ secretVariables: { IDP_SECRET: 'hunter3' } });
    expect(await database.configurationDocument.findMany({ where: { revision: 2 } })).toMatchObject([
      { kind: 'TrustProvider', name: 'demo' },
    ]);
  });

  it('keeps epoch and revision over a lost bus: replicas of the new one start from a base (S28)', async () => {
    const first = await start();
    const before = (await follow()).snapshot();
    await first.service.close();
    const empty = createInProcessMessaging();
    const second = await start({}, empty);
    const after = (await follow(empty)).snapshot();
    expect([after.epoch, after.revision]).toEqual([before.epoch, before.revision]);
    await second.service.close();
    await empty.close();
  });

  it('over a database restored from a backup is taken up by running replicas, whichever process notices (S28)', async () => {
    const first = await start();
    const replica = await follow();
    for (let i = 0; i < 3; i++) expect((await first.post('/v1/revocations', { agent: `agent-${i}` })).status).toBe(201);
    await soon(() => expect(replica.snapshot().revision).toBe(4));
    const before = replica.snapshot();
    const restore = () =>
      database.$transaction([
        database.configurationRevision.deleteMany({ where: { revision: { gt: 2 } } }),
        database.revocation.deleteMany({}),
      ]);

    await restore();
    await soon(() => expect(replica.snapshot().epoch).not.toBe(before.epoch));
    expect(replica.snapshot().revision).toBe(5);
    expect((await first.post('/v1/revocations', { agent: 'agent-9' })).body).toMatchObject({ revision: 6 });
    await soon(() => expect(replica.snapshot().revision).toBe(6));

    await first.service.close();
    await restore();
    await start({}, messaging, FILE.replaceAll('everybody', 'anybody'));
    await soon(() => expect(documentsOf(replica)).toContain('AccessPolicy/anybody'));
    expect(documentsOf(replica)).not.toContain('AccessPolicy/everybody');
    expect(replica.snapshot().revision).toBe(7);
    expect(replica.state().stale).toBe(false);
  });

  it.each([
    [
      'a mistake in the file',
      FILE.replace('credentialProvider: notes-user', 'credentialProvider: nobody'),
      {},
      {
        code: 'declaration_invalid',
        message: expect.stringContaining(
          'sallyport.yaml:20:48: AccessPolicy "notes-policy": spec.credentialProvider names the CredentialProvider "nobody"',
        ),
      },
    ],
    [
      'a secret that is not set',
      FILE,
      { secretVariables: {} },
      {
        code: 'declaration_invalid',
        message: expect.stringContaining(
          'sallyport.yaml:4:59: TrustProvider "demo": spec.clientSecret: the environment variable IDP_SECRET is not set: set it',
        ),
      },
    ],
    [
      'a file that is not there',
      FILE,
      { declarativeFile: '/nowhere/sallyport.yaml' },
      { code: 'declaration_unreadable' },
    ],
  ])('does not start, and changes nothing, with %s (R27)', async (_, text, part, expected) => {
    await expect(start(part, messaging, text)).rejects.toMatchObject(expected);
    expect(await database.configurationRevision.count()).toBe(0);
  });

  it('says at its start what in it can have no effect, or will not be called, with what to write (B32)', async () => {
    const { log } = await start({}, messaging, FILE.replace('https://notes.example/mcp', 'http://10.0.0.5:9000/mcp'));
    await soon(() =>
      expect(log()).toContain(
        'add this document: { kind: OutboundNetwork, name: default, spec: { allow: [{ host: 10.0.0.5, ports: [9000], http: true }] } }',
      ),
    );
    const warnings = log()
      .split('\n')
      .filter((line) => line.includes('"level":"warn"'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(warnings).toMatchObject([
      { document: 'AccessPolicy notes-policy', field: 'spec', msg: expect.stringContaining('It has no rules') },
      {
        document: 'McpServer notes',
        field: 'spec.url',
        msg: expect.stringContaining('Calling 10.0.0.5 is not allowed'),
      },
    ]);
  });

  it('is published by two control planes without conflict', async () => {
    const [a, b] = await Promise.all([
      start(),
      start(
        { replica: 'control-plane-2' },
        {
          ...messaging,
          events: {
            publish: (...batch) => messaging.events.publish(...batch),
            publishLines: (...batch) => messaging.events.publishLines(...batch),
            consume: async () => async () => {},
          },
        },
      ),
    ]);
    const replica = await follow();
    await database.user.create({
      data: { id: 'usr_alice', trustProvider: 'demo', issuer: 'https://idp.example', subject: 'alice', groups: [] },
    });
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) => (i % 2 ? a : b).post('/v1/revocations', { agent: `agent-${i}` })),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 201));
    expect(answers.map(({ body }) => body['revision'] as number).toSorted((x, y) => x - y)).toEqual([
      2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
    ]);
    await soon(() => expect(replica.snapshot().revision).toBe(11));
  });
});

describe('a revocation', () => {
  const token = (part: object = {}) => ({
    userId: 'usr_alice',
    clientId: 'agent-1',
    sid: 'ses_1',
    issuedAt: Math.floor(Date.now() / 1000),
    ...part,
  });
  const seed = async () => {
    await database.user.create({
      data: { id: 'usr_alice', trustProvider: 'demo', issuer: 'https://idp.example', subject: 'alice', groups: [] },
    });
    await database.agentSession.create({
      data: {
        sid: 'ses_1',
        userId: 'usr_alice',
        clientId: 'agent-1',
        agentName: 'Agent',
        assurance: 'asserted',
        grantDigest: 'x',
      },
    });
  };

  it.each([
    [{ user: 'usr_alice' }, { clientId: 'agent-2', sid: 'ses_2' }, { userId: 'usr_bob' }],
    [{ agent: 'agent-1' }, { userId: 'usr_bob', sid: 'ses_2' }, { clientId: 'agent-2' }],
    [{ user: 'usr_alice', agent: 'agent-1' }, { sid: 'ses_2' }, { clientId: 'agent-2' }],
    [{ session: 'ses_1' }, { userId: 'usr_bob' }, { sid: 'ses_2' }],
  ])(
    'of %j is in force on a replica within a second, and touches nobody else (R81) (R85) (S28)',
    async (body, also, notThese) => {
      await seed();
      const { post } = await start();
      const replica = await follow();
      const issued = token();
      const started = performance.now();
      const answer = await post('/v1/revocations', { ...body, reason: 'laptop lost' });
      await soon(() => expect(replica.snapshot().revocations.isRevoked(issued)).toBe(true));
      expect(performance.now() - started).toBeLessThan(1_000);
      expect(answer).toMatchObject({ status: 201, body: { reason: 'laptop lost', revision: 2 } });
      expect(replica.snapshot().revocations.isRevoked({ ...issued, ...also })).toBe(true);
      expect(replica.snapshot().revocations.isRevoked({ ...issued, ...notThese })).toBe(false);
    },
  );

  it.each([
    [{ server: 'notes' }, { server: 'whoami' }],
    [{ credentialProvider: 'notes-user' }, { credentialProvider: 'other' }],
  ])('of %j voids what was leased until now within a second, of that one alone (S28)', async (body, another) => {
    const { post } = await start();
    const replica = await follow();
    const lease = {
      connectionId: null,
      server: 'notes',
      credentialProvider: 'notes-user',
      leasedAt: Math.floor(Date.now() / 1000),
    };
    const started = performance.now();
    const answer = await post('/v1/revocations', body);
    await soon(() => expect(replica.snapshot().revocations.isLeaseRevoked(lease)).toBe(true));
    expect(performance.now() - started).toBeLessThan(1_000);
    expect(answer).toMatchObject({ status: 201, body: { revision: 2, disconnected: 0 } });
    expect(replica.snapshot().revocations.isLeaseRevoked({ ...lease, ...another })).toBe(false);
    expect(replica.snapshot().revocations.isLeaseRevoked({ ...lease, leasedAt: lease.leasedAt + 60 })).toBe(false);
  });

  it('lets a later sign-in stand, and a block does not (S28)', async () => {
    await seed();
    const { post } = await start();
    const { revocations } = (await follow()).snapshot();
    const issued = token();
    const later = token({ issuedAt: issued.issuedAt + 60 });
    await post('/v1/revocations', { user: 'usr_alice' });
    await soon(() => expect(revocations.isRevoked(issued)).toBe(true));
    expect(revocations.isRevoked(later)).toBe(false);
    await post('/v1/revocations', { user: 'usr_alice', block: true });
    await soon(() => expect(revocations.isRevoked(later)).toBe(true));
  });

  it('survives a restart of everything: the base carries it (S28)', async () => {
    await seed();
    const first = await start();
    await first.post('/v1/revocations', { session: 'ses_1' });
    await first.service.close();
    const bus = createInProcessMessaging();
    const second = await start({}, bus);
    expect((await follow(bus)).snapshot().revocations.isRevoked(token())).toBe(true);
    await second.service.close();
    await bus.close();
  });

  it('changes nothing when it names nobody, too much, or somebody unknown', async () => {
    const { post } = await start();
    for (const body of [
      {},
      { reason: 'x' },
      { user: 'usr_alice', session: 'ses_1' },
      { session: 'ses_1', block: true },
      { usr: 'usr_alice' },
      { user: 7 },
      [],
      { server: 'notes', user: 'usr_alice' },
      { server: 'notes', credentialProvider: 'notes-user' },
      { server: 'notes', block: true },
      { credentialProvider: 'notes-user', connections: 'unused' },
    ])
      expect((await post('/v1/revocations', body)).status).toBe(400);
    for (const body of [
      { user: 'usr_nobody' },
      { session: 'ses_nobody' },
      { server: 'nothing' },
      { credentialProvider: 'nothing' },
    ])
      expect((await post('/v1/revocations', body)).status).toBe(404);
    expect(await database.revocation.count()).toBe(0);
    expect(await database.configurationRevision.count()).toBe(1);
  });

  it('is in the trail (R80)', async () => {
    await seed();
    const { post, call } = await start();
    await post('/v1/revocations', { user: 'usr_alice', agent: 'agent-1', reason: 'laptop lost' });
    expect((await call('/v1/events?type=revocation.created')).body).toMatchObject({
      events: [
        {
          type: 'revocation.created',
          userId: 'usr_alice',
          clientId: 'agent-1',
          detail: { reason: 'laptop lost', subject: 'user-agent', block: false },
        },
      ],
    });
  });

  describe('of a session the authorization server ended itself', () => {
    const ended = (part: object = {}) => ({
      v: 1,
      type: 'token.revoked',
      id: newId('evt'),
      replica: 'authorization-server',
      at: Date.now(),
      userId: 'usr_alice',
      clientId: 'agent-1',
      sid: 'ses_1',
      reason: 'a code or refresh token was used twice',
      ...part,
    });
    const end = () => database.agentSession.update({ where: { sid: 'ses_1' }, data: { endedAt: new Date() } });
    /** Resolves when what was published before is done with, and in the trail. */
    const sentinel = async () => {
      await database.agentSession.create({
        data: {
          sid: 'ses_last',
          userId: 'usr_alice',
          clientId: 'agent-1',
          agentName: 'Agent',
          assurance: 'asserted',
          grantDigest: 'last',
          endedAt: new Date(),
        },
      });
      await messaging.events.publish('authorization-server', [ended({ sid: 'ses_last' })]);
      await eventually(
        async () => (await database.event.count({ where: { type: 'revocation.created', sid: 'ses_last' } })) === 1,
      );
    };

    it('is in force at every gateway within a second, also for tokens of a clock that is ahead, and once however often it is told (R85) (S28)', async () => {
      await seed();
      await end();
      const { call } = await start({ heartbeatIntervalMs: 3_000 });
      const replica = await follow();
      const told = Date.now();
      await messaging.events.publish('authorization-server', [ended({ sid: undefined }), ended()]);
      await soon(() =>
        expect(replica.snapshot().revocations.isRevoked(token({ issuedAt: Math.floor(Date.now() / 1000) + 30 }))).toBe(
          true,
        ),
      );
      expect(Date.now() - told).toBeLessThan(1_000);
      expect(replica.snapshot().revocations.isRevoked(token({ sid: 'ses_2' }))).toBe(false);
      await messaging.events.publish('authorization-server', [ended(), ended()]);
      await sentinel();
      expect(await database.revocation.count()).toBe(2);
      expect((await call('/v1/events?after=0&type=revocation.created')).body['events']).toMatchObject([
        {
          sid: 'ses_1',
          userId: 'usr_alice',
          clientId: 'agent-1',
          detail: { subject: 'session', reason: 'a code or refresh token was used twice' },
        },
        { sid: 'ses_last' },
      ]);
    });

    it('counts only from an authorization server, under its own name (S26)', async () => {
      await seed();
      await end();
      await start();
      await messaging.events.publish('gateway-1', [ended(), ended({ replica: 'gateway-1' })]);
      await messaging.events.publish('authorization-server-2', [ended({ replica: 'authorization-server-2' })]);
      await messaging.events.publish('authorization-server', [
        ended({ replica: 'gateway-1' }),
        ended({ type: 'token.refused' }),
      ]);
      await sentinel();
      expect(await database.revocation.count()).toBe(1);
    });

    it('needs a session that has ended: the event alone ends none (S8)', async () => {
      await seed();
      await start();
      await messaging.events.publish('authorization-server', [ended(), ended({ sid: 'ses_nobody' })]);
      await sentinel();
      expect(await database.revocation.count()).toBe(1);
      await end();
      await messaging.events.publish('authorization-server', [ended()]);
      await eventually(async () => (await database.revocation.count()) === 2);
    });
  });
});

describe('agent sessions', () => {
  const sid = (character: string) => `ses_${character.repeat(26)}`;
  const seed = () =>
    database.agentSession.createMany({
      data: [
        ['1', 'usr_alice', 'agent-1'],
        ['2', 'usr_alice', 'agent-2'],
        ['3', 'usr_bob', 'agent-1'],
        ['4', 'usr_alice', 'agent-1'],
        ['5', 'usr_alice', 'agent-1'],
      ].map(([character = '', userId = '', clientId = '']) => ({
        sid: sid(character),
        userId,
        clientId,
        agentName: 'Agent',
        assurance: 'asserted',
        grantDigest: 'digest-of-a-grant',
        redirectHost: 'agent.example',
        userAgent: 'Browser/1',
        sourceAddress: '192.0.2.7',
        lastUsedAddress: '192.0.2.8',
        ...(character === '4' ? { endedAt: new Date(), endReason: 'not used for too long' } : {}),
      })),
    });
  const list = (body: Record<string, unknown>) =>
    (body['sessions'] as { sid: string; state: string }[]).map(({ sid: id, state }) => [id.at(-1), state]);

  it('are listed with agent, assurance, host, place and time, and nothing of their grant (R13, R79)', async () => {
    await seed();
    const { call } = await start();
    const { status, body } = await call(`/v1/agent-sessions?userId=usr_bob`);
    expect(status).toBe(200);
    const time = expect.stringMatching(/^\d{4}-.*Z$/) as string;
    expect(body).toEqual({
      next: null,
      sessions: [
        {
          sid: sid('3'),
          userId: 'usr_bob',
          clientId: 'agent-1',
          agentName: 'Agent',
          assurance: 'asserted',
          redirectHost: 'agent.example',
          userAgent: 'Browser/1',
          sourceAddress: '192.0.2.7',
          lastUsedAddress: '192.0.2.8',
          createdAt: time,
          lastUsedAt: time,
          state: 'live',
          endedAt: null,
          endReason: null,
        },
      ],
    });
  });

  it('are found by user and agent, page by page, newest first, and say whether they ended or were revoked (R85)', async () => {
    await seed();
    const { call, post } = await start();
    expect((await post('/v1/revocations', { session: sid('5') })).status).toBe(201);
    await eventually(async () =>
      list((await call('/v1/agent-sessions')).body).some(([, state]) => state === 'revoked'),
    );
    expect(list((await call('/v1/agent-sessions?userId=usr_alice&clientId=agent-1')).body)).toEqual([
      ['5', 'revoked'],
      ['4', 'ended'],
      ['1', 'live'],
    ]);
    expect(list((await call('/v1/agent-sessions?userId=usr_alice&live=true')).body)).toEqual([
      ['2', 'live'],
      ['1', 'live'],
    ]);
    const first = (await call('/v1/agent-sessions?limit=2')).body;
    const second = (await call(`/v1/agent-sessions?limit=2&before=${String(first['next'])}`)).body;
    const third = (await call(`/v1/agent-sessions?limit=2&before=${String(second['next'])}`)).body;
    expect([first, second, third].map((page) => list(page).map(([id]) => id))).toEqual([['5', '4'], ['3', '2'], ['1']]);
    expect(third['next']).toBeNull();
  });

  it('are shown to administrators only, and to a sound question', async () => {
    const { url, call } = await start();
    expect((await fetch(`${url}/v1/agent-sessions`)).status).toBe(401);
    for (const query of [
      'limit=0',
      'limit=1001',
      'before=x',
      'before=ses_1',
      'live=yes',
      'user=usr_alice',
      'userId=%00',
      'userId=a&userId=b',
    ])
      expect((await call(`/v1/agent-sessions?${query}`)).status).toBe(400);
  });
});

describe('the trail', () => {
  it('tells of an event that this version does not understand as a failure of ours, not as a mistake of who reads (R80)', async () => {
    const { call } = await start();
    await database.event.create({ data: { id: 'evt_newer', type: 'newer.type', at: new Date(), body: { v: 9 } } });
    expect((await call('/v1/events?type=newer.type')).status).toBe(500);
    expect((await call('/v1/events?type=x')).status).toBe(200);
  });

  it('a stored row that this version does not understand is a failure of ours, logged, on any route (R80)', async () => {
    const { call, post, log } = await start();
    const { body } = await post('/v1/revocations', { agent: 'agent-1' });
    await database.revocation.update({ where: { id: String(body['id']) }, data: { subject: { type: 'newer' } } });
    expect(await call('/v1/configuration')).toMatchObject({ status: 500, body: { title: 'Internal Server Error' } });
    expect(log()).toContain('request failed');
  });

  it('holds request and response of a call, once, however often it is delivered (R74) (R75)', async () => {
    const { call } = await start({ declarativeFile: null });
    const alice = { trustProvider: 'demo', issuer: 'https://idp', subject: 'alice', name: 'Alice' };
    await database.user.upsert({ where: { id: 'usr_alice' }, create: { id: 'usr_alice', ...alice }, update: alice });
    const delivered = record();
    await messaging.events.publish('gateway-1', [delivered]);
    await messaging.events.publish('gateway-1', [delivered]);
    expect(ofCalls((await call('/v1/events?after=0')).body)).toMatchObject([
      {
        type: 'mcp.request',
        userId: 'usr_alice',
        userName: 'Alice',
        clientId: 'agent-1',
        server: 'notes',
        tool: 'get_note',
        code: 'SPG01I',
        detail: { decision: 'allow' },
      },
      { type: 'mcp.response', userId: 'usr_alice', detail: { httpStatus: 200 } },
    ]);
  });

  it('leaves out what is no record, what another replica signed for, and keeps the rest of the batch (S26)', async () => {
    const { call, log } = await start({ declarativeFile: null });
    await messaging.events.publish('gateway-1', [
      { v: 1, type: 'nonsense' },
      null,
      record({ replica: 'gateway-2' }),
      record({ target: 'nul\u0000 and \ud800' }),
      record({ userId: undefined, clientId: undefined, decision: 'unauthenticated' }),
    ]);
    const { body } = await call('/v1/events?after=0&type=mcp.request');
    expect(body['events']).toHaveLength(2);
    expect((body['events'] as object[])[1]).not.toHaveProperty('userId');
    expect(log()).toContain('"dropped":3');
  });

  it('takes no record that cannot be stored, whose batch would come back for ever and hold up the others (S26)', async () => {
    const { call } = await start({ declarativeFile: null });
    const wide = Array.from({ length: 2_000 }, () =>
      String.fromCharCode(0x4e00 + Math.floor(Math.random() * 20_000)),
    ).join('');
    const absurd = [
      record({ receivedAt: -9_007_199_254_740_991 }),
      record({ receivedAt: 9_007_199_254_740_991 }),
      record({ durationMs: 1e300 }),
      record({ durationMs: -1e17 }),
      record({ id: wide }),
      record({ userId: wide }),
    ];
    for (const one of absurd) await messaging.events.publish('gateway-1', [one]);
    const step = { v: 1, type: 'token.issued', replica: 'authorization-server-1', at: Date.now() };
    await messaging.events.publish('authorization-server-1', [
      { ...step, id: 'evt_a', detail: { 'a\u0000': 1 } },
      { ...step, id: 'evt_b', detail: Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`k${n}`, n])) },
    ]);
    await messaging.events.publish('gateway-1', [
      record({ target: wide, agentName: wide, clientId: wide, sid: wide, server: wide, reason: wide }),
    ]);
    expect(ofCalls((await call('/v1/events')).body)).toHaveLength(2);
    const content = { v: 1, type: 'mcp.content', replica: 'gateway-1', at: Date.now(), callId: 'evt_c', level: 'full' };
    const deep = `${'['.repeat(9_000)}1e999999${']'.repeat(9_000)}`;
    await messaging.events.publish('gateway-1', [
      { ...content, id: 'evt_c.content', arguments: 'nul\u0000 and \ud800', result: deep },
      { ...content, id: 'evt_d.content', arguments: 'x'.repeat(30_000) },
    ]);
    expect((await call('/v1/events?type=mcp.content')).body['events']).toMatchObject([
      { id: 'evt_c.content', detail: { arguments: 'nul\ufffd and \ufffd', result: deep } },
    ]);
  });

  it('takes calls from a gateway and nothing else: no gateway tells of a revocation or a sign-in (S26)', async () => {
    const { call, log } = await start({ declarativeFile: null });
    const forged = { v: 1, type: 'user.signed_in', id: newId('evt'), at: Date.now(), userId: 'usr_alice' };
    await messaging.events.publish('gateway-1', [{ ...forged, replica: 'gateway-1' }]);
    await messaging.events.publish('authorization-server-1', [
      { ...forged, id: newId('evt'), replica: 'authorization-server-1' },
    ]);
    expect((await call('/v1/events?type=user.signed_in')).body['events']).toMatchObject([
      { replica: 'authorization-server-1' },
    ]);
    expect(log()).toContain('"dropped":1');
  });

  it('is read on from where one was, by type, user and agent (R77)', async () => {
    const { call } = await start({ declarativeFile: null });
    const { next } = (await call('/v1/events')).body; // that somebody reads is an event, once
    await messaging.events.publish('gateway-1', [
      record(),
      record({ userId: 'usr_bob' }),
      record({ clientId: 'agent-2' }),
    ]);
    const first = (await call(`/v1/events?after=${String(next)}&limit=2`)).body;
    expect(first['events']).toHaveLength(2);
    const rest = (await call(`/v1/events?after=${String(first['next'])}`)).body;
    expect(rest['events']).toHaveLength(4);
    expect((await call(`/v1/events?after=${String(rest['next'])}`)).body).toEqual({ events: [], next: rest['next'] });
    expect((await call('/v1/events?userId=usr_bob')).body['events']).toHaveLength(2);
    expect((await call('/v1/events?clientId=agent-2&type=mcp.response')).body['events']).toHaveLength(1);
  });

  it('is counted by the minute, and answers in bounds (R77)', async () => {
    const { call } = await start({ declarativeFile: null });
    await messaging.events.publish('gateway-1', [
      record(),
      record({ clientId: 'agent-2' }),
      record({ server: 'other' }),
    ]);
    const query = `from=${new Date(Date.now() - 3_600_000).toISOString()}&to=${new Date(Date.now() + 60_000).toISOString()}`;
    expect((await call(`/v1/events/stats?${query}&by=agent&server=notes`)).body).toMatchObject({
      stats: [
        { clientId: 'agent-1', calls: 1, failures: 0, p95Ms: 2.7 },
        { clientId: 'agent-2', calls: 1 },
      ],
      isCut: false,
    });
    expect(await call(`/v1/events/stats?${query}&step=1s`)).toMatchObject({ status: 400 });
    expect(await call('/v1/events/stats')).toMatchObject({ status: 400 });
  });

  it('is told newest first, and read back from there (R77)', async () => {
    const { call } = await start({ declarativeFile: null });
    const { next } = (await call('/v1/events')).body; // that somebody reads is an event, once
    await messaging.events.publish('gateway-1', [
      record(),
      record({ userId: 'usr_bob' }),
      record({ clientId: 'agent-2' }),
    ]);
    const sequences = ({ body }: { body: Record<string, unknown> }) =>
      (body['events'] as { sequence: number }[]).map(({ sequence }) => sequence);
    const all = sequences(await call(`/v1/events?after=${String(next)}`)).toReversed();
    const newest = await call('/v1/events?limit=2');
    expect([sequences(newest), newest.body['next']]).toEqual([all.slice(0, 2), all[0]]);
    expect(sequences(await call(`/v1/events?limit=3&before=${all[1]}`))).toEqual(all.slice(2, 5));
    expect(sequences(await call(`/v1/events?before=${all.at(-1)}`))).toEqual([next]);
    await messaging.events.publish('gateway-1', [record()]);
    expect(sequences(await call(`/v1/events?after=${String(newest.body['next'])}`))).toHaveLength(2);
  });

  it('refuses a question that is none', async () => {
    const { call } = await start({ declarativeFile: null });
    for (const query of [
      'after=1&before=5',
      'limit=0',
      'limit=1001',
      'limit=x',
      'after=-1',
      'after=1%3B',
      'unknown=1',
      'limit=1&limit=2',
    ])
      expect((await call(`/v1/events?${query}`)).status).toBe(400);
  });
});

describe('the admin API', () => {
  it('answers 401 to anything but its token, before it looks at anything else', async () => {
    const { call } = await start();
    for (const authorization of [
      '',
      'Bearer',
      'Bearer wrong',
      `Bearer ${ADMIN_TOKEN}x`,
      `Basic ${ADMIN_TOKEN}`,
      ADMIN_TOKEN,
    ]) {
      for (const [path, method] of [
        ['/v1/events?limit=x', 'GET'],
        ['/v1/configuration', 'GET'],
        ['/v1/revocations', 'POST'],
      ] as const) {
        const answer = await call(path, {
          method,
          headers: { authorization },
          ...(method === 'POST' && { body: '{"nonsense":1}' }),
        });
        expect(answer.status).toBe(401);
        expect(answer.headers.get('www-authenticate')).toContain('/.well-known/oauth-protected-resource/v1"');
      }
    }
  });

  it("answers a question that no database can be asked as the asker's mistake", async () => {
    const { call, post, log } = await start();
    for (const path of [
      '/v1/events?userId=a%00b',
      '/v1/events?type=%00',
      '/v1/events?clientId=%00',
      '/v1/connections?userId=%00',
      '/v1/connections?limit=0',
      '/v1/connections?limit=1e2',
      '/v1/connections?limit=1001',
    ])
      expect([path, (await call(path)).status]).toEqual([path, 400]);
    for (const body of [
      { user: 'a\u0000' },
      { agent: '\u0000' },
      { session: '\u0000' },
      { agent: 'a', reason: '\u0000' },
    ])
      expect((await post('/v1/revocations', body)).status).toBe(400);
    expect((await call('/v1/connections/%00', { method: 'DELETE' })).status).toBe(400);
    expect(log()).not.toContain('"level":"error"');
  });

  it('and every other way in answer whoever shows nothing as docs/ways-in.md says (R28)', async () => {
    const { url } = await start();
    const ways = waysInOf('Control plane').filter(({ method }) => method !== 'BUS');
    const answers: Record<string, number> = {};
    for (const { method, path } of ways) {
      const type = path.startsWith('/v1') ? 'application/json' : 'application/x-www-form-urlencoded';
      const { status } = await fetch(`${url}${path.replaceAll(/:\w+/g, 'test')}`, {
        method,
        redirect: 'manual',
        ...(method === 'GET'
          ? {}
          : { headers: { 'content-type': type }, body: type === 'application/json' ? '{}' : '' }),
      });
      answers[`${method} ${path}`] = status;
    }
    expect(answers).toEqual(
      Object.fromEntries(ways.map(({ method, path, withoutCredentials }) => [`${method} ${path}`, withoutCredentials])),
    );
  });

  it('describes itself to anybody, for programs and for people', async () => {
    const { url } = await start();
    const described = await fetch(`${url}/v1/openapi.json`);
    expect(await described.json()).toEqual(
      describeApi({ version: PRODUCT_VERSION, url: expect.any(String) as string }),
    );
    const page = await fetch(`${url}/v1/reference/operations/listEvents`);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(await page.text()).toContain('events:read');
    expect((await fetch(`${url}/v1/reference/operations/none`)).status).toBe(404);
  });

  it('is guarded by route, not by spelling', async () => {
    const { call, url } = await start();
    for (const path of ['/v1/events', '/v1/configuration', '/v1/connections']) {
      const head = await fetch(`${url}${path}`, { method: 'HEAD' });
      expect([path, head.status]).toEqual([path, 401]);
      for (const [method, spelling] of [
        ['OPTIONS', path],
        ['GET', `${path}/`],
        ['GET', path.toUpperCase()],
        ['GET', `/${path}`],
        ['GET', `/x/..${path}`],
        ['GET', `${path};x=1`],
        ['GET', path.replace('/v1', '/v1%2f..%2fv1')],
        ['PUT', path],
      ] as const) {
        const answer = await fetch(`${url}${spelling}`, { method, redirect: 'manual' });
        expect([method, spelling, [401, 404].includes(answer.status)]).toEqual([method, spelling, true]);
        expect(await answer.text()).not.toMatch(/"events"|"documents"|"connections"/);
      }
    }
    for (const path of ['/%761/events', '/v1/%65vents', '/v1/events?'])
      expect((await call(path, { headers: { authorization: '' } })).status).toBe(401);
  });

  it('shows the documents in force', async () => {
    const { call } = await start();
    expect((await call('/v1/configuration')).body).toMatchObject({
      revision: 1,
      documents: expect.arrayContaining([expect.objectContaining({ kind: 'McpServer', name: 'notes' })]),
    });
  });
});

describe("the vault's keys", () => {
  it('are rotated by the administrator alone, and the answers say how far it is (B1, S29)', async () => {
    const { call, post } = await start();
    for (const [path, method] of [
      ['/v1/vault/rotation', 'GET'],
      ['/v1/vault/rotation', 'POST'],
      ['/v1/vault/removals', 'POST'],
    ] as const)
      expect((await call(path, { method, headers: { authorization: 'Bearer wrong' } })).status).toBe(401);
    const before = (await call('/v1/vault/rotation')).body;
    expect(before).toMatchObject({
      total: 1,
      remaining: 0,
      isComplete: true,
      keys: [{ state: 'sealing', wrappedBy: null, records: { StoredSecret: 1 } }],
    });
    const fileKey = (before['keys'] as { id: string }[])[0]?.id;
    const rotated = await post('/v1/vault/rotation', { reason: 'yearly' });
    expect(rotated).toMatchObject({
      status: 201,
      body: {
        isComplete: false,
        keys: [
          { state: 'next', wrappedBy: `file:${fileKey}` },
          { id: fileKey, state: 'sealing' },
        ],
      },
    });
    expect((await post('/v1/vault/rotation', {})).status).toBe(200);
    const next = (rotated.body['keys'] as { id: string }[])[0]?.id ?? '';
    expect((await post('/v1/vault/removals', { keyId: next })).status).toBe(409);
    for (const keyId of [fileKey, '0'.repeat(16)])
      expect((await post('/v1/vault/removals', { keyId })).status).toBe(404);
    for (const body of [{}, { keyId: 'x' }, { keyId: next, force: true }])
      expect((await post('/v1/vault/removals', body)).status).toBe(400);
    expect((await post('/v1/vault/rotation', { now: true })).status).toBe(400);
    const { body: trail } = await call('/v1/events?type=vault_key.created');
    expect(trail['events']).toMatchObject([{ detail: { keyId: next, reason: 'yearly' } }]);
    expect(JSON.stringify(trail['events'])).not.toContain(
      Buffer.from(loadMasterKey(keys.master).reveal()).toString('base64url'),
    );

    // Its time comes, and everything is sealed anew without anybody doing more.
    await database.vaultKey.updateMany({ where: { id: next }, data: { sealsFrom: new Date(Date.now() - 1) } });
    await eventually(async () => (await call('/v1/vault/rotation')).body['isComplete'] === true, { timeoutMs: 20_000 });
    expect((await call('/v1/vault/rotation')).body).toMatchObject({
      keys: [
        { id: next, state: 'sealing', records: { StoredSecret: 1 } },
        { id: fileKey, state: 'retired', records: {}, isRemovable: false },
      ],
    });
  });

  it('stop the start when they are not the ones this database was written with, by name and with nothing changed (B1)', async () => {
    const { service } = await start();
    await service.close();
    const before = await database.storedSecret.findMany();
    const { master } = await ensureDeploymentKeys(join(directory, 'other-keys'), { gateways: [] });
    await expect(
      start({
        keys: {
          masterKeyFile: master,
          configurationSigningKeyFile: keys.configurationSigning,
          leaseKeyFile: keys.lease,
          leaseSigningKeyFile: keys.leaseSigning,
          enrolledGateways: keys.gateways,
        },
      }),
    ).rejects.toMatchObject({ code: 'vault_key_missing', message: expect.stringContaining('StoredSecret') });
    expect(await database.storedSecret.findMany()).toEqual(before);
  });
});

describe('readiness', () => {
  it('is degraded with a reason when the database is gone, and no heartbeat vouches for anything (S28)', async () => {
    const { service } = await start();
    expect(service.readiness()).toEqual({ status: 'ready', reasons: [] });
    await database.$executeRawUnsafe('ALTER TABLE "ConfigurationRevision" RENAME TO "Away"');
    await soon(() =>
      expect(service.readiness()).toEqual({ status: 'degraded', reasons: ['the configuration cannot be published'] }),
    );
    await database.$executeRawUnsafe('ALTER TABLE "Away" RENAME TO "ConfigurationRevision"');
    await soon(() => expect(service.readiness()).toEqual({ status: 'ready', reasons: [] }));
  });

  it('is degraded with a reason while the trail takes no events, and they are in it when it does (R74)', async () => {
    const { service } = await start();
    await database.$executeRawUnsafe('ALTER TABLE "Event" RENAME TO "Away"');
    const published = messaging.events.publish('gateway-1', [record({ userId: 'usr_waits' })]);
    await soon(() =>
      expect(service.readiness()).toEqual({
        status: 'degraded',
        reasons: ['events cannot be stored: they wait where they are'],
      }),
    );
    await database.$executeRawUnsafe('ALTER TABLE "Away" RENAME TO "Event"');
    await published;
    expect([service.readiness(), await database.event.count({ where: { userId: 'usr_waits' } })]).toEqual([
      { status: 'ready', reasons: [] },
      2,
    ]);
  });
});
