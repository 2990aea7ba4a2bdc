import { createSnapshot, documentMap, RevocationIndex, type Document } from '@sallyport/configuration';
import { signCommand, type SignedCommandOf } from '@sallyport/configuration/log';
import { systemClock } from '@sallyport/kernel';
import { subjects } from '@sallyport/messages';
import { eventually } from '@sallyport/testing';
import { decodeJwt, generateKeyPair, type CryptoKey } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createEndSession } from '../lifecycle/end-session.js';
import { AgentSessions } from '../storage/agent-sessions.js';
import { ArtifactStore, grantDigestOf } from '../storage/artifact-store.js';
import { DynamicRegistrations } from '../storage/dynamic-registrations.js';
import { register, TestAgent } from '../testing/test-agent.js';
import { startTestDeployment, type TestDeployment } from '../testing/test-deployment.js';

const DAY_MS = 86_400_000;
let deployment: TestDeployment;
beforeAll(async () => (deployment = await startTestDeployment({ trustedProxies: ['127.0.0.1'] })));
afterAll(() => deployment.close());

type Rules = { most?: number; perUser?: number; unusedFor?: string; idleFor?: string };
const rules = (changes: Rules): Extract<Document, { kind: 'ClientRegistration' }> => ({
  kind: 'ClientRegistration',
  name: 'default',
  spec: {
    metadataDocuments: { enabled: true, allowedHosts: ['*'], deniedHosts: [] },
    dynamic: { mode: 'open', redirectHosts: ['127.0.0.1', '[::1]', 'localhost'], ...changes },
  },
});
let people = 0;
const somebody = () => {
  people += 1;
  deployment.provider.account = {
    sub: `human-${people}`,
    email: 'human@example.com',
    email_verified: true,
    name: 'Human',
    groups: ['engineering'],
  };
};
beforeEach(async () => {
  await deployment.database.agentSession.updateMany({ where: { endedAt: null }, data: { endedAt: new Date() } });
  await deployment.database.oidcArtifact.deleteMany({ where: { kind: 'Client' } });
  await deployment.database.dynamicRegistration.deleteMany();
  await deployment.configure([rules({})]);
  somebody();
});

const registerFrom = async (address: string) =>
  String((await register(deployment, {}, { 'x-forwarded-for': address })).body['client_id']);
const connect = async (agent?: TestAgent) => {
  const used = agent ?? (await TestAgent.register(deployment));
  const { status, body } = await used.connect();
  expect(status).toBe(200);
  const { sid, sub } = decodeJwt<{ sid: string; sub: string }>(String(body['access_token']));
  let token = body['refresh_token'];
  const refresh = async () => {
    const answer = await used.refresh(token);
    if (answer.status === 200) token = answer.body['refresh_token'];
    return answer;
  };
  return { agent: used, clientId: used.clientId, sid, userId: sub, refresh };
};
/** As if it had been registered, or used, so long ago. */
const age = (clientId: string, ms: number) => deployment.database.$executeRaw`
  UPDATE "DynamicRegistration" SET "registeredAt" = "registeredAt" - make_interval(secs => ${ms / 1000}), "lastUsedAt" = "lastUsedAt" - make_interval(secs => ${ms / 1000}) WHERE "clientId" = ${clientId}`;
const known = async () =>
  (await deployment.database.dynamicRegistration.findMany({ select: { clientId: true } }))
    .map(({ clientId }) => clientId)
    .toSorted();
const expiry = async (clientId: string) =>
  (await deployment.database.oidcArtifact.findFirst({ where: { kind: 'Client', idDigest: grantDigestOf(clientId) } }))
    ?.expiresAt;
const removals = (clientId: string) =>
  deployment.events.filter((event) => event.type === 'agent.registration_removed' && event.clientId === clientId);
const isLive = async (sid: string) =>
  (await deployment.database.agentSession.findUniqueOrThrow({ where: { sid } })).endedAt === null;
/** The same housekeeping that runs every ten minutes, at another time. */
const keepUpAt = (now: number, changes: Rules = {}) => {
  const snapshot = createSnapshot({
    epoch: 'e',
    revision: 1,
    documents: documentMap([rules(changes)]),
    revocations: new RevocationIndex(systemClock),
  });
  const sessions = new AgentSessions(deployment.database);
  const endSession = createEndSession({
    store: new ArtifactStore(deployment.database, deployment.sealer, systemClock),
    sessions,
    record: () => undefined,
  });
  const recorded: string[] = [];
  return new DynamicRegistrations({
    configuration: { snapshot: () => snapshot },
    database: deployment.database,
    endSession,
    record: ({ clientId }) => void recorded.push(String(clientId)),
    clock: () => now,
  })
    .keepUp()
    .then(() => recorded);
};
const FORGOTTEN = 'this client is not registered here (any more): register again';

test.each([
  ['a name with a character that is no text', 'Fu\u0000zz', 'Fuzz'],
  ['a name of nothing else', '\u0000', null],
  ['half a character', 'Fuzz \ud800', 'Fuzz'],
  ['a name without end', 'x'.repeat(10_000), expect.stringMatching(/^x{79}…$/)],
])('%s is registered, and listed as it is shown (R18)', async (_what, name, listed) => {
  const { status, body } = await register(deployment, { client_name: name });
  expect(status).toBe(201);
  expect(
    await deployment.database.dynamicRegistration.findUnique({
      where: { clientId: String(body['client_id']) },
      select: { clientName: true },
    }),
  ).toEqual({ clientName: listed });
});

describe('a registration that was used', () => {
  test('stays as long as a session uses it, and goes a time after the last one ended (R18)', async () => {
    const [live, over] = [await connect(), await connect()];
    expect([await expiry(live.clientId), await expiry(over.clientId)]).toEqual([null, null]);
    await fetch(`${deployment.issuer}/revoke`, {
      method: 'POST',
      body: new URLSearchParams({
        client_id: over.clientId,
        token: String((await over.refresh()).body['refresh_token']),
      }),
    });
    const now = Date.now();
    expect(await keepUpAt(now, { idleFor: '10d' })).toEqual([]);
    expect([await expiry(live.clientId), (await expiry(over.clientId))?.getTime()]).toEqual([null, now + 10 * DAY_MS]);
    expect(await keepUpAt(now + 10 * DAY_MS - 1)).toEqual([]);
    expect(await keepUpAt(now + 10 * DAY_MS)).toEqual([over.clientId]);
    expect(await known()).toEqual([live.clientId]);
    expect((await live.refresh()).status).toBe(200);
  });

  test('that comes back in time stays on (R18)', async () => {
    const { agent, sid } = await connect();
    await deployment.database.agentSession.update({ where: { sid }, data: { endedAt: new Date() } });
    await keepUpAt(Date.now());
    expect(await expiry(agent.clientId)).toBeInstanceOf(Date);
    await connect(agent);
    expect(await expiry(agent.clientId)).toBeNull();
    // What is in use and was thought not to be, as by two replicas at once, is put right.
    await deployment.database.oidcArtifact.updateMany({
      where: { kind: 'Client' },
      data: { expiresAt: new Date(Date.now() + DAY_MS) },
    });
    await keepUpAt(Date.now());
    expect(await expiry(agent.clientId)).toBeNull();
  });

  test('before registrations were written down is known again once it is used (R18)', async () => {
    const { clientId, refresh } = await connect();
    await deployment.database.dynamicRegistration.deleteMany();
    await deployment.database.oidcArtifact.updateMany({
      where: { kind: 'Client' },
      data: { expiresAt: new Date(Date.now() + DAY_MS) },
    });
    expect((await refresh()).status).toBe(200);
    expect([await known(), await expiry(clientId)]).toEqual([[clientId], null]);
  });
});

describe('where there are too many registrations', () => {
  test("those of the network that has most of them make room, the oldest first; nobody else's do (R18, S32)", async () => {
    const modest = await registerFrom('203.0.113.1');
    await age(modest, DAY_MS);
    const flood: string[] = [];
    for (let index = 0; index < 4; index++) flood.push(await registerFrom('203.0.113.2'));
    const { clientId: used } = await connect();
    await age(used, DAY_MS);
    await deployment.configure([rules({ most: 6 })]);
    const more = [await registerFrom('203.0.113.2'), await registerFrom('203.0.113.3')];
    expect(await known()).toEqual([modest, used, ...flood.slice(2), ...more].toSorted());
    await eventually(() =>
      deployment.events.some(({ type, detail }) => type === 'limit.exceeded' && detail?.['limit'] === 'registrations'),
    );
  });

  test('and all are used, the longest unused makes room, those without a session first: nobody is locked out (R18)', async () => {
    const [over, idle, busy] = [await connect(), await connect(), await connect()];
    await deployment.database.agentSession.update({ where: { sid: over.sid }, data: { endedAt: new Date() } });
    await age(idle.clientId, 2 * DAY_MS);
    await age(busy.clientId, DAY_MS);
    await deployment.configure([rules({ most: 3 })]);
    const { clientId: first } = await TestAgent.register(deployment);
    expect(await known()).toEqual([idle.clientId, busy.clientId, first].toSorted());
    await connect(new TestAgent(deployment, first));
    const last = await connect();
    expect(await known()).toEqual([busy.clientId, first, last.clientId].toSorted());

    expect([await isLive(idle.sid), await isLive(busy.sid)]).toEqual([false, true]);
    expect((await busy.refresh()).status).toBe(200);
    await eventually(
      () =>
        removals(idle.clientId).length > 0 &&
        deployment.events.some(({ type, sid }) => type === 'token.revoked' && sid === idle.sid),
    );
    expect(removals(idle.clientId)).toMatchObject([
      { agentName: 'Test agent', reason: 'there were too many registrations, and this one was not used for longest' },
    ]);
  });

  test('the agent whose registration made room hears so, and what to do (R18)', async () => {
    const { agent, refresh } = await connect();
    await deployment.configure([rules({ most: 1 })]);
    await TestAgent.register(deployment);
    const answer = await refresh();
    expect([answer.status, answer.body]).toEqual([401, { error: 'invalid_client', error_description: FORGOTTEN }]);
    const page = await agent.open();
    expect([page.status, page.html.includes(`invalid_client: ${FORGOTTEN}`)]).toEqual([400, true]);
    expect((await (await TestAgent.register(deployment)).connect()).status).toBe(200);
  });
});

describe('one user', () => {
  test("has sessions of so many; the one they did not use for longest makes room, and nobody else's does (R18, S32)", async () => {
    const other = await connect();
    somebody();
    const shared = await connect(new TestAgent(deployment, other.clientId));
    const [first, second] = [await connect(), await connect()];
    const used = (sid: string, ago: number) =>
      deployment.database.agentSession.update({ where: { sid }, data: { lastUsedAt: new Date(Date.now() - ago) } });
    await used(shared.sid, 3 * DAY_MS);
    await used(first.sid, DAY_MS);
    await used(second.sid, 2 * DAY_MS);
    await deployment.configure([rules({ perUser: 2 })]);
    const last = await connect();
    expect(await known()).toEqual([other.clientId, first.clientId, last.clientId].toSorted());
    expect([
      await isLive(shared.sid),
      await isLive(second.sid),
      await isLive(first.sid),
      await isLive(other.sid),
    ]).toEqual([false, false, true, true]);
    expect([
      (await other.refresh()).status,
      (await first.refresh()).status,
      (await second.refresh()).body['error_description'],
    ]).toEqual([200, 200, FORGOTTEN]);
    await eventually(() => removals(second.clientId).length === 1);
    expect(removals(other.clientId)).toEqual([]);
  });
});

describe('an administrator', () => {
  const command = async (
    clientId: string,
    changes: Partial<SignedCommandOf<'remove-registration'>> = {},
    key: CryptoKey = deployment.controlPlaneKey,
  ) =>
    deployment.messaging.request(
      subjects.removeRegistration,
      {
        command: await signCommand(
          { v: 1, type: 'remove-registration', clientId, issuedAt: Date.now(), ...changes },
          key,
        ),
      },
      { timeoutMs: 10_000 },
    );

  test('has one removed by a signed command, with its sessions, and no other; twice is once (R18, S26)', async () => {
    const [removed, other] = [await connect(), await connect()];
    for (let count = 0; count < 2; count++) expect(await command(removed.clientId)).toEqual({ v: 1, outcome: 'done' });
    expect([await known(), await isLive(removed.sid), await isLive(other.sid)]).toEqual([
      [other.clientId],
      false,
      true,
    ]);
    expect((await removed.refresh()).body).toEqual({ error: 'invalid_client', error_description: FORGOTTEN });
    expect((await other.refresh()).status).toBe(200);
    await eventually(() => removals(removed.clientId).length > 0);
    expect(removals(removed.clientId)).toMatchObject([{ reason: 'removed by an administrator' }]);
  });

  test('alone can: nothing is removed by another key, by what is old, or by another command (S26)', async () => {
    const { clientId } = await connect();
    const { privateKey } = await generateKeyPair('EdDSA');
    const rotation = await signCommand(
      { v: 1, type: 'rotate-signing-keys', purposes: ['access-token'], olderThan: 0, issuedAt: Date.now() },
      deployment.controlPlaneKey,
    );
    const answers = [
      await command(clientId, {}, privateKey),
      await command(clientId, { issuedAt: Date.now() - 61_000 }),
      await deployment.messaging.request(subjects.removeRegistration, { command: rotation }, { timeoutMs: 10_000 }),
      await deployment.messaging.request(subjects.removeRegistration, { clientId }, { timeoutMs: 10_000 }),
    ];
    expect(answers).toEqual(Array.from({ length: 4 }, () => ({ v: 1, outcome: 'refused' })));
    expect(await known()).toEqual([clientId]);
  });
});
