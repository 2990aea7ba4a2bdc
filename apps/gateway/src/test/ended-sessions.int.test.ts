import { Document } from '@sallyport/configuration';
import { eventually } from '@sallyport/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGatewayWorld, testUser } from './world/gateway-world.js';
import type { GatewayWorld, TestUser } from './world/gateway-world.js';

const admitting = (subjects: object) =>
  Document.parse({ kind: 'AccessPolicy', name: 'in', spec: { hop: 'client-to-gateway', ...subjects } });

let world: GatewayWorld;
beforeAll(async () => {
  world = await startGatewayWorld([admitting({})]);
});
afterAll(() => world?.close());

async function client(user: TestUser) {
  const post = async (body: object, more: Record<string, string> = {}, url = world.url) => {
    const headers = {
      authorization: `Bearer ${await world.token(user, { aud: url })}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    };
    return fetch(url, {
      method: 'POST',
      headers: { ...headers, ...more },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, ...body }),
    });
  };
  const authorization = `Bearer ${await world.token(user)}`;
  const begin = async () =>
    (
      await post({
        method: 'initialize',
        params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'c', version: '1' } },
      })
    ).headers.get('mcp-session-id') ?? '';
  const send = (session: string, url?: string) =>
    post({ method: 'ping' }, { 'mcp-session-id': session, 'mcp-protocol-version': '2025-11-25' }, url);
  const ping = async (session: string, url?: string) => (await send(session, url)).status;
  const pinged = async (session: string) => (await send(session)).text();
  const end = async (session: string) => {
    const answer = await fetch(world.url, { method: 'DELETE', headers: { authorization, 'mcp-session-id': session } });
    return { status: answer.status, retryAfter: answer.headers.get('retry-after'), text: await answer.text() };
  };
  return { begin, ping, pinged, end };
}

describe('ending sessions', () => {
  test("counts as a call: beyond a user's places it is 429, and another user's session ends (S32, S34)", async () => {
    const [mallory, bob] = await Promise.all([client(testUser('mallory')), client(testUser('bob'))]);
    const sessions: string[] = [];
    for (let index = 0; index < 300; index++) sessions.push(await mallory.begin());
    const bobs = await bob.begin();
    let answer: (value: unknown) => void = () => undefined;
    world.ending = new Promise((resolve) => (answer = resolve));
    const ending = sessions.map((session) => mallory.end(session));
    const refused: Awaited<(typeof ending)[number]>[] = [];
    for (const one of ending) void one.then((answered) => refused.push(answered));
    await eventually(() => refused.length >= 300 - 256, { timeoutMs: 10_000 });
    const bobEnds = bob.end(bobs);
    expect(refused.map(({ status, retryAfter }) => [status, retryAfter])).toEqual(
      Array.from({ length: 300 - 256 }, () => [429, '5']),
    );
    answer(undefined);
    expect((await bobEnds).status).toBe(204);
    const statuses = (await Promise.all(ending)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 204)).toHaveLength(256);
    for (const [index, session] of sessions.entries())
      if (statuses[index] === 429) expect((await mallory.end(session)).status).toBe(204);
  });

  test('is refused to a user of whom too many are remembered: with a time to come again, and the session goes on (S32)', async () => {
    const user = testUser('carol');
    const [carol, bob] = await Promise.all([client(user), client(testUser('bob'))]);
    const [session, bobs] = [await carol.begin(), await bob.begin()];
    world.fullOf = user.userId;
    const refused = await carol.end(session);
    expect([refused.status, Number(refused.retryAfter) > 3_000, JSON.parse(refused.text)]).toMatchObject([
      429,
      true,
      { error: { message: expect.stringContaining('it ends by itself') } },
    ]);
    expect([await carol.ping(session), (await bob.end(bobs)).status]).toEqual([200, 204]);
    world.fullOf = undefined;
  });

  test("needs what a call needs of the first hop's policy, and is recorded with it (S16, R64)", async () => {
    const user = testUser('dave');
    const dave = await client(user);
    const session = await dave.begin();
    await world.change({ puts: [admitting({ trustProviders: ['another'] })] });
    await eventually(async () => (await dave.pinged(session)).includes('-31401'));
    expect(JSON.parse((await dave.end(session)).text)).toMatchObject({ error: { code: -31401 } });
    await world.change({ puts: [admitting({})] });
    await eventually(async () => !(await dave.pinged(session)).includes('-31401'));
    expect(await dave.ping(session)).toBe(200);
    expect((await dave.end(session)).status).toBe(204);
    await eventually(() =>
      world.records
        .filter(({ userId, method }) => userId === user.userId && method === 'DELETE')
        .some(({ decision }) => decision === 'deny'),
    );
  });

  test('holds at every gateway within a second, also at one that starts later (R64)', async () => {
    const erin = await client(testUser('erin')); // another gateway, another address: a token for each
    const [before, after] = [await erin.begin(), await erin.begin()];
    await erin.end(before);
    const other = await world.startReplica('gateway-2');
    const elsewhere = `${other.urls['listening']}/mcp`;
    // Until it is ready it may not know of it; then it does.
    await eventually(() => other.readiness().status === 'ready', { timeoutMs: 15_000 });
    expect([await erin.ping(before, elsewhere), await erin.ping(after, elsewhere)]).toEqual([404, 200]);
    await erin.end(after);
    await eventually(async () => (await erin.ping(after, elsewhere)) === 404, { timeoutMs: 1_000 });
  });
});
