import { findSecrets } from '@sallyport/testing';
import { describe, expect, test } from 'vitest';
import {
  ADMIN_TOKEN,
  alice,
  alicesOtherAgent,
  bob,
  Browser,
  changed,
  database,
  declared,
  deployForEachTest,
  lease,
  linkFor,
  log,
  notes,
  shown,
  start,
  url,
  type Person,
} from '../../test/connect-deployment.js';

deployForEachTest();

describe('a secret that was made by hand', () => {
  const SEARCH = 'https://search.example';
  const at = (origin = SEARCH) => ({ server: 'search', targetOrigin: origin });
  const documents = (provider: string, origin = SEARCH) => `---
kind: McpServer
name: search
spec: { title: Search, url: "${origin}/mcp" }
---
kind: CredentialProvider
name: search-key
spec: { type: static, server: search, ${provider} }
---
kind: AccessPolicy
name: search-policy
spec: { hop: gateway-to-server, server: search, credentialProvider: search-key }
`;
  const configure = async (provider: string, origin = SEARCH) => {
    declared.further = documents(provider, origin);
    await start(notes.resource);
  };
  const enter = async (person: Person, fields: Record<string, string>, wish: Parameters<typeof lease>[1] = at()) => {
    const browser = new Browser(person.userId);
    return browser.submit(await browser.open(await linkFor(person, wish)), fields);
  };

  test("is entered by each user on the connect page, and only that user's calls carry it (R42, R43)", async () => {
    await configure('send: { as: header, name: X-Api-Key }, label: "Search key", help: "https://search.example/keys"');
    const browser = new Browser(alice.userId);
    const page = await browser.open(await linkFor(alice, at()));
    expect(page.html).toContain('<label for="secret">Search key</label>');
    expect(page.html).toContain('href="https://search.example/keys"');
    expect(page.html).not.toContain('id="username"');
    expect(await database.connection.count()).toBe(0);
    expect((await browser.submit(page, { secret: ' key-of-alice-1 ' })).html).toContain('<h1>Connected</h1>');
    expect(await lease(alice, at())).toMatchObject({
      type: 'granted',
      headers: { 'x-api-key': 'key-of-alice-1' },
      connectionRevision: 1,
    });
    expect((await lease(bob, at())).type).toBe('connect_required');
    expect((await enter(bob, { secret: 'key-of-bob-22' })).status).toBe(200);
    expect(await lease(bob, at())).toMatchObject({ headers: { 'x-api-key': 'key-of-bob-22' } });
    expect(await lease(alice, at())).toMatchObject({ headers: { 'x-api-key': 'key-of-alice-1' } });
    expect(changed.map(({ server, userId }) => [server, userId])).toEqual([
      ['search', alice.userId],
      ['search', bob.userId],
    ]);
  });

  test('needs the form of this session, and what cannot be sent is asked for again without being shown (S23) (R44)', async () => {
    await configure('send: { as: bearer }');
    expect((await enter(alice, { csrf: 'forged', secret: 'key-of-alice-1' })).status).toBe(403);
    for (const secret of ['', 'short', 'two words', 'line\r\nX-Evil: 1']) {
      const page = await enter(alice, { secret });
      expect([page.status, page.html.includes('role="alert"'), secret !== '' && page.html.includes(secret)]).toEqual([
        400,
        true,
        false,
      ]);
    }
    expect(await database.connection.count()).toBe(0);
  });

  test('of HTTP basic is a user name and a password', async () => {
    await configure('send: { as: basic }');
    expect((await enter(alice, { secret: 'correct horse', username: 'a:b' })).status).toBe(400);
    expect((await enter(alice, { secret: 'correct horse', username: 'alice' })).status).toBe(200);
    expect(await lease(alice, at())).toMatchObject({
      headers: { authorization: `Basic ${Buffer.from('alice:correct horse').toString('base64')}` },
    });
  });

  test('is asked for again when the server rejects it, at once and from then on, and the trail says so (R35) (B21)', async () => {
    await configure('send: { as: bearer }');
    await enter(alice, { secret: 'key-of-alice-1' });
    const rejected = { ...at(), rejectedConnectionRevision: 1 };
    for (const asked of [rejected, at()]) expect((await lease(alice, asked)).type).toBe('connect_required');
    expect([
      (await database.connection.findFirstOrThrow()).state,
      await database.event.count({ where: { type: 'connection.needs_reconnect' } }),
    ]).toEqual(['needs_reconnect', 1]);
    expect((await enter(alice, { secret: 'key-of-alice-2' }, rejected)).html).toContain('<h1>Connected</h1>');
    expect(await lease(alice, rejected)).toMatchObject({
      headers: { authorization: 'Bearer key-of-alice-2' },
      connectionRevision: 2,
    });
  });

  test('goes nowhere else when the server moves: it is entered anew (S20)', async () => {
    await configure('send: { as: bearer }');
    await enter(alice, { secret: 'key-of-alice-1' });
    await configure('send: { as: bearer }', 'https://evil.example');
    expect((await lease(alice, at('https://evil.example'))).type).toBe('connect_required');
    expect(await lease(alice, at())).toEqual({ type: 'refused', reason: 'target_origin' });
    expect((await database.connection.findFirstOrThrow()).state).toBe('needs_reconnect');
  });

  test('of a second agent is consented apart, and removing the connection ends it (S3)', async () => {
    await configure('send: { as: bearer }');
    await enter(alice, { secret: 'key-of-alice-1' });
    expect((await lease(alicesOtherAgent, at())).type).toBe('connect_required');
    const page = await enter(alicesOtherAgent, {});
    expect(page.html).toContain('<h1>Connected</h1>');
    expect((await lease(alicesOtherAgent, at())).type).toBe('granted');
    const { id } = await database.connection.findFirstOrThrow();
    const answer = await fetch(`${url}/v1/connections/${id}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    });
    expect(await answer.json()).toEqual({ id, upstream: 'impossible' });
    expect((await lease(alice, at())).type).toBe('connect_required');
  });

  test('that is shared serves everybody, without anybody connecting, at the origin it is for (R42, R43)', async () => {
    const shared = `owner: shared, send: { as: authorization, scheme: Token }, secret: { env: SEARCH_KEY }, origin: "${SEARCH}"`;
    await configure(shared);
    const outcome = await lease(alice, at());
    expect(outcome).toEqual({
      type: 'granted',
      headers: { authorization: 'Token search-key-0123456789' },
      connectionId: null,
      connectionRevision: 0,
      expiresInSeconds: 900,
    });
    expect(await lease(bob, at())).toEqual(outcome);
    await expect(configure(shared, 'https://evil.example')).rejects.toThrow(/does not follow a server that moves/);
    await configure(shared);
  });

  test('is in no dump, log, page or event (R44, R46)', async () => {
    await configure(`owner: shared, send: { as: bearer }, secret: { env: SEARCH_KEY }, origin: "${SEARCH}"`);
    await lease(alice, at());
    await configure('send: { as: basic }');
    await enter(alice, { secret: 'entered by alice', username: 'two:parts' });
    await enter(alice, { secret: 'entered by alice', username: 'alice' });
    await lease(alice, at());
    const dump = JSON.stringify(
      await Promise.all(
        [
          database.connection.findMany(),
          database.storedSecret.findMany(),
          database.configurationDocument.findMany(),
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
    expect(
      findSecrets(
        { dump, log: log.join(''), pages: shown.join('\n') },
        { shared: 'search-key-0123456789', entered: 'entered by alice' },
      ),
    ).toEqual([]);
  });
});
