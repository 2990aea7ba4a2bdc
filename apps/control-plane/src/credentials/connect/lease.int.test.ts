import { loadMasterKey, Sealer } from '@sallyport/keys';
import { eventually } from '@sallyport/testing';
import { startTestOAuthServer } from '@sallyport/testing/servers';
import { describe, expect, test } from 'vitest';
import {
  admin,
  ADMIN_TOKEN,
  agentToken,
  alice,
  as,
  changed,
  connect,
  database,
  deployForEachTest,
  downstreamRequests,
  endPause,
  keys,
  lease,
  notes,
  start,
  url,
} from '../../test/connect-deployment.js';
import { startProviderServer } from '../../test/provider-server.js';

deployForEachTest();

describe('a lease', () => {
  test('waits while the gateway knows a newer policy than this control plane (S21)', async () => {
    await connect(alice);
    expect(await lease(alice, { policyRevision: 1_000_000 })).toEqual({
      type: 'provider_unavailable',
      retryAfterSeconds: 1,
    });
  });

  test('is refused for a token that is not live here: other audience, expired, downstream, revoked (S6) (S21)', async () => {
    await connect(alice);
    const tokens = [
      agentToken(alice, { aud: 'https://elsewhere.example' }),
      agentToken(alice, { exp: 1_000 }),
      as.signJwt({}, { typ: 'at+jwt' }),
      `${agentToken(alice).slice(0, -8)}AAAAAAAA`,
    ];
    for (const token of tokens) expect(await lease(alice, { token })).toEqual({ type: 'token_refused' });
    const live = agentToken(alice);
    await fetch(`${url}/v1/revocations`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify({ agent: alice.clientId }),
    });
    await expect.poll(() => lease(alice, { token: live })).toEqual({ type: 'token_refused' });
  });

  test('is refused for another origin than the configured one, although policy allows the server (S20)', async () => {
    await connect(alice);
    expect(await lease(alice, { targetOrigin: 'https://evil.example' })).toEqual({
      type: 'refused',
      reason: 'target_origin',
    });
  });

  test('is refused where no policy leads (R24) (R28)', async () => {
    expect(await lease(alice, { server: 'mail' })).toMatchObject({
      type: 'refused',
      reason: 'no_gateway_to_server_policy',
    });
  });

  test('for a server that trusts us is a token of ours, for its audience, this user and this agent, and is no good inbound (R50, S6)', async () => {
    const sealed = new Sealer(loadMasterKey(keys.master)).seal(
      'signing-key',
      JSON.stringify({ ...as.keys.privateJwk }),
      'dt-1',
    );
    await database.signingKey.create({
      data: {
        kid: 'dt-1',
        purpose: 'downstream-token',
        algorithm: 'ES256',
        publicJwk: {},
        sealedPrivate: Buffer.from(sealed),
      },
    });
    const outcome = await lease(alice, { server: 'whoami', targetOrigin: 'https://whoami.example' });
    if (outcome.type !== 'granted') throw new Error(outcome.type);
    const [header, payload] = (outcome.headers['authorization'] ?? '')
      .replace('Bearer ', '')
      .split('.')
      .map(
        (part) =>
          JSON.parse(
            Buffer.from(part, 'base64url').toString('latin1').startsWith('{')
              ? Buffer.from(part, 'base64url').toString()
              : '{}',
          ) as Record<string, unknown>,
      );
    expect(header).toMatchObject({ kid: 'dt-1', alg: 'ES256', typ: 'at+jwt' });
    expect(payload).toMatchObject({
      iss: as.origin,
      aud: 'https://whoami.example/mcp',
      sub: alice.userId,
      client_id: alice.clientId,
      act: { sub: alice.clientId },
      sid: alice.sid,
      scope: 'whoami.read',
    });
    expect(Number(payload?.['exp']) - Number(payload?.['iat'])).toBe(300);
    const downstream = (outcome.headers['authorization'] ?? '').replace('Bearer ', '');
    expect(await lease(alice, { token: downstream })).toEqual({ type: 'token_refused' });
  });

  test("after the server's address changed sends no stored token anywhere and asks to connect again (S20)", async () => {
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

  test('after the server came to name another authorization server, or that one another token endpoint, is refreshed where the grant came from, and shows nobody else anything (S20) (S25)', async () => {
    await connect(alice);
    const evil = await startProviderServer();
    notes.resourceMetadata = { authorization_servers: [evil.origin] };
    notes.metadata = {
      token_endpoint: `${evil.origin}/token`,
      revocation_endpoint: `${evil.origin}/revoke`,
      registration_endpoint: `${evil.origin}/register`,
    };
    expect(await lease(alice, { rejectedConnectionRevision: 1 })).toMatchObject({
      type: 'granted',
      connectionRevision: 2,
    });
    expect(downstreamRequests()).toBe(2);
    await admin(`/v1/connections/${(await database.connection.findFirstOrThrow()).id}`, { method: 'DELETE' });
    await eventually(() => notes.requests.some(({ path }) => path === '/revoke'));
    expect(evil.requests).toEqual([]);
    await evil.stop();
  });

  test("near the token's end refreshes it first, once for many who ask, spending each refresh token once (R38) (B3)", async () => {
    notes.accessTokenSeconds = 5;
    await connect(alice);
    notes.accessTokenSeconds = 3600;
    notes.delayMs = 100;
    const outcomes = await Promise.all(Array.from({ length: 6 }, () => lease(alice)));
    expect(
      new Set(outcomes.map((outcome) => (outcome.type === 'granted' ? outcome.headers['authorization'] : outcome.type)))
        .size,
    ).toBe(1);
    expect(downstreamRequests()).toBe(2);
    expect(notes.issued.refreshTokens).toHaveLength(2);
    expect(outcomes[0]).toMatchObject({ type: 'granted', connectionRevision: 2 });
  });

  test('of a credential the server rejected is refreshed by force, at most once a minute (S24)', async () => {
    await connect(alice);
    expect(await lease(alice, { rejectedConnectionRevision: 1 })).toMatchObject({
      type: 'granted',
      connectionRevision: 2,
    });
    expect(await lease(alice, { rejectedConnectionRevision: 1 })).toMatchObject({
      type: 'granted',
      connectionRevision: 2,
    });
    expect(await lease(alice, { rejectedConnectionRevision: 2 })).toMatchObject({ type: 'provider_unavailable' });
    expect(downstreamRequests()).toBe(2);
  });

  test('of a token that the server rejects and that cannot be renewed asks to connect again at once and from then on, and the trail and the account page say so (B21)', async () => {
    notes.tamperTokens = ({ refresh_token: _none, ...answer }) => answer;
    const browser = await connect(alice);
    expect((await lease(alice)).type).toBe('granted');
    for (const rejected of [{ rejectedConnectionRevision: 1 }, {}, { rejectedConnectionRevision: 1 }])
      expect((await lease(alice, rejected)).type).toBe('connect_required');
    expect(await database.connection.findFirstOrThrow()).toMatchObject({ state: 'needs_reconnect', revision: 1 });
    expect(
      (await database.event.findMany({ where: { type: 'connection.needs_reconnect' } })).map(({ body }) => body),
    ).toMatchObject([{ userId: alice.userId, server: 'notes', detail: { reason: 'rejected' } }]);
    expect((await browser.open(`${url}/account`)).html).toContain('Needs reconnect');
    expect(changed.at(-1)).toMatchObject({ userId: alice.userId, server: 'notes', connectionRevision: 1 });
    await connect(alice);
    expect(await lease(alice)).toMatchObject({ type: 'granted', connectionRevision: 2 });
  });

  test.each([0, -1])(
    'of a token that is said to live %d seconds is given until the server rejects it, and spends nothing (B21)',
    async (lifetime) => {
      notes.accessTokenSeconds = lifetime;
      await connect(alice);
      for (let call = 0; call < 3; call += 1)
        expect(await lease(alice)).toMatchObject({ type: 'granted', connectionRevision: 1 });
      expect(downstreamRequests()).toBe(1);
      expect(await lease(alice, { rejectedConnectionRevision: 1 })).toMatchObject({
        type: 'granted',
        connectionRevision: 2,
      });
      expect(downstreamRequests()).toBe(2);
    },
  );

  test('while the provider fails never condemns the grant; a grant that is gone asks to connect again (B4)', async () => {
    notes.accessTokenSeconds = 1;
    await connect(alice);
    notes.accessTokenSeconds = 3600;
    for (const fault of ['unavailable', 'unauthorized_client'] as const) {
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
