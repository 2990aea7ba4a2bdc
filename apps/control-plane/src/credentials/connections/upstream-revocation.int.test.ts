import { newId } from '@sallyport/kernel';
import { eventually, findSecrets } from '@sallyport/testing';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  admin,
  alice,
  alicesOtherAgent,
  bob,
  Browser,
  connect,
  database,
  declared,
  deployForEachTest,
  lease,
  linkFor,
  log,
  notes,
  start,
  type Person,
} from '../../test/connect-deployment.js';

deployForEachTest();

const tokens = () =>
  Object.fromEntries(
    [...notes.issued.accessTokens, ...notes.issued.refreshTokens].map((value, index) => [`downstream ${index}`, value]),
  );
const outstanding = async () =>
  (await (await admin('/v1/upstream-revocations')).json()) as {
    outstanding: number;
    revocations: Record<string, unknown>[];
  };
const asked = (path = '/revoke') =>
  notes.requests.filter((request) => request.path === path).map(({ body }) => new URLSearchParams(body));
const isLive = (index: number) => notes.isLive(notes.issued.accessTokens[index] ?? '');
const connectionOf = async ({ userId }: Person) =>
  (await database.connection.findFirstOrThrow({ where: { userId } })).id;
const disconnect = async (person: Person) =>
  (await (await admin(`/v1/connections/${await connectionOf(person)}`, { method: 'DELETE' })).json()) as {
    upstream: string;
  };
const due = () => database.upstreamRevocation.updateMany({ data: { dueAt: new Date(0) } });
const revoke = async (body: object) => {
  const answer = await admin('/v1/revocations', { method: 'POST', body: JSON.stringify(body) });
  return { status: answer.status, ...((await answer.json()) as { disconnected?: number }) };
};
const trail = async () =>
  (await database.event.findMany({ where: { type: 'connection.revoked_upstream' } })).map(({ userId, body }) => ({
    userId,
    detail: (body as { detail: unknown }).detail,
  }));

describe('a connection that is removed', () => {
  test('is revoked where it came from, refresh token first, by the client and at the endpoint that were stored with it (S25) (R81)', async () => {
    await connect(alice);
    notes.metadata = { revocation_endpoint: `${notes.origin}/another` };
    const basic = notes.requests.find(({ path }) => path === '/token')?.authorization;
    expect((await disconnect(alice)).upstream).toBe('revoked');
    expect(asked().map((form) => [form.get('token'), form.get('token_type_hint')])).toEqual([
      [notes.issued.refreshTokens[0], 'refresh_token'],
      [notes.issued.accessTokens[0], 'access_token'],
    ]);
    expect(notes.requests.filter(({ path }) => path === '/revoke').map(({ authorization }) => authorization)).toEqual([
      basic,
      basic,
    ]);
    expect([isLive(0), asked('/another').length, (await outstanding()).outstanding]).toEqual([false, 0, 0]);
    expect([
      (await lease(alice)).type,
      await database.connectionConsent.count(),
      await database.revocation.count({ where: { subjectType: 'connection' } }),
    ]).toEqual(['connect_required', 0, 1]);
    expect(await trail()).toMatchObject([{ userId: alice.userId, detail: { revoked: true, attempts: 1 } }]);
  });

  test('at a provider that is down is unusable at once, and revoked when the provider is back, over a restart too (R82, R83)', async () => {
    await connect(alice);
    notes.revocationRefusal = { status: 503, json: {} };
    const id = await connectionOf(alice);
    expect(await disconnect(alice)).toEqual({ id, upstream: 'pending' });
    expect((await lease(alice)).type).toBe('connect_required');
    const waiting = await outstanding();
    expect(waiting).toMatchObject({
      outstanding: 1,
      revocations: [{ connectionId: id, userId: alice.userId, server: 'notes', issuer: notes.origin, attempts: 1 }],
    });
    expect((await admin('/v1/upstream-revocations', { headers: { authorization: 'Bearer x' } })).status).toBe(401);
    const dump = JSON.stringify(
      (await database.upstreamRevocation.findMany()).map(({ sealedCredential, ...row }) => [
        row,
        Buffer.from(sealedCredential).toString('latin1'),
      ]),
    );
    expect(findSecrets({ dump, said: JSON.stringify(waiting), log: log.join('') }, tokens())).toEqual([]);

    await due();
    await eventually(async () => (await database.upstreamRevocation.findFirstOrThrow()).attempts === 2);
    expect(isLive(0)).toBe(true);
    await start(notes.resource);
    notes.revocationRefusal = null;
    await due();
    await eventually(async () => (await outstanding()).outstanding === 0);
    await eventually(async () => (await trail()).length > 0); // told once it is settled
    expect([isLive(0), await trail()]).toMatchObject([false, [{ detail: { revoked: true } }]]);
  });

  test('is waited for no longer than a week, nor where the provider says it never will, and then nothing is kept of it (R82)', async () => {
    await connect(alice);
    notes.revocationRefusal = { status: 503, json: {} };
    await disconnect(alice);
    await database.upstreamRevocation.updateMany({ data: { givesUpAt: new Date(), dueAt: new Date(0) } });
    await eventually(async () => (await outstanding()).outstanding === 0 && (await trail()).length > 0);
    await connect(alice);
    notes.revocationRefusal = { status: 400, json: { error: 'unsupported_token_type' } };
    expect((await disconnect(alice)).upstream).toBe('impossible');
    expect((await trail()).map(({ detail }) => detail)).toMatchObject([
      { revoked: false, reason: 'unavailable' },
      { revoked: false, reason: 'unsupported' },
    ]);
  });

  test('sends its tokens nowhere when our client there is another one now, and waits for it to come back (S20) (S25)', async () => {
    await connect(alice);
    declared.providerClient = `, client: { issuer: "${notes.origin}", clientId: by-hand, clientSecret: { env: NOTES_SECRET } }`;
    await start(notes.resource);
    expect((await disconnect(alice)).upstream).toBe('pending');
    expect(asked()).toEqual([]);
    declared.providerClient = '';
    await start(notes.resource);
    await due();
    await eventually(async () => (await outstanding()).outstanding === 0);
    expect(isLive(0)).toBe(false);
  });

  test('and was altered in its row is sent nowhere (S22)', async () => {
    await connect(alice);
    await database.connection.updateMany({ data: { revocationEndpoint: `${notes.origin}/evil` } });
    expect((await disconnect(alice)).upstream).toBe('impossible');
    expect([asked('/evil'), asked()]).toEqual([[], []]);
  });
});

describe('with a revocation', () => {
  const live = ({ userId, clientId, sid }: Person) =>
    database.agentSession.create({
      data: { sid, userId, clientId, agentName: 'Agent', assurance: 'asserted', grantDigest: sid },
    });
  const consent = async (person: Person) => {
    const browser = new Browser(person.userId);
    await browser.submit(await browser.open(await linkFor(person)));
  };
  beforeEach(async () => {
    for (const { userId } of [alice, bob])
      await database.user.create({
        data: { id: userId, trustProvider: 'demo', issuer: 'https://idp.example', subject: userId, groups: [] },
      });
    for (const person of [alice, alicesOtherAgent, bob]) await live(person);
    await connect(alice);
    await connect(bob);
  });

  test("of a user all their connections end, here and upstream, and nobody else's (R83)", async () => {
    await consent(alicesOtherAgent);
    expect(await revoke({ user: alice.userId, block: true })).toMatchObject({ status: 201, disconnected: 1 });
    expect(await database.connection.findMany({ select: { userId: true } })).toEqual([{ userId: bob.userId }]);
    expect(await database.connectionConsent.count({ where: { userId: alice.userId } })).toBe(0);
    await eventually(() => !isLive(0));
    expect([isLive(1), (await lease(bob)).type]).toEqual([true, 'granted']);
  });

  test('of an agent end the connections that no other live agent of their user uses, and their consents (R82)', async () => {
    await consent(alicesOtherAgent);
    expect(await revoke({ agent: alice.clientId })).toMatchObject({ status: 201, disconnected: 1 });
    await eventually(() => !isLive(1));
    expect([isLive(0), (await lease(alicesOtherAgent)).type]).toEqual([true, 'granted']);
    expect(await database.connectionConsent.findMany({ select: { clientId: true } })).toEqual([
      { clientId: alicesOtherAgent.clientId },
    ]);
  });

  test("of one user's agent nobody else's connection is touched, and an agent whose sessions ended keeps none alive (R82) (R85)", async () => {
    await consent(alicesOtherAgent);
    await database.agentSession.update({ where: { sid: alicesOtherAgent.sid }, data: { endedAt: new Date() } });
    expect(await revoke({ user: alice.userId, agent: alice.clientId })).toMatchObject({ disconnected: 1 });
    await eventually(() => !isLive(0));
    expect([isLive(1), (await lease(bob)).type]).toEqual([true, 'granted']);
  });

  test('an agent whose session was revoked keeps no connection alive either (R82)', async () => {
    await consent(alicesOtherAgent);
    expect(await revoke({ session: alicesOtherAgent.sid })).toMatchObject({ disconnected: 0 });
    expect(await database.connection.count()).toBe(2);
    await expect.poll(async () => (await lease(alicesOtherAgent)).type).toBe('token_refused');
    expect(await revoke({ user: alice.userId, agent: alice.clientId })).toMatchObject({ disconnected: 1 });
  });

  test.each([
    [{ server: 'notes' }, { server: 'whoami' }],
    [{ credentialProvider: 'notes-user' }, { credentialProvider: 'whoami-token' }],
  ])('of %j all its connections end, here and upstream, and of another none (S28) (R81)', async (subject, another) => {
    expect(await revoke(another)).toMatchObject({ status: 201, disconnected: 0 });
    expect(await revoke({ ...subject, connections: 'none' })).toMatchObject({ status: 201, disconnected: 0 });
    expect([isLive(0), isLive(1), (await lease(bob)).type]).toEqual([true, true, 'granted']);
    expect(await revoke({ ...subject, reason: 'it was broken into' })).toMatchObject({ status: 201, disconnected: 2 });
    await eventually(() => !isLive(0) && !isLive(1));
    expect([(await lease(alice)).type, (await lease(bob)).type]).toEqual(['connect_required', 'connect_required']);
    const said = JSON.stringify(
      await database.event.findMany({ where: { type: 'revocation.created' }, select: { body: true } }),
    );
    expect(
      [...Object.values(another), ...Object.values(subject), 'it was broken into'].filter(
        (text) => !said.includes(text),
      ),
    ).toEqual([]);
  });

  test('`connections: all` ends what others use too, `none` ends nothing, and a session has no say (R82)', async () => {
    await consent(alicesOtherAgent);
    expect((await revoke({ session: alice.sid, connections: 'all' })).status).toBe(400);
    expect(await revoke({ user: bob.userId, connections: 'none' })).toMatchObject({ disconnected: 0 });
    expect(await revoke({ user: alice.userId, agent: alice.clientId, connections: 'all' })).toMatchObject({
      disconnected: 1,
    });
    expect((await lease({ ...alicesOtherAgent, sid: newId('ses') })).type).toBe('connect_required');
    expect(isLive(1)).toBe(true);
  });
});
