import { ConfigurationReplica } from '@sallyport/configuration';
import { loadVerifyingKey } from '@sallyport/keys';
import { eventually, findSecrets } from '@sallyport/testing';
import { describe, expect, test } from 'vitest';
import {
  ADMIN_TOKEN,
  agentToken,
  alice,
  bob,
  changed,
  connect,
  database,
  deployForEachTest,
  keys,
  lease,
  log,
  messaging,
  notes,
  shown,
  stop,
  url,
} from '../../test/connect-deployment.js';

deployForEachTest();

describe('what is stored and said', () => {
  const everySecret = () => ({
    ...Object.fromEntries(
      [...notes.issued.accessTokens, ...notes.issued.refreshTokens, ...notes.issued.clientSecrets].map(
        (value, index) => [`downstream ${index}`, value],
      ),
    ),
    agent: agentToken(alice),
  });

  test('a dump of the database, the log and every page hold no token and no client secret (R44, R46)', async () => {
    await connect(alice);
    await lease(alice, { rejectedConnectionRevision: 1 });
    const dump = JSON.stringify(
      await Promise.all(
        [
          database.connection.findMany(),
          database.downstreamRegistration.findMany(),
          database.connectFlow.findMany(),
          database.browserSession.findMany(),
          database.event.findMany(),
        ].map(async (rows) =>
          JSON.stringify(await rows, (_key, value: unknown) =>
            typeof value === 'bigint'
              ? String(value)
              : value instanceof Uint8Array
                ? Buffer.from(value).toString('latin1')
                : value,
          ),
        ),
      ),
    );
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
    expect(
      events
        .map(({ type, userId, server }) => ({ type, userId, server }))
        .filter(({ type }) => type !== 'configuration.changed'),
    ).toEqual([
      { type: 'connection.created', userId: alice.userId, server: 'notes' },
      { type: 'connection.consented', userId: alice.userId, server: 'notes' },
      { type: 'lease.refused', userId: alice.userId, server: 'notes' },
    ]);
  });

  test('an agent that is refused over and over fills no trail with it: one of a minute is told, the rest is a sum (S33)', async () => {
    await connect(alice);
    for (let i = 0; i < 20; i++) await lease(alice, { targetOrigin: 'https://evil.example' });
    expect(await database.event.count({ where: { type: 'lease.refused' } })).toBe(1);
    await stop();
    const sums = await database.event.findMany({ where: { type: 'events.summed' } });
    expect(sums.map(({ body }) => (body as { detail: object }).detail)).toMatchObject([
      { of: 'lease.refused', reason: 'target_origin', count: 19 },
    ]);
  });

  test('administrators see connections without secrets, and removing one revokes it at the server and drops it everywhere', async () => {
    await connect(alice);
    const admin = (path: string, method = 'GET') =>
      fetch(`${url}${path}`, { method, headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
    expect((await fetch(`${url}/v1/connections`)).status).toBe(401);
    const listed = await (await admin('/v1/connections')).text();
    expect(findSecrets({ listed }, everySecret())).toEqual([]);
    const [connection] = (JSON.parse(listed) as { connections: { id: string; userId: string; state: string }[] })
      .connections;
    expect(connection).toMatchObject({ userId: alice.userId, state: 'connected' });
    expect(await (await admin(`/v1/connections/${connection?.id}`, 'DELETE')).json()).toEqual({
      id: connection?.id,
      upstream: 'revoked',
    });
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
    const replica = new ConfigurationReplica({
      log: messaging.configuration,
      verifyKey: (await loadVerifyingKey(keys.configurationSigningPublic)).publicKey,
    });
    await replica.start();
    const { revocations } = await replica.whenReady(5_000);
    const { id } = await database.connection.findFirstOrThrow();
    const leasedAt = Math.floor(Date.now() / 1000);
    await fetch(`${url}/v1/connections/${id}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    });
    await eventually(() => revocations.isConnectionRevoked(id, leasedAt));
    await replica.stop();
    expect((await database.revocation.findFirstOrThrow()).expiresAt).toBeGreaterThanOrEqual(leasedAt + 900 + 60);
  });

  test('a connection whose credential does not open any more can still be removed', async () => {
    await connect(alice);
    const { id } = await database.connection.findFirstOrThrow();
    await database.connection.update({
      where: { id },
      data: { tokenEndpoint: 'https://evil.example/token', revocationEndpoint: 'https://evil.example/revoke' },
    });
    await expect(lease(alice)).rejects.toThrow(expect.objectContaining({ code: 'messaging_request_failed' }));
    const answer = await fetch(`${url}/v1/connections/${id}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    });
    expect([answer.status, await answer.json()]).toEqual([200, { id, upstream: 'impossible' }]);
    expect(await database.event.count({ where: { type: 'connection.removed' } })).toBe(1);
  });
});
