import { bytesHeld, fillConnections, listenerLimits, openRawConnection, stallBody } from '@sallyport/testing';
import type { RawConnection } from '@sallyport/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { modernRequest, postByHand } from './world/by-hand.js';
import type { TestUser } from './world/gateway-world.js';
import { startTwoServers } from './world/two-servers.js';
import type { TwoServers } from './world/two-servers.js';

const MEBIBYTE = 1024 * 1024;
let place: TwoServers;
const open: RawConnection[] = [];
beforeAll(async () => {
  place = await startTwoServers(
    { maxBodyBytes: MEBIBYTE, maxUserBytes: 8 * MEBIBYTE, maxBytesInFlight: 32 * MEBIBYTE, maxConnections: 800 },
    { timeout: '60s' },
  );
});
afterEach(async () => {
  place.notes.misbehave = undefined;
  for (const connection of open.splice(0)) {
    connection.destroy();
    await connection.closed;
  }
});
afterAll(async () => await place?.close());

const whoami = async (user: TestUser) =>
  (
    await postByHand(
      place.world.url,
      await place.world.token(user),
      modernRequest('tools/call', { name: 'notes__whoami', arguments: {} }),
    )
  ).status;
const call = (padding: number) =>
  modernRequest('tools/call', { name: 'notes__whoami', arguments: { padding: 'x'.repeat(padding) } });
/** That many bodies of one user, all but complete. @returns what each reads, in order, once that many were refused */
async function stallMany(
  user: TestUser,
  count: number,
  length: number | 'chunked',
  refused: number,
): Promise<string[]> {
  const headers = { authorization: `Bearer ${await place.world.token(user)}`, 'content-type': 'application/json' };
  const connections = await Promise.all(
    Array.from(
      { length: count },
      async () => await stallBody(place.world.url, { length, sent: MEBIBYTE - 1, headers }),
    ),
  );
  open.push(...connections);
  const answers = () => connections.map((connection) => connection.received());
  await expect.poll(() => answers().filter((answer) => answer !== '').length).toBeGreaterThanOrEqual(refused);
  return answers();
}
const statuses = (answers: readonly string[]) => answers.map((answer) => answer.slice(9, 12)).toSorted();
const times = (count: number, text: string) => Array.from({ length: count }, () => text);

describe('bodies that stall', () => {
  test.each([
    ['announced', MEBIBYTE],
    ['in chunks', 'chunked'],
  ] as const)(
    "of one user (%s) take that user's room and no more, are told so, and end: others are served meanwhile (S33)",
    async (_how, length) => {
      const [alice, bob] = [place.newUser('alice'), place.newUser('bob')];
      expect(await whoami(bob)).toBe(200);
      const before = bytesHeld();
      const answers = await stallMany(alice, 100, length, 92);
      expect(statuses(answers)).toEqual([...times(8, ''), ...times(92, '429')]);
      expect(answers.find((answer) => answer !== '')).toMatch(/retry-after: 5.*Wait for the answers/is);
      // 100 MiB came; the sockets of the test are in this process as well.
      await expect.poll(() => bytesHeld() - before).toBeLessThan(40 * MEBIBYTE);
      expect([await whoami(alice), await whoami(bob)]).toEqual([429, 200]);
      expect(place.world.gateway.readiness()).toEqual({ status: 'ready', reasons: [] });
      await expect
        .poll(() => statuses(open.map((connection) => connection.received())))
        .toEqual([...times(8, '408'), ...times(92, '429')]);
      await expect.poll(async () => await whoami(alice)).toBe(200);
    },
    90_000,
  );

  test('of many users leave room for one more, and the gateway says that it is short of it, and stays ready (S33)', async () => {
    const users = Array.from({ length: 6 }, (_, n) => place.newUser(`user-${n}`));
    const answers = await Promise.all(users.map(async (user) => await stallMany(user, 10, MEBIBYTE, 2)));
    expect(answers.flat().length).toBe(60);
    await expect.poll(() => open.filter((connection) => connection.received() === '').length).toBeLessThan(32);
    expect(open.map((connection) => connection.received()).find((answer) => answer.startsWith('HTTP/1.1 503'))).toMatch(
      /retry-after: 5.*The gateway has too much to do/is,
    );
    expect(await whoami(place.newUser('late'))).toBe(200);
    expect(place.world.gateway.readiness()).toEqual({
      status: 'degraded',
      reasons: ['requests are refused: the room for bytes in flight is used up'],
    });
  }, 90_000);
});

test('a user has so many bodies on their way and no more, however small, and others have theirs (S33)', async () => {
  const [ivan, judy] = [place.newUser('ivan'), place.newUser('judy')];
  const headers = { authorization: `Bearer ${await place.world.token(ivan)}`, 'content-type': 'application/json' };
  // All at once: the first must not be over before the last has come.
  const arriving = Array.from({ length: 257 }, () => stallBody(place.world.url, { length: 10, headers }));
  open.push(...(await Promise.all(arriving)));
  await expect
    .poll(() => open.map((connection) => connection.received()).filter((answer) => answer !== ''))
    .toEqual([expect.stringMatching(/^HTTP\/1\.1 429 .*Too many requests are open/s)]);
  expect(await whoami(judy)).toBe(200);
});

test('bodies are held as long as they are in memory: until their calls are answered (S33)', async () => {
  const [carol, dora] = [place.newUser('carol'), place.newUser('dora')];
  expect([await whoami(carol), await whoami(dora)]).toEqual([200, 200]);
  let answer = (): void => undefined;
  const answered = new Promise<void>((resolve) => (answer = resolve));
  async function* later(id: unknown): AsyncGenerator<string> {
    await answered;
    yield JSON.stringify({ jsonrpc: '2.0', id, result: { content: [] } });
  }
  const isPadded = (params: Record<string, unknown>) => Object.hasOwn(Object(params['arguments']), 'padding');
  place.notes.misbehave = ({ body }) =>
    isPadded(body.params)
      ? { status: 200, headers: { 'content-type': 'application/json' }, body: later(body.id) }
      : undefined;
  const token = await place.world.token(carol);
  const running = Array.from(
    { length: 8 },
    async () => (await postByHand(place.world.url, token, call(MEBIBYTE - 500))).status,
  );
  await expect.poll(() => place.notes.seen.filter(({ body }) => isPadded(body.params)).length).toBe(8);
  expect((await postByHand(place.world.url, token, call(100_000))).status).toBe(429);
  expect(await whoami(dora)).toBe(200);
  answer();
  expect(await Promise.all(running)).toEqual(Array.from({ length: 8 }, () => 200));
  await expect.poll(async () => (await postByHand(place.world.url, token, call(MEBIBYTE - 500))).status).toBe(200);
});

describe('answers of servers', () => {
  const answered = (id: unknown, length: number) =>
    JSON.stringify({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: 'x'.repeat(length) }] } });
  const isCall = (body: { method: string }) => body.method === 'tools/call';
  /** Each piece when the one before was taken; `isTaken` after the last. Asked for room before, we would take it ourselves. */
  async function* inPieces(text: string, isTaken: () => void): AsyncGenerator<string> {
    for (let at = 0; at < text.length; at += 64 * 1024) yield text.slice(at, at + 64 * 1024);
    isTaken();
  }

  test('count while they are read: one that does not fit is not read on, and the user is told (S33)', async () => {
    const [erin, finn] = [place.newUser('erin'), place.newUser('finn')];
    expect([await whoami(erin), await whoami(finn)]).toEqual([200, 200]);
    async function* stalling(): AsyncGenerator<string> {
      yield answered(7, 3 * MEBIBYTE).slice(0, -10);
      await new Promise(() => undefined);
    }
    place.notes.misbehave = ({ headers, body }) =>
      isCall(body) && headers.authorization === place.credential('notes', erin)
        ? { status: 200, headers: { 'content-type': 'application/json' }, body: stalling() }
        : undefined;
    const abort = new AbortController();
    const { body, headers } = modernRequest('tools/call', { name: 'notes__whoami', arguments: {} });
    const token = await place.world.token(erin);
    // Two fit and never end. Which of the three comes last is not ours to say: it is the only one that is answered.
    const running = Array.from({ length: 3 }, async () => {
      const response = await fetch(place.world.url, {
        method: 'POST',
        signal: abort.signal,
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}`, ...headers },
      });
      return await response.text();
    });
    expect(await Promise.race(running)).toContain('was not read to its end');
    expect(await whoami(finn)).toBe(200);
    abort.abort();
    expect((await Promise.allSettled(running)).map(({ status }) => status).toSorted()).toEqual([
      'fulfilled',
      'rejected',
      'rejected',
    ]);
    place.notes.misbehave = undefined;
    await expect.poll(async () => await whoami(erin)).toBe(200);
  });

  test('in a batch count while they wait for the others (S33)', async () => {
    const [kim, lou] = [place.newUser('kim'), place.newUser('lou')];
    const token = await place.world.token(kim);
    const opened = await postByHand(place.world.url, token, {
      body: {
        jsonrpc: '2.0',
        id: 1,
        method: 'initialize',
        params: { protocolVersion: '2025-03-26', capabilities: {}, clientInfo: { name: 't', version: '1' } },
      },
    });
    const session = opened.headers.get('mcp-session-id') ?? '';
    const slow = Promise.withResolvers<void>();
    const taken = Promise.withResolvers<void>();
    async function* slowly(id: unknown): AsyncGenerator<string> {
      await slow.promise;
      yield answered(id, 1);
    }
    place.notes.misbehave = ({ headers, body }) => {
      if (!isCall(body) || headers.authorization !== place.credential('notes', kim)) return undefined;
      return {
        status: 200,
        headers: { 'content-type': 'application/json' },
        body:
          body.params['name'] === 'slow' ? slowly(body.id) : inPieces(answered(body.id, 7.5 * MEBIBYTE), taken.resolve),
      };
    };
    const call = (id: number, name: string) => ({
      jsonrpc: '2.0',
      id,
      method: 'tools/call',
      params: { name: `notes__${name}`, arguments: {} },
    });
    const running = postByHand(place.world.url, token, {
      body: [call(1, 'whoami'), call(2, 'slow')],
      headers: { 'mcp-session-id': session },
    });
    await taken.promise;
    expect(await whoami(lou)).toBe(200);
    await expect
      .poll(
        async () =>
          (await postByHand(place.world.url, token, { body: { padding: 'x'.repeat(MEBIBYTE - 100) } })).status,
        { interval: 100 },
      )
      .toBe(429);
    expect(await whoami(lou)).toBe(200);
    slow.resolve();
    expect((await running).status).toBe(200);
    await expect
      .poll(
        async () =>
          (await postByHand(place.world.url, token, { body: { padding: 'x'.repeat(MEBIBYTE - 100) } })).status,
      )
      .toBe(400);
  });

  test('that their reader does not take count until it is gone (S33)', async () => {
    const [gus, hana] = [place.newUser('gus'), place.newUser('hana')];
    const taken = Promise.withResolvers<void>();
    expect([await whoami(gus), await whoami(hana)]).toEqual([200, 200]);
    place.notes.misbehave = ({ headers, body }) =>
      isCall(body) && headers.authorization === place.credential('notes', gus)
        ? {
            status: 200,
            headers: { 'content-type': 'application/json' },
            body: inPieces(answered(body.id, 7.5 * MEBIBYTE), taken.resolve),
          }
        : undefined;
    const { body, headers } = modernRequest('tools/call', { name: 'notes__whoami', arguments: {} });
    const text = JSON.stringify(body);
    const lines = Object.entries({
      ...headers,
      host: new URL(place.world.url).host,
      authorization: `Bearer ${await place.world.token(gus)}`,
      'content-type': 'application/json',
      'content-length': String(text.length),
    })
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('');
    const reader = await openRawConnection(place.world.url);
    open.push(reader);
    reader.stopReading();
    reader.write(`POST /mcp HTTP/1.1\r\n${lines}\r\n${text}`);
    const token = await place.world.token(gus);
    await taken.promise;
    expect(await whoami(hana)).toBe(200);
    await expect
      .poll(
        async () =>
          (await postByHand(place.world.url, token, { body: { padding: 'x'.repeat(MEBIBYTE - 100) } })).status,
      )
      .toBe(429);
    expect(await whoami(hana)).toBe(200);
    reader.destroy();
    await expect
      .poll(
        async () =>
          (await postByHand(place.world.url, token, { body: { padding: 'x'.repeat(MEBIBYTE - 100) } })).status,
      )
      .toBe(400);
  });
});

describe('the listener of the gateway', () => {
  test('has each limit (S33)', async () => {
    const outcomes = await Promise.all(
      listenerLimits.map(async ({ limit, provoke }) => [limit, await provoke(place.world.url)] as const),
    );
    for (const [index, { limit, refused }] of listenerLimits.entries())
      expect(outcomes[index]).toEqual([limit, expect.stringMatching(refused)]);
  }, 90_000);
  test('has them where no token is asked for as well, and reads no body there (S33)', async () => {
    const metadata = new URL('/.well-known/oauth-protected-resource', place.world.url).href;
    const stalled = await stallBody(metadata, { length: MEBIBYTE, headers: { 'content-type': 'application/json' } });
    expect(await stalled.closed).toMatch(/^HTTP\/1\.1 413 /);
  });
  test('keeps half of its connections from one address (S33)', async () => {
    const { held, told, another } = await fillConnections(place.world.url, '127.0.0.9', 800);
    expect(held).toBeGreaterThan(100); // those of the other tests count as taken
    expect(held).toBeLessThanOrEqual(400);
    expect([told, another]).toEqual([expect.stringMatching(/^HTTP\/1\.1 429 .*retry-after/s), true]);
  });
});
