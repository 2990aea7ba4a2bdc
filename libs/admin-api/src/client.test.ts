import { Secret } from '@sallyport/kernel';
import { expect, test } from 'vitest';
import { AdminApiError, createAdminClient } from './index.js';

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
    { type: 'about:blank', title: 'Not Found', status: 404, detail: 'There is none.' },
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
