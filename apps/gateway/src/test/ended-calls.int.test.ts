import { newId } from '@sallyport/kernel';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { modernRequest, postByHand } from './world/by-hand.js';
import type { TestUser } from './world/gateway-world.js';
import { startTwoServers } from './world/two-servers.js';
import type { TwoServers } from './world/two-servers.js';

let place: TwoServers;
beforeAll(async () => {
  place = await startTwoServers({ stalenessBoundMs: 600_000 });
});
afterEach(() => {
  place.notes.misbehave = undefined;
  place.world.clock.aheadMs = 0;
});
afterAll(async () => await place?.close());

const seconds = () => Math.floor(Date.now() / 1000);
const whoami = modernRequest('tools/call', { name: 'notes__whoami', arguments: {} });
const result = (text: string) =>
  `${JSON.stringify({ jsonrpc: '2.0', id: 7, result: { resultType: 'complete', content: [{ type: 'text', text }] } })}`;

/** A server that tells of progress at once, and of the result once it is let. */
function slowServer(): { finish: () => void } {
  const { promise: finished, resolve: finish } = Promise.withResolvers<void>();
  place.notes.misbehave = ({ body }) => {
    if (body.method !== 'tools/call') return undefined;
    const event = (text: string) => `event: message\ndata: ${text}\n\n`;
    return {
      status: 200,
      headers: { 'content-type': 'text/event-stream' },
      body: (async function* () {
        yield event('{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"p","progress":1}}');
        await finished;
        yield event(result('it ran to its end').replace('"id":7', `"id":${JSON.stringify(body.id)}`));
      })(),
    };
  };
  return { finish };
}

async function begin(user: TestUser, token: string) {
  await postByHand(place.world.url, token, modernRequest('tools/list'));
  const server = slowServer();
  const seen = place.notes.seen.length;
  const withProgress = modernRequest('tools/call', {
    name: 'notes__whoami',
    arguments: {},
    _meta: { progressToken: 'p' },
  });
  const answer = postByHand(place.world.url, token, {
    ...withProgress,
    headers: { ...withProgress.headers, accept: 'application/json, text/event-stream' },
  });
  await expect.poll(() => place.notes.seen.length).toBeGreaterThan(seen);
  return {
    ...server,
    answer,
    revoke: () =>
      place.world.change({
        revocations: [
          { id: newId('rev'), subject: { type: 'session', sid: user.sid }, notBefore: seconds() + 60, expiresAt: null },
        ],
      }),
  };
}

const listen = async (token: string) =>
  await postByHand(
    place.world.url,
    token,
    modernRequest('subscriptions/listen', { notifications: { toolsListChanged: true } }),
  );
const recordOf = (user: TestUser) =>
  place.world.records.find(({ userId, method }) => userId === user.userId && method === 'tools/call');

describe('a token that expires', () => {
  test('ends what is subscribed with it, in words, and no call that began with it (S17)', async () => {
    const user = place.newUser('late');
    // Still within the skew that clocks are allowed, and past it once the clock goes on.
    const token = await place.world.token(user, { iat: seconds() - 900, exp: seconds() + 20 });
    const { answer, finish } = await begin(user, token);
    const subscription = listen(token);
    await expect.poll(() => place.notes.seen.at(-1)?.body.method).toBe('subscriptions/listen');
    place.world.clock.aheadMs = 120_000;
    expect((await subscription).json?.error?.message).toContain('Subscribe again with a new one');
    expect((await postByHand(place.world.url, token, whoami)).status).toBe(401);
    finish();
    expect((await answer).json?.result).toMatchObject({ content: [{ text: 'it ran to its end' }] });
  });
  test('keeps no call alive whose session was revoked meanwhile (S17, S28)', async () => {
    const user = place.newUser('late-and-revoked');
    const token = await place.world.token(user, { iat: seconds() - 900, exp: seconds() + 20 });
    const { answer, revoke } = await begin(user, token);
    place.world.clock.aheadMs = 120_000;
    await revoke();
    expect(JSON.stringify((await answer).json?.result)).toContain('sign-in of this agent was ended');
  });
});

describe('what was leased', () => {
  const subjects = [
    { type: 'server', server: 'notes' },
    { type: 'credential-provider', credentialProvider: 'notes-users' },
  ] as const;
  test.each(subjects)(
    'is void with a revocation of $type: the call that runs ends, and the next asks anew (S17, S28)',
    async (subject) => {
      const user = place.newUser(`leased-${subject.type}`);
      const token = await place.world.token(user);
      const { answer } = await begin(user, token);
      const leasesOf = () => place.world.leaseRequests.length;
      const before = leasesOf();
      await place.world.change({
        revocations: [{ id: newId('rev'), subject, notBefore: seconds() + 1, expiresAt: seconds() + 960 }],
      });
      expect(JSON.stringify((await answer).json?.result)).toContain('It may have taken effect already');
      await expect.poll(() => recordOf(user)).toMatchObject({ decision: 'allow', reason: 'ended:credential_revoked' });
      place.notes.misbehave = undefined;
      place.world.clock.aheadMs = 2_000;
      expect((await postByHand(place.world.url, token, whoami)).status).toBe(200);
      expect(leasesOf()).toBe(before + 1);
    },
  );
});

describe('a call that is ended while it streams', () => {
  test('is answered after what was said before, the stream ends as it should, and the record says why (S17, R74)', async () => {
    const user = place.newUser('streaming');
    const { answer, revoke } = await begin(user, await place.world.token(user));
    await revoke();
    const { text, json } = await answer;
    expect(text).toContain('notifications/progress');
    expect(json).toMatchObject({ id: 7, result: { isError: true } });
    expect(JSON.stringify(json)).toContain('It may have taken effect already');
    await expect.poll(() => recordOf(user)).toMatchObject({ decision: 'allow', reason: 'ended:token_revoked' });
  });
});

describe('a legacy client', () => {
  const json = { accept: 'application/json, text/event-stream' };
  const initialize = {
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'c', version: '1' } },
  };
  const sessionOf = async (token: string) => ({
    ...json,
    'mcp-session-id':
      (await postByHand(place.world.url, token, { body: initialize, headers: json })).headers.get('mcp-session-id') ??
      '',
  });
  const call = (id: unknown) => ({
    jsonrpc: '2.0',
    id,
    method: 'tools/call',
    params: { name: 'notes__whoami', arguments: {} },
  });

  test('that cancels its call hears the stream end, on a connection that stays (S17)', async () => {
    const user = place.newUser('cancelling');
    const token = await place.world.token(user);
    const headers = await sessionOf(token);
    slowServer();
    const seen = place.notes.seen.length;
    const running = postByHand(place.world.url, token, { body: call(2), headers });
    await expect.poll(() => place.notes.seen.slice(seen).some(({ body }) => body.method === 'tools/call')).toBe(true);
    const cancelled = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 2 } };
    expect((await postByHand(place.world.url, token, { body: cancelled, headers })).status).toBe(202);
    expect(await running).toMatchObject({ status: 200, json: undefined });
    await expect.poll(() => recordOf(user)).toMatchObject({ reason: 'ended:cancelled' });
  });
  test('goes on in its MCP session after a new sign-in, and another user does not (S16)', async () => {
    const user = place.newUser('signed-in-again');
    const headers = await sessionOf(await place.world.token(user));
    const again = { ...user, sid: newId('ses') };
    expect(
      (await postByHand(place.world.url, await place.world.token(again), { body: call(3), headers })).json?.result,
    ).toMatchObject({ content: [{ text: 'signed-in-again' }] });
    expect(
      (
        await postByHand(place.world.url, await place.world.token(place.newUser('stranger')), {
          body: call(4),
          headers,
        })
      ).status,
    ).toBe(404);
  });
});
