import type { DocumentOf } from '@sallyport/configuration';
import { Secret } from '@sallyport/kernel';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { aConnection } from '../testing/connection-store.contract.js';
import { MemoryConnectionStore } from '../testing/memory-connection-store.js';
import { MemoryProviderHealthStore } from '../testing/memory-provider-health-store.js';
import { openCredential, sealCredential, type Vault } from '../vault-record.js';
import { pinsOf, type ConfiguredTarget } from '../connection-pins.js';
import { refreshConnection, type RefreshContext } from './refresh-connection.js';
import type { OAuthClient } from '@sallyport/oauth';
import { LOCK_MS } from './refresh-lock.js';

const vault: Vault = {
  seal: (purpose, plaintext, aad) => new TextEncoder().encode(JSON.stringify([purpose, aad, plaintext])),
  open(purpose, sealed, aad) {
    const [boundPurpose, boundAad, plaintext] = JSON.parse(new TextDecoder().decode(sealed)) as [
      string,
      string,
      string,
    ];
    if (boundPurpose !== purpose || boundAad !== aad) throw new Error('bound to something else');
    return new TextEncoder().encode(plaintext);
  },
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
const client: OAuthClient = {
  issuer: 'https://as.notes.example',
  clientId: 'client-1',
  clientSecret: new Secret('s'),
  authentication: 'client_secret_basic',
};
const granted = { access_token: 'a2', token_type: 'Bearer', refresh_token: 'r2', expires_in: 3600 };
const html = () => new Response('<html>Sign in</html>', { status: 200, headers: { 'content-type': 'text/html' } });
const json =
  (body: unknown, status = 200) =>
  () =>
    Response.json(body, { status });
const invalidGrant = json({ error: 'invalid_grant' }, 400);

/** The store's writes of a successor fail this often first, as while a database restarts. */
class FailingStore extends MemoryConnectionStore {
  failures = 0;
  override async saveSuccessor(...write: Parameters<MemoryConnectionStore['saveSuccessor']>): Promise<boolean> {
    if (this.failures-- > 0) throw new Error('the database restarts');
    return super.saveSuccessor(...write);
  }
  override async renewRefreshLock(...renewal: Parameters<MemoryConnectionStore['renewRefreshLock']>): Promise<boolean> {
    renewals += 1;
    return super.renewRefreshLock(...renewal);
  }
  override async releaseRefreshLock(...lock: Parameters<MemoryConnectionStore['releaseRefreshLock']>): Promise<void> {
    if (this.failures > 0) throw new Error('the database restarts');
    return super.releaseRefreshLock(...lock);
  }
}

let store: FailingStore;
let providerHealth: MemoryProviderHealthStore;
let now: number;
let renewals: number;
let id: string;
let forgotten: string[];
let sent: { url: string; token: string | null }[];
beforeEach(async () => {
  [now, renewals, sent, forgotten] = [1_000_000, 0, [], []];
  store = new FailingStore(() => now);
  providerHealth = new MemoryProviderHealthStore(() => now);
  const connection = aConnection({ revocationEndpoint: null });
  id = connection.id;
  const sealedCredential = sealCredential(vault, connection, {
    v: 1,
    accessToken: 'a1',
    refreshToken: 'r1',
    clientAuthentication: 'client_secret_basic',
    pins: pinsOf(target),
  });
  await store.create({ ...connection, sealedCredential });
});

function refresh(answers: (() => Response)[], changes: Partial<RefreshContext> = {}) {
  const waiting = [...answers];
  return refreshConnection(id, {
    store,
    providerHealth,
    vault,
    clock: () => now,
    random: () => 0,
    onProviderChange: async () => undefined,
    sleep: async (ms) => void (now += ms),
    target: () => target,
    clientFor: async () => client,
    forgetRegistration: async ({ clientId }) => void forgotten.push(clientId),
    fetch: async (input, init) => {
      const request = new Request(input, init);
      sent.push({ url: request.url, token: new URLSearchParams(await request.text()).get('refresh_token') });
      const answer = waiting.shift();
      if (!answer) throw new Error('one request too many');
      return answer();
    },
    ...changes,
  });
}
const stored = async () => {
  const connection = await store.find(id);
  if (!connection) throw new Error('gone');
  const { accessToken, refreshToken } = openCredential(vault, connection);
  return { state: connection.state, revision: connection.revision, accessToken, refreshToken };
};
const untouched = { revision: 1, accessToken: 'a1', refreshToken: 'r1' };

describe('refreshing a connection', () => {
  test('stores the successor before it answers, and keeps the old refresh token where none came (B3)', async () => {
    expect(await refresh([json({ ...granted, refresh_token: undefined })])).toMatchObject({
      type: 'fresh',
      byUs: true,
      connection: { revision: 2 },
    });
    expect(await stored()).toEqual({ state: 'connected', revision: 2, accessToken: 'a2', refreshToken: 'r1' });
    expect(sent).toEqual([{ url: 'https://as.notes.example/token', token: 'r1' }]);
  });

  test('does not lose a successor because the database is away for some seconds (B3)', async () => {
    store.failures = 5;
    expect(await refresh([json(granted)])).toMatchObject({ type: 'fresh', byUs: true });
    expect(await stored()).toEqual({ state: 'connected', revision: 2, accessToken: 'a2', refreshToken: 'r2' });
    expect(sent).toHaveLength(1);
  });

  test('says so when the successor cannot be stored at all', async () => {
    store.failures = 100;
    await expect(refresh([json(granted)])).rejects.toThrow('the database restarts');
  });

  test.each([
    [
      'a second look grants',
      [invalidGrant, json(granted)],
      { state: 'connected', revision: 2, accessToken: 'a2', refreshToken: 'r2' },
    ],
    ['a second look says the same', [invalidGrant, invalidGrant], { state: 'needs_reconnect', ...untouched }],
    ['a second look fails', [invalidGrant, json({}, 503)], { state: 'connected', ...untouched }],
    [
      'a lost answer and one look',
      [html, invalidGrant, json(granted)],
      { state: 'connected', revision: 2, accessToken: 'a2', refreshToken: 'r2' },
    ],
    ['a lost answer and two looks', [html, invalidGrant, invalidGrant], { state: 'needs_reconnect', ...untouched }],
    ['a page comes instead of an answer', [html, html], { state: 'connected', ...untouched }],
    [
      'an answer without a token comes, which is not asked for again',
      [json({ token_type: 'Bearer' })],
      { state: 'connected', ...untouched },
    ],
    ['an error comes with 200', [json({ error: 'invalid_client' })], { state: 'connected', ...untouched }],
    ['a page comes with 403', [() => new Response('<html>', { status: 403 })], { state: 'connected', ...untouched }],
  ])('condemns only what is definitely dead: %s (B4)', async (_what, answers, expected) => {
    await refresh(answers);
    expect(await stored()).toEqual(expected);
    expect(sent).toHaveLength(answers.length);
  });

  test('sends nothing any more once somebody else took over while it was held up, and condemns nothing (B3) (B4)', async () => {
    const another = async () => {
      now += LOCK_MS;
      await store.takeRefreshLock(id, 'another', LOCK_MS);
    };
    expect((await refresh([], { clientFor: async () => (await another(), client) })).type).toBe('held');
    now += LOCK_MS;
    expect((await refresh([invalidGrant], { sleep: another })).type).toBe('held');
    expect(sent).toHaveLength(1);
    expect(await stored()).toEqual({ state: 'connected', ...untouched });
  });

  test('a successor that comes late is kept, unless there is a newer one (B3)', async () => {
    const takenOver = (settle: () => Promise<unknown>) =>
      refresh([json(granted)], {
        fetch: async () => {
          now += LOCK_MS;
          await store.takeRefreshLock(id, 'another', LOCK_MS);
          await settle();
          return json(granted)();
        },
      });
    const dead = { state: 'needs_reconnect', refreshDueAt: null, refreshFailures: 1, isAnswered: true } as const;
    expect(await takenOver(() => store.saveState(id, { owner: 'another', expectedRevision: 1 }, dead))).toMatchObject({
      type: 'fresh',
      byUs: true,
    });
    expect(await stored()).toEqual({ state: 'connected', revision: 2, accessToken: 'a2', refreshToken: 'r2' });
    // Whoever is at it may get a newer one: it is waited for, and its end decides.
    expect(
      await refresh([], {
        fetch: async () => {
          now += LOCK_MS;
          await store.takeRefreshLock(id, 'dying', LOCK_MS);
          return json({ ...granted, access_token: 'a3' })();
        },
      }),
    ).toMatchObject({ type: 'fresh', byUs: true, connection: { revision: 3 } });
    const connection = await store.find(id);
    if (!connection) throw new Error('gone');
    expect(
      await refresh([], {
        fetch: async () => {
          await store.replace(
            {
              ...connection,
              revision: 4,
              sealedCredential: sealCredential(
                vault,
                { ...connection, revision: 4 },
                { ...openCredential(vault, connection), accessToken: 'theirs' },
              ),
            },
            3,
          );
          return json(granted)();
        },
      }),
    ).toMatchObject({ type: 'fresh', byUs: false, credential: { accessToken: 'theirs' } });
  });

  test('asks again within seconds, whatever fails, while a lost answer could still be had, and less often afterwards (B3)', async () => {
    const due = async () => ((await store.find(id))?.refreshDueAt ?? 0) - now;
    await refresh([json({}, 503)]);
    expect(await due()).toBe(15_000);
    await refresh([html, json({}, 503)]);
    expect(await due()).toBe(2_000);
    now += 30_000;
    await refresh([json({}, 503)]);
    expect(await due()).toBe(2_000);
    now += 40_000;
    await refresh([json({}, 503)]);
    expect(await due()).toBe(120_000);
  });

  test.each([
    ['nothing is configured for it any more', { target: () => undefined }, 'misconfigured'],
    [
      'the server has another address',
      {
        target: () => ({ provider, server: { ...server, spec: { ...server.spec, url: 'https://evil.example/mcp' } } }),
      },
      'needs_reconnect',
    ],
    [
      'the provider changed',
      {
        target: () => ({
          server,
          provider: { ...provider, spec: { type: 'mcp-user-oauth' as const, server: 'notes', scopes: ['more'] } },
        }),
      },
      'needs_reconnect',
    ],
    ['we are not registered there any more', { clientFor: async () => undefined }, 'misconfigured'],
    [
      'our client is another one now',
      { clientFor: async () => ({ ...client, clientId: 'client-2' }) },
      'misconfigured',
    ],
    [
      'our client belongs to another issuer',
      { clientFor: async () => ({ ...client, issuer: 'https://evil.example' }) },
      'misconfigured',
    ],
  ] satisfies [string, Partial<RefreshContext>, string][])(
    'sends no token anywhere when %s (S20) (S25)',
    async (_what, changes, state) => {
      await refresh([], changes);
      expect(sent).toEqual([]);
      expect(await stored()).toEqual({ state, ...untouched });
    },
  );

  test('a grant whose documents were removed by mistake is refreshed when they are back (B4)', async () => {
    await refresh([], { target: () => undefined });
    expect(await refresh([json(granted)])).toMatchObject({ type: 'fresh', byUs: true });
  });

  describe('at an authorization server that says it does not know our client', () => {
    const unknown = json({ error: 'invalid_client' }, 401);
    const registered = (expiresAt: number | null) => ({ clientFor: async () => ({ ...client, expiresAt }) });
    const ended = { ...untouched, state: 'needs_reconnect' };

    test('drops what we registered after a second look, and the grant once its token ended (B21)', async () => {
      now = 100_000_000;
      expect(await refresh([unknown, unknown], registered(null))).toMatchObject({
        type: 'needs_reconnect',
        newly: true,
        reason: 'client_forgotten',
      });
      expect([await stored(), forgotten, (await providerHealth.list()).providers]).toEqual([ended, ['client-1'], []]);
    });
    test('drops nothing that a second look finds in order, nor what somebody configured (B4) (B21)', async () => {
      expect(await refresh([unknown], { clientFor: async () => client })).toMatchObject({
        type: 'failed',
        outcome: { reason: 'client_refused' },
      });
      providerHealth.reconfigure('notes-per-user');
      expect(await refresh([unknown, json(granted)], registered(null))).toMatchObject({ type: 'fresh', byUs: true });
      expect(forgotten).toEqual([]);
    });
    test.each([
      ['client_expired', registered(99_999_999)],
      ['client_forgotten', { clientFor: async () => 'not_registered' as const }],
    ])('sends nothing for a registration that is over: %s (B21)', async (reason, changes) => {
      now = 100_000_000;
      expect(await refresh([], changes)).toMatchObject({ type: 'needs_reconnect', newly: true, reason });
      expect(await stored()).toEqual(ended);
    });
  });

  describe('with an answer that says whose account it is', () => {
    const idToken = (claims: object) =>
      `x.${Buffer.from(JSON.stringify({ iss: client.issuer, aud: 'client-1', sub: 'account-1', ...claims })).toString('base64url')}.x`;

    test('goes on for the same account, and where it is not ours to read (B21)', async () => {
      for (const claims of [{}, { sub: 'another', aud: 'somebody' }])
        expect(await refresh([json({ ...granted, id_token: idToken(claims) })])).toMatchObject({
          type: 'fresh',
          byUs: true,
        });
    });
    test('keeps nothing of another account: its user connects again (B21) (S23)', async () => {
      expect(await refresh([json({ ...granted, id_token: idToken({ sub: 'account-2' }) })])).toMatchObject({
        type: 'needs_reconnect',
        newly: true,
        reason: 'other_account',
      });
      expect(await stored()).toEqual({ ...untouched, state: 'needs_reconnect' });
    });
  });

  test('leaves alone what only the user can mend (B4)', async () => {
    await store.markNeedsReconnect(id, 1);
    expect(await refresh([])).toMatchObject({ type: 'needs_reconnect', newly: false });
  });

  test('sends no token to an endpoint that was written into the row (S20) (S22)', async () => {
    const connection = await store.find(id);
    if (!connection) throw new Error('gone');
    await store.replace({ ...connection, tokenEndpoint: 'https://evil.example/token' }, 1);
    await expect(refresh([])).rejects.toThrow('bound to something else');
    expect(sent).toEqual([]);
  });

  test('waits for whoever is at it, and takes over within seconds from one that died (B3)', async () => {
    await store.takeRefreshLock(id, 'another', LOCK_MS);
    now += LOCK_MS - 1;
    expect((await refresh([])).type).toBe('held');
    now += 1;
    expect((await refresh([json(granted)])).type).toBe('fresh');
    expect(LOCK_MS).toBeLessThanOrEqual(10_000);
  });

  test('holds the lock for as long as the provider takes, and no longer (B3)', async () => {
    vi.useFakeTimers();
    try {
      let answer: (response: Response) => void = () => undefined;
      const running = refresh([], { fetch: () => new Promise((resolve) => (answer = resolve)) });
      for (let second = 0; second < 60; second += 1) {
        now += 1_000;
        await vi.advanceTimersByTimeAsync(1_000);
        expect((await store.takeRefreshLock(id, 'another', LOCK_MS)).type).toBe('held');
      }
      answer(json(granted)());
      expect(await running).toMatchObject({ type: 'fresh', byUs: true });
      const before = renewals;
      await vi.advanceTimersByTimeAsync(60_000);
      expect(renewals).toBe(before);
    } finally {
      vi.useRealTimers();
    }
  });
});
