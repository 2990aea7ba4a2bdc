import { Secret } from '@sallyport/kernel';
import { expect, test } from 'vitest';
import { AdminApiError, createAdminClient } from './index.js';
import { openAdminStream } from './open-stream.js';

function clientOf(status: number, answer: unknown) {
  const asked: { url: string; init: RequestInit }[] = [];
  const client = createAdminClient({
    url: 'http://control.example',
    token: new Secret('sp_admin_0123456789'),
    fetch: (url, init = {}) => {
      asked.push({ url: url as string, init });
      return Promise.resolve(new Response(typeof answer === 'string' ? answer : JSON.stringify(answer), { status }));
    },
  });
  return { client, asked };
}

test('a call goes to the address of its route, with the token, and resolves with what the route declares', async () => {
  const { client, asked } = clientOf(200, { id: 'con_1/2', upstream: 'pending', addedLater: true });
  expect(await client.removeConnection({ params: { id: 'con_1/2' } })).toEqual({ id: 'con_1/2', upstream: 'pending' });
  expect(asked).toMatchObject([
    {
      url: 'http://control.example/v1/connections/con_1%2F2',
      init: { method: 'DELETE', headers: { authorization: 'Bearer sp_admin_0123456789' } },
    },
  ]);
});

test('a query leaves out what is not given, and a body is JSON', async () => {
  const events = clientOf(200, { events: [], next: 7 });
  expect(await events.client.listEvents({ query: { after: '7', type: undefined } })).toEqual({ events: [], next: 7 });
  expect(events.asked[0]?.url).toBe('http://control.example/v1/events?after=7');
  const rotation = clientOf(200, { keys: [], total: 0, remaining: 0, isComplete: true });
  await rotation.client.rotateVaultKey({ body: { reason: 'yearly' } });
  expect(rotation.asked[0]?.init).toMatchObject({
    body: '{"reason":"yearly"}',
    headers: { 'content-type': 'application/json' },
  });
});

test.each([
  [
    'a problem',
    404,
    { type: 'urn:sallyport:problem:not-found', title: 'Not Found', status: 404, detail: 'There is none.' },
    'There is none.',
  ],
  ['what is not the API', 200, '<html>', undefined],
  ['an answer the route does not declare', 200, { id: 1 }, undefined],
])('%s rejects with status and words', async (_what, status, answer, detail) => {
  const rejection = clientOf(status, answer).client.removeConnection({ params: { id: 'con_1' } });
  const error: unknown = await rejection.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(AdminApiError);
  expect(error).toMatchObject({ status });
  expect((error as AdminApiError).problem?.detail).toBe(detail);
});

test('a loose client keeps members and words that a newer control plane adds, and refuses what is none of its answers', async () => {
  const looseClientOf = (answer: unknown) =>
    createAdminClient({
      url: 'http://control.example',
      token: () => Promise.resolve(new Secret('sp_admin_0123456789')),
      answers: 'loose',
      fetch: () => Promise.resolve(Response.json(answer)),
    });
  const newer = { id: 'con_1', upstream: 'handed-over', addedLater: true };
  expect(await looseClientOf(newer).removeConnection({ params: { id: 'con_1' } })).toEqual(newer);
  await expect(looseClientOf({ id: 1 }).removeConnection({ params: { id: 'con_1' } })).rejects.toThrow(AdminApiError);
});

test('what a call says of its headers is sent, a redirect is not followed, and the headers of the answer are heard', async () => {
  const sent: RequestInit[] = [];
  const heard: (string | null)[] = [];
  const client = createAdminClient({
    url: 'http://control.example',
    token: new Secret('sp_admin_0123456789'),
    fetch: (_url, init = {}) => {
      sent.push(init);
      return Promise.resolve(Response.json({ id: 'con_1', upstream: 'revoked' }, { headers: { etag: '"7"' } }));
    },
  });
  await client.removeConnection(
    { params: { id: 'con_1' } },
    { ifMatch: '"6"', idempotencyKey: 'key-1', onHeaders: (headers) => heard.push(headers.get('etag')) },
  );
  expect(sent[0]).toMatchObject({ redirect: 'error', headers: { 'if-match': '"6"', 'idempotency-key': 'key-1' } });
  expect(heard).toEqual(['"7"']);
});

test.each([
  ['ECONNREFUSED', 'refused'],
  ['ENOTFOUND', 'unknown-host'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'certificate'],
  ['UND_ERR_HEADERS_TIMEOUT', 'timeout'],
  ['ECONNRESET', 'broken'],
])('an answer that never came because of %s is an unreachable API: %s', async (code, reason) => {
  const cause = Object.assign(new Error('inner'), { code });
  const client = createAdminClient({
    url: 'http://control.example',
    token: new Secret('sp_admin_0123456789'),
    fetch: () => Promise.reject(new TypeError('fetch failed', { cause: new AggregateError([cause]) })),
  });
  await expect(client.listEvents({ query: {} })).rejects.toMatchObject({ reason, url: 'http://control.example' });
});

test('a call ends by its time, and one that its caller gives up ends with what the caller said', async () => {
  const client = createAdminClient({
    url: 'http://control.example',
    token: new Secret('sp_admin_0123456789'),
    timeoutMs: 5,
    fetch: (_url, { signal } = {}) =>
      new Promise((_resolve, reject) => {
        const end = () => reject(signal?.reason as Error);
        if (signal?.aborted === true) end();
        else signal?.addEventListener('abort', end);
      }),
  });
  await expect(client.listEvents({ query: {} })).rejects.toMatchObject({ reason: 'timeout' });
  const given = new AbortController();
  const call = client.listEvents({ query: {} }, { signal: given.signal, timeoutMs: 60_000 });
  given.abort(new Error('Ctrl-C'));
  await expect(call).rejects.toThrow('Ctrl-C');
});

test('what getting a proof failed with is passed on as it is: nobody was asked yet (R69)', async () => {
  const refusal = new Error('the machine agent got no token');
  const options = {
    url: 'http://control.example',
    token: () => Promise.reject(refusal),
    fetch: () => Promise.reject(new TypeError('nobody is to be asked')),
  };
  await expect(createAdminClient(options).readStatus()).rejects.toBe(refusal);
  const stream = { accept: 'text/event-stream', signal: new AbortController().signal };
  await expect(openAdminStream(options, 'listEvents', { query: {} }, stream)).rejects.toBe(refusal);
});
