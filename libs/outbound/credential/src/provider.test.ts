import type { DocumentOf } from '@sallyport/configuration';
import { decodeJwt, decodeProtectedHeader, generateKeyPair } from 'jose';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  aConnection,
  aProviderHealth,
  MemoryConnectionStore,
  MemoryProviderHealthStore,
} from '@sallyport/connection/testing';
import { leaseGatewayToken } from './kinds/gateway-token.js';
import { leaseUserConnection, type UserConnectionContext } from './kinds/mcp-user-oauth.js';
import { pinsOf, sealCredential, type ConfiguredTarget, type NewConnection, type Vault } from '@sallyport/connection';

const vault: Vault = {
  seal: (_purpose, plaintext, aad) => new TextEncoder().encode(JSON.stringify([aad, plaintext])),
  open: (_purpose, sealed) =>
    new TextEncoder().encode((JSON.parse(new TextDecoder().decode(sealed)) as [string, string])[1]),
};
const server: DocumentOf<'McpServer'> = {
  kind: 'McpServer',
  name: 'notes',
  spec: { url: 'https://notes.example/mcp', timeout: '60s' },
};
const provider: DocumentOf<'CredentialProvider'> = {
  kind: 'CredentialProvider',
  name: 'notes-per-user',
  spec: { type: 'mcp-user-oauth', server: 'notes' },
};
const target: ConfiguredTarget = { server, provider };
const NOW = 1_000_000_000;
const HOUR_MS = 3_600_000;

describe("a lease on a user's own connection", () => {
  let store: MemoryConnectionStore;
  let providerHealth: MemoryProviderHealthStore;
  let connection: NewConnection;
  let requests: number;
  let forced: string[];
  const seal = async (
    changes: Partial<NewConnection> = {},
    {
      requestedScopes = [],
      limits = target,
      refreshToken = 'r1',
    }: { requestedScopes?: string[]; limits?: ConfiguredTarget; refreshToken?: string | null } = {},
  ) => {
    const unsealed = aConnection({ accessExpiresAt: NOW + HOUR_MS, refreshDueAt: NOW + HOUR_MS, ...changes });
    connection = {
      ...unsealed,
      sealedCredential: sealCredential(vault, unsealed, {
        v: 1,
        accessToken: 'a1',
        refreshToken,
        clientAuthentication: 'none',
        requestedScopes,
        pins: pinsOf(limits),
      }),
    };
    store = new MemoryConnectionStore(() => NOW);
    await store.create(connection);
  };
  beforeEach(async () => {
    [requests, forced] = [0, []];
    providerHealth = new MemoryProviderHealthStore(() => NOW);
    await seal();
  });
  const context = (changes: Partial<UserConnectionContext> = {}): UserConnectionContext => ({
    store,
    providerHealth,
    vault,
    clock: () => NOW,
    random: () => 0,
    sleep: async () => undefined,
    target: () => target,
    onRefresh: async () => undefined,
    onProviderChange: async () => undefined,
    clientFor: async () => ({
      issuer: 'https://as.notes.example',
      clientId: 'client-1',
      clientSecret: null,
      authentication: 'none',
    }),
    fetch: async () => {
      requests += 1;
      return Response.json({ access_token: `fresh-${requests}`, token_type: 'Bearer', expires_in: 3600 });
    },
    forgetRegistration: async () => undefined,
    hasConsented: async () => true,
    isRevoked: () => false,
    mayForceRefresh: (id) => !forced.includes(id) && forced.push(id) > 0,
    ...changes,
  });
  const ask = (
    part: {
      expiresAt?: number;
      rejected?: number;
      stepUp?: { connectionRevision: number; scopes: string[] };
      target?: ConfiguredTarget;
      userId?: string;
    } = {},
    changes: Partial<UserConnectionContext> = {},
  ) =>
    leaseUserConnection(
      {
        caller: {
          userId: part.userId ?? connection.userId ?? '',
          clientId: 'agent',
          sid: 'ses_a',
          expiresAt: part.expiresAt ?? (NOW + HOUR_MS) / 1000,
        },
        target: part.target ?? target,
        rejectedConnectionRevision: part.rejected,
        stepUp: part.stepUp,
      },
      context(changes),
    );

  test('is that of the user who asks, for fifteen minutes at most (S21)', async () => {
    expect(await ask()).toEqual({
      type: 'granted',
      headers: { authorization: 'Bearer a1' },
      connectionId: connection.id,
      connectionRevision: 1,
      expiresInSeconds: 900,
    });
    expect(await ask({ userId: 'usr_somebody_else' })).toEqual({
      type: 'connect_required',
      reason: 'not_connected',
      connectionRevision: 0,
    });
  });
  test("ends with the agent's own token (S21)", async () =>
    expect(await ask({ expiresAt: NOW / 1000 + 100 })).toMatchObject({ expiresInSeconds: 100 }));
  test('ends with the credential', async () => {
    await seal({ accessExpiresAt: NOW + 200_000 });
    expect(await ask()).toMatchObject({ expiresInSeconds: 200 });
  });
  test('is not given on a revoked connection (S28)', async () =>
    expect(await ask({}, { isRevoked: ({ id }) => id === connection.id })).toMatchObject({
      type: 'connect_required',
      reason: 'not_connected',
    }));
  test('is not given to an agent that the user did not let use it (S3)', async () => {
    expect(await ask({}, { hasConsented: async ({ clientId }) => clientId !== 'agent' })).toEqual({
      type: 'connect_required',
      reason: 'agent_not_consented',
      connectionRevision: 1,
    });
  });
  test('is not given, and no token is sent, once the server has another address (S20)', async () => {
    const moved = { provider, server: { ...server, spec: { ...server.spec, url: 'https://evil.example/mcp' } } };
    expect(await ask({ target: moved, rejected: 1 })).toMatchObject({
      type: 'connect_required',
      reason: 'needs_reconnect',
    });
    expect(requests).toBe(0);
    expect((await store.find(connection.id))?.state).toBe('needs_reconnect');
  });
  test('is renewed when the server rejected it, once a minute, and not for an older one (S24)', async () => {
    expect(await ask({ rejected: 1 })).toMatchObject({
      type: 'granted',
      headers: { authorization: 'Bearer fresh-1' },
      connectionRevision: 2,
    });
    expect(await ask({ rejected: 1 })).toMatchObject({ type: 'granted', connectionRevision: 2 });
    expect(await ask({ rejected: 2 })).toEqual({ type: 'provider_unavailable', retryAfterSeconds: 60 });
    expect(await ask({ rejected: Number.MAX_SAFE_INTEGER })).toMatchObject({ type: 'provider_unavailable' });
    expect(requests).toBe(1);
  });
  test('is renewed as ever where its end is near, whatever the server says of it and however often (B21) (S24)', async () => {
    await seal({ accessExpiresAt: NOW + 4_000 });
    forced.push(connection.id);
    expect(await ask({ rejected: 1 })).toMatchObject({
      type: 'granted',
      headers: { authorization: 'Bearer fresh-1' },
      connectionRevision: 2,
    });
    await seal({ accessExpiresAt: NOW + 4_000 });
    forced.length = 0;
    expect([(await ask({ rejected: 1 })).type, forced]).toEqual(['granted', []]);
  });
  test.each<[string, Partial<NewConnection>, number | undefined, string]>([
    ['that the server rejects', {}, 1, 'rejected'],
    ['without an end, that the server rejects', { accessExpiresAt: null, refreshDueAt: null }, 1, 'rejected'],
    ['that has ended', { accessExpiresAt: NOW }, undefined, 'no_refresh_token'],
  ])(
    'of a token %s and that cannot be renewed is to be connected again from then on, which is told at once and once, whatever pause there is (B21)',
    async (_what, changes, rejected, reason) => {
      await seal(changes, { refreshToken: null });
      await providerHealth.write(
        { credentialProvider: 'notes-per-user', issuer: connection.issuer },
        { revision: 0, configured: null },
        aProviderHealth({ pausedSince: NOW, nextProbeAt: NOW + HOUR_MS }),
      );
      forced.push(connection.id);
      const told: object[] = [];
      const onRefresh: UserConnectionContext['onRefresh'] = async (result) => void told.push(result);
      const both = [
        await ask({ ...(rejected === undefined ? {} : { rejected }) }, { onRefresh }),
        await ask({}, { onRefresh }),
      ];
      expect(both).toEqual(
        [1, 2].map(() => ({ type: 'connect_required', reason: 'needs_reconnect', connectionRevision: 1 })),
      );
      expect((await store.find(connection.id))?.state).toBe('needs_reconnect');
      expect(told).toMatchObject([{ type: 'needs_reconnect', newly: true, reason }]);
      expect(requests).toBe(0);
    },
  );
  test('of a token that cannot be renewed is given until its end', async () => {
    await seal({ accessExpiresAt: NOW + 3_000 }, { refreshToken: null });
    expect(await ask()).toMatchObject({ type: 'granted', expiresInSeconds: 3 });
  });
  test('is renewed before it ends, and the old one serves while the provider is away and it lives (B4)', async () => {
    await seal({ accessExpiresAt: NOW + 20_000 });
    expect(await ask({}, { fetch: async () => new Response('', { status: 503 }) })).toMatchObject({
      type: 'granted',
      headers: { authorization: 'Bearer a1' },
      expiresInSeconds: 20,
    });
    await seal({ accessExpiresAt: NOW - 1 });
    expect(await ask({}, { fetch: async () => new Response('', { status: 503 }) })).toMatchObject({
      type: 'provider_unavailable',
    });
    const dueAt = (await store.find(connection.id))?.refreshDueAt ?? 0;
    expect(await ask({}, { clock: () => dueAt })).toMatchObject({
      type: 'granted',
      headers: { authorization: 'Bearer fresh-1' },
    });
  });
  test.each(['connected', 'misconfigured'] as const)(
    'is not asked for again before the pause after a failure is over, however many agents ask (B4): %s',
    async (state) => {
      await seal({ state, refreshFailures: 1, accessExpiresAt: NOW + 20_000, refreshDueAt: NOW + 12_000 });
      expect(await ask()).toMatchObject({ type: 'granted', headers: { authorization: 'Bearer a1' } });
      expect(await ask({ rejected: 1 })).toEqual({ type: 'provider_unavailable', retryAfterSeconds: 12 });
      await seal({ state, refreshFailures: 1, accessExpiresAt: NOW - 1, refreshDueAt: NOW + 12_000 });
      expect(await ask()).toEqual({ type: 'provider_unavailable', retryAfterSeconds: 12 });
      expect(requests).toBe(0);
      expect(await ask({}, { clock: () => NOW + 12_000 })).toMatchObject({
        type: 'granted',
        headers: { authorization: 'Bearer fresh-1' },
      });
    },
  );
  describe('that lacks scopes the server asks for (S24)', () => {
    const limitedTo = (spec: object): ConfiguredTarget => ({
      server,
      provider: { ...provider, spec: { ...provider.spec, ...spec } },
    });
    const challenge = (...scopes: string[]) => ({ connectionRevision: 1, scopes });

    test('leads to a new authorization for them and what there is already, as long as nothing sets a limit (R33)', async () => {
      await seal({ scopes: ['notes.read'] });
      expect(await ask({ stepUp: challenge('notes.write') })).toEqual({
        type: 'connect_required',
        reason: 'more_scopes',
        scopes: ['notes.read', 'notes.write'],
      });
    });
    test.each<[object, string, string]>([
      [{ maxScopes: ['notes.read', 'notes.write'] }, 'notes.write', 'connect_required'],
      [{ maxScopes: ['notes.read'] }, 'notes.write', 'refused'],
      [{ maxScopes: [] }, 'notes.write', 'refused'],
      [{ scopes: ['notes.read'] }, 'notes.write', 'refused'],
      [{ scopes: ['notes.read'], maxScopes: ['notes.write'] }, 'notes.write', 'connect_required'],
    ])('is widened within the limit of the document only: %j, %s: %s', async (spec, scope, type) => {
      const limits = limitedTo(spec);
      await seal({ scopes: ['notes.read'] }, { limits });
      expect(await ask({ stepUp: challenge(scope), target: limits })).toMatchObject({
        type,
        ...(type === 'refused' ? { reason: 'scope_beyond_limit' } : {}),
      });
    });
    test('is not asked for twice: neither what was granted nor what was asked for in vain', async () => {
      await seal({ scopes: ['notes.read'] }, { requestedScopes: ['notes.read', 'notes.write'] });
      expect(await ask({ stepUp: challenge('notes.read') })).toEqual({ type: 'refused', reason: 'step_up_failed' });
      expect(await ask({ stepUp: challenge('notes.write') })).toEqual({ type: 'refused', reason: 'step_up_failed' });
      expect(await ask({ stepUp: challenge('notes.write', 'notes.share') })).toMatchObject({
        type: 'connect_required',
      });
    });
    test('is the newer one where the user has given them meanwhile; one that was only refreshed meanwhile is still asked about', async () => {
      await seal({ revision: 2, scopes: ['notes.read', 'notes.write'] });
      expect(await ask({ stepUp: challenge('notes.write') })).toMatchObject({ type: 'granted', connectionRevision: 2 });
      expect(await ask({ stepUp: challenge('notes.share') })).toMatchObject({
        type: 'connect_required',
        reason: 'more_scopes',
      });
    });
    test('is not asked about for an agent that may not use it at all (S3)', async () => {
      expect(await ask({ stepUp: challenge('notes.write') }, { hasConsented: async () => false })).toMatchObject({
        reason: 'agent_not_consented',
      });
    });
  });
  test('is not renewed while its provider is paused: the old one serves while it lives, and the pause costs no forced renewal (B4) (S24)', async () => {
    const key = { credentialProvider: connection.credentialProvider, issuer: connection.issuer };
    await providerHealth.write(
      key,
      (await providerHealth.read(key)).version,
      aProviderHealth({ pausedSince: NOW - 1_000, nextProbeAt: NOW + 40_000 }),
    );
    await seal({ accessExpiresAt: NOW + 20_000 });
    expect(await ask()).toMatchObject({ type: 'granted', headers: { authorization: 'Bearer a1' } });
    expect(await ask({ rejected: 1 })).toEqual({
      type: 'provider_unavailable',
      retryAfterSeconds: 40,
      reason: 'unavailable',
      pausedSince: NOW - 1_000,
    });
    await seal({ accessExpiresAt: NOW - 1 });
    expect(await ask()).toEqual({
      type: 'provider_unavailable',
      retryAfterSeconds: 40,
      reason: 'unavailable',
      pausedSince: NOW - 1_000,
    });
    expect([requests, forced, await store.find(connection.id)]).toMatchObject([
      0,
      [],
      { state: 'connected', refreshFailures: 0, refreshDueAt: NOW + HOUR_MS },
    ]);
  });
  test('does not wait for ever while another process is at it', async () => {
    await seal({ accessExpiresAt: NOW - 1 });
    await store.takeRefreshLock(connection.id, 'another', 8_000);
    let slept = 0;
    expect(await ask({}, { sleep: async (ms) => void (slept += ms) })).toEqual({
      type: 'provider_unavailable',
      retryAfterSeconds: 2,
    });
    expect(slept).toBeLessThanOrEqual(5_000);
    await seal({ accessExpiresAt: NOW + 20_000 });
    await store.takeRefreshLock(connection.id, 'another', 8_000);
    expect(await ask()).toMatchObject({ type: 'granted', headers: { authorization: 'Bearer a1' } });
  });
});

describe('a token of our own for a server', () => {
  const caller = { userId: 'usr_a', clientId: 'agent', sid: 'ses_a', expiresAt: (NOW + HOUR_MS) / 1000 };
  const lease = async (part: { kid?: string; lifetime?: string; resource?: string } = {}) => {
    const { privateKey } = await generateKeyPair('ES256');
    const document = {
      ...server,
      spec: { ...server.spec, ...(part.resource === undefined ? {} : { resource: part.resource }) },
    };
    const signingKey = { kid: part.kid ?? 'dt-1', algorithm: 'ES256', privateKey };
    const leased = await leaseGatewayToken(
      { caller, target: { ...target, server: document } },
      { type: 'gateway-token', server: 'notes', scopes: ['notes.read'], lifetime: part.lifetime ?? '5m' },
      { issuer: 'https://as.example', signingKeys: { newest: async () => signingKey }, clock: () => NOW },
    );
    if (leased.type !== 'granted') throw new Error('not granted');
    const { headers, expiresInSeconds } = leased;
    const token = headers['authorization']?.slice('Bearer '.length) ?? '';
    return { claims: decodeJwt(token), header: decodeProtectedHeader(token), expiresInSeconds };
  };

  test('is for that server alone, names the human, the agent and its session, and lives for minutes (S6)', async () => {
    const { claims, header, expiresInSeconds } = await lease();
    expect(header).toEqual({ alg: 'ES256', kid: 'dt-1', typ: 'at+jwt' });
    expect(claims).toEqual({
      iss: 'https://as.example',
      aud: 'https://notes.example/mcp',
      sub: 'usr_a',
      client_id: 'agent',
      act: { sub: 'agent' },
      sid: 'ses_a',
      scope: 'notes.read',
      iat: NOW / 1000,
      exp: NOW / 1000 + 300,
      jti: expect.any(String),
    });
    expect(expiresInSeconds).toBeLessThan(300);
    expect((await lease({ resource: 'https://api.notes.example/' })).claims.aud).toBe('https://api.notes.example/');
  });
  test.each(['1h', '12h', '7d', '301s'])(
    'lives five minutes at most, also where %s is configured (R47)',
    async (lifetime) => expect((await lease({ lifetime })).claims.exp).toBe(NOW / 1000 + 300),
  );
  test('is not signed by a key for the tokens we accept ourselves (S6)', async () => {
    await expect(lease({ kid: 'at-1' })).rejects.toMatchObject({ code: 'signing_key_purpose' });
  });
});
