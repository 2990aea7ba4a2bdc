import { once } from 'node:events';
import { connect } from 'node:net';
import { Document } from '@sallyport/configuration';
import { subjects } from '@sallyport/messages';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { modernRequest, postByHand, postInPieces } from './world/by-hand.js';
import type { TestUser } from './world/gateway-world.js';
import { startTwoServers } from './world/two-servers.js';
import type { TwoServers } from './world/two-servers.js';

let place: TwoServers;
beforeAll(async () => {
  place = await startTwoServers({ stalenessBoundMs: 60_000 });
});
afterEach(() => {
  place.notes.misbehave = undefined;
  place.world.leasing = place.granting;
  Object.assign(place.world.clock, { aheadMs: 0, stoppedAt: undefined });
});
afterAll(async () => await place?.close());

const send = async (user: TestUser, method: string, params: Record<string, unknown> = {}) =>
  await postByHand(place.world.url, await place.world.token(user), modernRequest(method, params));
const raw = async (body: string, headers: Record<string, string> = {}) => {
  const answer = await postByHand(place.world.url, await place.world.token(place.newUser('raw')), { body, headers });
  return [answer.status, answer.json?.error?.code];
};
const hanging = () => {
  place.notes.misbehave = ({ body }) => (body.method === 'tools/call' ? 'hang' : undefined);
};

describe('a body', () => {
  const call = (args: string) =>
    `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"notes__whoami","arguments":${args}}}`;
  test.each([
    ['a key twice', '{"a":1,"a":2}'],
    ['a key twice, once in disguise', '{"name":1,"\\u006eame":2}'],
    ['a key twice, deep inside', '[{"x":[{"a":1,"a":1}]}]'],
    ['nesting beyond reason', `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
    ['a number that no reader agrees on', '{"a":1e400}'],
    ['such a number without an exponent', `{"a":-${'9'.repeat(400)}}`],
  ])('with %s is refused (S10)', async (_what, args) => {
    expect(await raw(call(args))).toEqual([400, -32700]);
  });
  test.each([
    ['a number that looks large', '{"a":1e10,"b":"1e999","c":1e-999}'],
    ["keys of every object's prototype", '{"__proto__":{"x":1},"constructor":1}'],
    ['a lone surrogate', '{"a":"\\ud800"}'],
  ])('with %s passes as it was decided on (S10)', async (_what, args) => {
    const [status, code] = await raw(call(args));
    expect([status, code]).toEqual([200, undefined]);
    expect(place.notes.seen.at(-1)?.body.params['arguments']).toEqual(JSON.parse(args));
  });
  test.each([
    ['no object', '5'],
    ['a batch', '[{"jsonrpc":"2.0","id":1,"method":"ping"}]'],
    ['another JSON-RPC', '{"jsonrpc":"1.0","id":1,"method":"ping"}'],
    ['an id that is null', '{"jsonrpc":"2.0","id":null,"method":"ping"}'],
    ['a fractional id', '{"jsonrpc":"2.0","id":1.5,"method":"ping"}'],
    ['an id beyond safe integers', '{"jsonrpc":"2.0","id":9007199254740993,"method":"ping"}'],
    ['a structured id', '{"jsonrpc":"2.0","id":{},"method":"ping"}'],
    ['a very long id', `{"jsonrpc":"2.0","id":"${'i'.repeat(300)}","method":"ping"}`],
    ['a very long method', `{"jsonrpc":"2.0","id":1,"method":"${'m'.repeat(300)}"}`],
    ['a very long notification', `{"jsonrpc":"2.0","method":"${'m'.repeat(300)}"}`],
  ])('that is or has %s is refused', async (_what, body) => {
    expect((await raw(body))[0]).toBe(400);
  });
  test('is refused when it is no UTF-8, also when it comes in pieces that split characters; good ones pass (S10)', async () => {
    const headers = { authorization: `Bearer ${await place.world.token(place.newUser('pieces'))}` };
    const good = Buffer.from('{"jsonrpc":"2.0","id":"ü€😀","method":"ping"}');
    expect(
      await postInPieces(
        place.world.url,
        headers,
        [...good].map((byte) => Buffer.of(byte)),
      ),
    ).toBe(200);
    expect(
      await postInPieces(place.world.url, headers, [good.subarray(0, 24), Buffer.of(0xff), good.subarray(24)]),
    ).toBe(400);
  });
  test('that grows beyond the limit without having said so is refused while it comes (S10)', async () => {
    const headers = { authorization: `Bearer ${await place.world.token(place.newUser('endless'))}` };
    const pieces = Array.from({ length: 64 }, () => ' '.repeat(64 * 1024));
    expect(await postInPieces(place.world.url, headers, pieces).catch(() => 'cut')).toSatisfy(
      (outcome) => outcome === 413 || outcome === 'cut',
    );
  });
  test('that says it is too large is refused before any of it came (S10)', async () => {
    const { hostname, port } = new URL(place.world.url);
    const socket = connect(Number(port), hostname);
    socket.write(
      `POST /mcp HTTP/1.1\r\nHost: ${hostname}:${port}\r\nContent-Type: application/json\r\nAuthorization: Bearer ${await place.world.token(place.newUser('boaster'))}\r\nContent-Length: 99999999\r\n\r\n`,
    );
    const [answer] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    expect(answer.toString()).toMatch(/^HTTP\/1.1 413 /);
  });
  test.each([
    ['without a token', 401, ''],
    ['from a foreign site', 403, 'Origin: https://evil.example\r\n'],
  ])(
    '%s is refused before it came, and taken in all the same, so that the refusal is not lost with the connection (R12, S19)',
    async (_what, status, header) => {
      const { hostname, port, host } = new URL(place.world.url);
      const socket = connect(Number(port), hostname);
      let answer = '';
      socket.on('data', (chunk: Buffer) => void (answer += chunk.toString()));
      const ended = once(socket, 'end');
      const write = async (text: string) =>
        await new Promise<Error | null | undefined>((resolve) => socket.write(text, resolve));
      await write(
        `POST /mcp HTTP/1.1\r\nHost: ${host}\r\n${header}Connection: close\r\nContent-Type: application/json\r\nContent-Length: 3000\r\n\r\n`,
      );
      await raw('{}'); // by then the first request was looked at
      for (let piece = 0; piece < 3; piece++) expect(await write(' '.repeat(1_000))).toBeFalsy();
      await ended;
      expect(answer).toContain(`HTTP/1.1 ${status} `);
    },
  );
  test('never makes a record larger than the bus carries (R74)', async () => {
    await raw(`{"jsonrpc":"2.0","method":"${'n'.repeat(900_000)}"}`);
    await raw(
      `{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"via-notes+note://nn/${'n'.repeat(4_000)}"}}`,
    );
    await expect.poll(() => place.world.records.some(({ target }) => target?.startsWith('note://nn'))).toBe(true);
    expect(Math.max(...place.world.records.map((record) => JSON.stringify(record).length))).toBeLessThan(8_192);
  });
  test('of initialize in an envelope, or under a header of the other era, is no way in', async () => {
    expect(
      await raw(
        '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{}}}',
        { 'mcp-protocol-version': '2026-07-28' },
      ),
    ).toEqual([400, -32020]);
    const { body, headers } = modernRequest('initialize', { protocolVersion: '2025-11-25', capabilities: {} });
    expect(await raw(JSON.stringify(body), headers)).toEqual([404, -32601]);
  });
});

describe('headers', () => {
  test('that name the tool in Base64 are compared decoded; other spellings differ (S10)', async () => {
    const base64 = (text: string) => `=?base64?${Buffer.from(text).toString('base64')}?=`;
    const attempt = async (name: string) => {
      const { body, headers } = modernRequest(
        'tools/call',
        { name: 'notes__whoami', arguments: {} },
        { 'mcp-name': name },
      );
      return await raw(JSON.stringify(body), headers);
    };
    expect(await attempt(base64('notes__whoami'))).toEqual([200, undefined]);
    for (const name of [
      base64('mail__whoami'),
      `${base64('notes__whoami').slice(0, -2)}=?=`,
      '=?base64?!!?=',
      'notes__whoami, mail__whoami',
      'NOTES__WHOAMI',
      '',
    ])
      expect(await attempt(name)).toEqual([400, -32020]);
  });
  test('that carry an argument must say the same as the argument, and are written anew for the server (S10)', async () => {
    const user = place.newUser('parameters');
    const schema = { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': 'Region' } } };
    place.notes.misbehave = ({ body }) => ({
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: body.id,
        result:
          body.method === 'tools/list'
            ? { tools: [{ name: 'place', inputSchema: schema }] }
            : { resultType: 'complete', content: [] },
      }),
    });
    const attempt = async (headers: Record<string, string>) => {
      const { status, json } = await postByHand(
        place.world.url,
        await place.world.token(user),
        modernRequest('tools/call', { name: 'notes__place', arguments: { region: 'eu' } }, headers),
      );
      return [status, json?.error?.code];
    };
    expect(await attempt({})).toEqual([400, -32020]);
    expect(await attempt({ 'mcp-param-region': 'us' })).toEqual([400, -32020]);
    expect(await attempt({ 'mcp-param-region': 'eu', 'mcp-param-other': 'x' })).toEqual([200, undefined]);
    expect(
      Object.entries(place.notes.seen.at(-1)?.headers ?? {}).filter(([name]) => name.startsWith('mcp-param')),
    ).toEqual([['mcp-param-region', 'eu']]);
  });
  test('that are repeated or folded in any letter case are refused (S10)', async () => {
    const token = `Bearer ${await place.world.token(place.newUser('headers'))}`;
    const { body, headers } = modernRequest('tools/list');
    const attempt = (more: Record<string, string | string[]>) =>
      postInPieces(place.world.url, { ...headers, authorization: token, ...more }, [JSON.stringify(body)]);
    expect(await attempt({})).toBe(200);
    for (const more of [
      { 'MCP-Param-x': ['1', '1'] },
      { 'mcp-session-id': ['a', 'b'] },
      { 'Content-Type': ['application/json', 'application/json'] },
    ])
      expect(await attempt(more)).toBe(400);
    expect(await attempt({ 'content-encoding': 'gzip' })).toBe(415);
  });
});

describe('names without a prefix', () => {
  test('are for a single server: with two there is a prefix, whatever is configured (S12)', async () => {
    await place.world.change({
      puts: [Document.parse({ kind: 'Gateway', name: 'default', spec: { toolPrefix: 'never' } })],
    });
    const listed = async () => (await send(place.newUser('unprefixed'), 'tools/list')).text;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await listed()).toContain('"mail__whoami"');
    await place.world.change({
      deletes: [
        { kind: 'McpServer', name: 'mail' },
        { kind: 'CredentialProvider', name: 'mail-users' },
        { kind: 'AccessPolicy', name: 'mail' },
      ],
    });
    await expect.poll(listed).toContain('"whoami"');
    await place.world.change({
      puts: place.documents.filter(({ name }) => name.startsWith('mail')),
      deletes: [{ kind: 'Gateway', name: 'default' }],
    });
    await expect.poll(listed).toContain('"mail__whoami"');
  });
});

describe('what is hidden', () => {
  test('costs the server as much as what is absent, so that time does not tell (S15)', async () => {
    const user = place.newUser('timer');
    const listed = () => place.notes.seen.filter(({ body }) => body.method === 'tools/list').length;
    await send(user, 'tools/list');
    for (const name of ['notes__secret', 'notes__nothing']) {
      const unknown = `Unknown tool: ${name}. Nothing of that name is offered to this user through this agent. List the tools again; an administrator can see why one is missing.`;
      place.world.clock.aheadMs += 6_000;
      const before = listed();
      const answer = await send(user, 'tools/call', { name, arguments: {} });
      expect([answer.json?.error, listed() - before]).toEqual([{ code: -32602, message: unknown }, 1]);
    }
  });
});

test('why a tool that is there is hidden stands in the record, for administrators; nothing of it in the answer (R29, S15)', async () => {
  const user = place.newUser('asker');
  await send(user, 'tools/call', { name: 'notes__secret', arguments: {} });
  await send(user, 'tools/call', { name: 'notes__nothing', arguments: {} });
  const told = () =>
    place.world.records
      .filter(({ userId, method }) => userId === user.userId && method === 'tools/call')
      .map(({ decision, reason, server, target, policies }) => [
        decision,
        reason,
        server,
        target,
        policies?.gatewayToServer,
      ]);
  await expect.poll(told).toEqual([
    ['deny', 'unknown-tool:role_missing', 'notes', 'secret', 'notes'],
    ['deny', 'unknown-tool', undefined, undefined, null],
  ]);
});

describe('what every gateway has to be told of', () => {
  const path = (user: TestUser, session: string, body: object) =>
    place.world.token(user).then((token) =>
      postByHand(place.world.url, token, {
        body: { jsonrpc: '2.0', ...body },
        headers: { 'mcp-session-id': session },
      }),
    );
  const newSession = async (user: TestUser) =>
    (
      await postByHand(place.world.url, await place.world.token(user), {
        body: {
          jsonrpc: '2.0',
          id: 1,
          method: 'initialize',
          params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'a', version: '1' } },
        },
      })
    ).headers.get('mcp-session-id') ?? '';
  test.each([
    ['a cancellation', { method: 'notifications/cancelled', params: { requestId: 'nowhere' } }],
    ['a log level', { id: 2, method: 'logging/setLevel', params: { level: 'debug' } }],
    ['a subscription', { id: 2, method: 'resources/subscribe', params: { uri: 'via-notes+note://a' } }],
  ])(
    '%s is told for a user until that is too often, then refused before anything is done, and told for others (S32, S34)',
    async (_what, body) => {
      const [loud, quiet] = [place.newUser('loud'), place.newUser('quiet')];
      const [session, other] = [await newSession(loud), await newSession(quiet)];
      place.world.clock.stoppedAt = Date.now();
      let broadcasts = 0;
      const stop = await place.world.messaging.broadcast.subscribe(subjects.allGateways, () => void (broadcasts += 1));
      const asked = () => place.notes.seen.filter(({ body: { method } }) => method === 'resources/subscribe').length;
      const before = asked();
      const answers: Awaited<ReturnType<typeof path>>[] = [];
      const refused = () => answers.filter(({ status }) => status === 429);
      for (let round = 0; refused().length === 0 && round < 50; round++)
        answers.push(...(await Promise.all(Array.from({ length: 64 }, () => path(loud, session, body)))));
      const [first] = refused();
      expect(first?.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
      expect(first?.json?.error?.message).toContain('your agents had too much told');
      expect((await path(quiet, other, body)).status).toBeLessThan(300);
      await stop();
      const taken = answers.length - refused().length;
      expect(taken).toBeGreaterThanOrEqual(256);
      expect(broadcasts).toBeLessThan(taken);
      if (body.method === 'resources/subscribe') expect(asked() - before).toBe(taken + 1);
    },
  );
});

describe('a client that goes away', () => {
  test('ends every call it had sent along one connection, the waiting ones too', async () => {
    const token = await place.world.token(place.newUser('pipeline'));
    const { body, headers } = modernRequest('tools/call', { name: 'notes__whoami', arguments: {} });
    await postByHand(place.world.url, token, { body, headers });
    hanging();
    const url = new URL(place.world.url);
    const text = JSON.stringify(body);
    const one = `POST /mcp HTTP/1.1\r\nHost: ${url.host}\r\nContent-Type: application/json\r\nAuthorization: Bearer ${token}\r\n${Object.entries(
      headers,
    )
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('')}Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
    const [seen, aborted] = [place.notes.seen.length, place.notes.aborted];
    const socket = connect(Number(url.port), url.hostname);
    socket.on('error', () => undefined).write(one.repeat(3));
    await expect.poll(() => place.notes.seen.length - seen).toBe(3);
    socket.destroy();
    await expect.poll(() => place.notes.aborted - aborted).toBe(3);
  });
});

describe('a call that runs', () => {
  async function running(subject: string) {
    const user = place.newUser(subject);
    await send(user, 'tools/list');
    hanging();
    const seen = place.notes.seen.length;
    const outcome = send(user, 'tools/call', { name: 'notes__whoami', arguments: {} }).then(
      ({ json }) => JSON.stringify(json?.result),
      () => 'cut',
    );
    await expect.poll(() => place.notes.seen.length).toBeGreaterThan(seen);
    return { user, outcome };
  }
  test('ends when its connection is revoked (S17)', async () => {
    const { user, outcome } = await running('disconnected');
    await place.world.change({
      revocations: [
        {
          id: 'rev_c',
          subject: { type: 'connection', connectionId: `con_notes_${user.userId}` },
          notBefore: Math.floor(Date.now() / 1000) + 1,
          expiresAt: null,
        },
      ],
    });
    expect(await outcome).toContain('the account it used was disconnected');
  });
  test('goes on when something else changes, and ends when policy no longer permits it (S17)', async () => {
    const { outcome } = await running('demoted');
    const policy = place.documents.filter(({ name, kind }) => kind === 'AccessPolicy' && name === 'notes');
    await place.world.change({
      puts: place.documents.filter(({ name, kind }) => kind === 'AccessPolicy' && name === 'mail'),
    });
    expect(
      await Promise.race([outcome, new Promise((resolve) => setTimeout(() => resolve('still there'), 1_200))]),
    ).toBe('still there');
    await place.world.change({ deletes: [{ kind: 'AccessPolicy', name: 'notes' }] });
    expect(await outcome).toContain('policy allows it no longer');
    await place.world.change({ puts: policy });
  });
  test('ends when the gateway can no longer vouch for anything (S17) (S27)', async () => {
    const { outcome } = await running('stale');
    place.world.clock.aheadMs = 120_000;
    expect(await outcome).toContain('cannot tell any more what is allowed');
  });
});

describe('a control plane that is down', () => {
  test('does not stop a caller whose credential is leased; another is told to try again', async () => {
    const user = place.newUser('warm');
    await send(user, 'tools/list');
    place.world.leasing = () => {
      throw new Error('down');
    };
    expect((await send(user, 'tools/call', { name: 'notes__whoami', arguments: {} })).json?.result).toMatchObject({
      content: [{ type: 'text', text: 'warm' }],
    });
    expect(
      (await send(place.newUser('cold'), 'tools/call', { name: 'notes__whoami', arguments: {} })).json?.result,
    ).toMatchObject({ isError: true });
  });
});
