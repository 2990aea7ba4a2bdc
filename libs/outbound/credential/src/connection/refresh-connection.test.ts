import type { DocumentOf } from '@sallyport/configuration';
import { Secret } from '@sallyport/kernel';
import { beforeEach, describe, expect, test } from 'vitest';
import { aConnection, MemoryConnectionStore, openCredential, pinsOf, refreshConnection, sealCredential, type ConfiguredTarget, type OAuthClient, type RefreshContext, type Vault } from '../index.js';

const vault: Vault = {
  seal: (purpose, plaintext, aad) => new TextEncoder().encode(JSON.stringify([purpose, aad, plaintext])),
  open(purpose, sealed, aad) {
    const [boundPurpose, boundAad, plaintext] = JSON.parse(new TextDecoder().decode(sealed)) as [string, string, string];
    if (boundPurpose !== purpose || boundAad !== aad) throw new Error('bound to something else');
    return new TextEncoder().encode(plaintext);
  },
};
const server: DocumentOf<'McpServer'> = { kind: 'McpServer', name: 'notes', spec: { url: 'https://notes.example/mcp', timeout: '60s' } };
const provider: DocumentOf<'CredentialProvider'> = { kind: 'CredentialProvider', name: 'notes-per-user', spec: { type: 'mcp-user-oauth', server: 'notes' } };
const target: ConfiguredTarget = { server, provider };
const client: OAuthClient = { issuer: 'https://as.notes.example', clientId: 'client-1', clientSecret: new Secret('s'), authentication: 'client_secret_basic' };
const granted = { access_token: 'a2', token_type: 'Bearer', refresh_token: 'r2', expires_in: 3600 };
const html = () => new Response('<html>Sign in</html>', { status: 200, headers: { 'content-type': 'text/html' } });
const json = (body: unknown, status = 200) => () => Response.json(body, { status });
const invalidGrant = json({ error: 'invalid_grant' }, 400);

/** The store's writes of a successor fail this often first, as while a database restarts. */
class FailingStore extends MemoryConnectionStore {
  failures = 0;
  override async saveSuccessor(...write: Parameters<MemoryConnectionStore['saveSuccessor']>): Promise<boolean> {
    if (this.failures-- > 0) throw new Error('the database restarts');
    return super.saveSuccessor(...write);
  }
  override async releaseRefreshLock(...lock: Parameters<MemoryConnectionStore['releaseRefreshLock']>): Promise<void> {
    if (this.failures > 0) throw new Error('the database restarts');
    return super.releaseRefreshLock(...lock);
  }
}

let store: FailingStore;
let now: number;
let id: string;
let sent: { url: string; token: string | null }[];
beforeEach(async () => {
  [store, now, sent] = [new FailingStore(), 1_000_000, []];
  const connection = aConnection({ revocationEndpoint: null });
  id = connection.id;
  const sealedCredential = sealCredential(vault, connection, { v: 1, accessToken: 'a1', refreshToken: 'r1', clientAuthentication: 'client_secret_basic', pins: pinsOf(target) });
  await store.create({ ...connection, sealedCredential });
});

function refresh(answers: (() => Response)[], changes: Partial<RefreshContext> = {}) {
  const waiting = [...answers];
  return refreshConnection(id, {
    store, vault, clock: () => now, random: () => 0, sleep: async (ms) => void (now += ms), target: () => target, clientFor: async () => client,
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
    expect(await refresh([json({ ...granted, refresh_token: undefined })])).toMatchObject({ type: 'fresh', byUs: true, connection: { revision: 2 } });
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
    ['a second look grants', [invalidGrant, json(granted)], { state: 'connected', revision: 2, accessToken: 'a2', refreshToken: 'r2' }],
    ['a second look says the same', [invalidGrant, invalidGrant], { state: 'needs_reconnect', ...untouched }],
    ['a second look fails', [invalidGrant, json({}, 503)], { state: 'retrying', ...untouched }],
    ['a page comes instead of an answer', [html, html], { state: 'retrying', ...untouched }],
    ['an error comes with 200', [json({ error: 'invalid_client' })], { state: 'provider_fault', ...untouched }],
    ['a page comes with 403', [() => new Response('<html>', { status: 403 })], { state: 'provider_fault', ...untouched }],
  ])('condemns only what is definitely dead: %s (B4)', async (_what, answers, expected) => {
    await refresh(answers);
    expect(await stored()).toEqual(expected);
    expect(sent).toHaveLength(answers.length);
  });

  test('makes no second attempt after a pause that the lock may not have outlasted (B3)', async () => {
    const paused = () => {
      now += 31_000;
      return invalidGrant();
    };
    expect(await refresh([paused])).toMatchObject({ type: 'failed', outcome: { type: 'transient' } });
    expect(await stored()).toEqual({ state: 'retrying', ...untouched });
  });

  test.each([
    ['nothing is configured for it any more', { target: () => undefined }, 'provider_fault'],
    ['the server has another address', { target: () => ({ provider, server: { ...server, spec: { ...server.spec, url: 'https://evil.example/mcp' } } }) }, 'needs_reconnect'],
    ['the provider changed', { target: () => ({ server, provider: { ...provider, spec: { type: 'mcp-user-oauth' as const, server: 'notes', scopes: ['more'] } } }) }, 'needs_reconnect'],
    ['we are not registered there any more', { clientFor: async () => undefined }, 'provider_fault'],
    ['our client is another one now', { clientFor: async () => ({ ...client, clientId: 'client-2' }) }, 'provider_fault'],
    ['our client belongs to another issuer', { clientFor: async () => ({ ...client, issuer: 'https://evil.example' }) }, 'provider_fault'],
  ] satisfies [string, Partial<RefreshContext>, string][])('sends no token anywhere when %s (S20) (S25)', async (_what, changes, state) => {
    await refresh([], changes);
    expect(sent).toEqual([]);
    expect(await stored()).toEqual({ state, ...untouched });
  });

  test('a grant whose documents were removed by mistake is refreshed when they are back (B4)', async () => {
    await refresh([], { target: () => undefined });
    expect(await refresh([json(granted)])).toMatchObject({ type: 'fresh', byUs: true });
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

  test('waits for whoever is at it, for two minutes (B3)', async () => {
    await store.takeRefreshLock(id, 'another', { now, until: now + 120_000 });
    now += 119_999;
    expect((await refresh([])).type).toBe('held');
    now += 1;
    expect((await refresh([json(granted)])).type).toBe('fresh');
  });
});
