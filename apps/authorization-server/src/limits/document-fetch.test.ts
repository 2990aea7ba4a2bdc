import { describe, expect, test } from 'vitest';
import { eventually } from '@sallyport/testing';
import { SallyportError } from '@sallyport/kernel';
import { DocumentFetch } from './document-fetch.js';
import type { DocumentAsker } from './request-limits.js';

/** A network in which every answer waits until it is given, and a clock that stands still until it is told. */
function world({ perHost = 1_000, inUse = [] as string[] } = {}) {
  let now = 1_000_000;
  let answersAtOnce = false;
  const asked: string[] = [];
  const waiting = new Map<string, { resolve: (response: Response) => void; reject: (error: Error) => void }>();
  const charged = new Map<string, number>();
  const keyOf = (host: string, asker: DocumentAsker) => (asker === 'in use' ? asker : host);
  const documents = new DocumentFetch({
    fetch: (input) => {
      const url = input instanceof Request ? input.url : input.toString();
      asked.push(url);
      if (answersAtOnce) return Promise.resolve(new Response('{}'));
      return new Promise((resolve, reject) => waiting.set(url, { resolve, reject }));
    },
    limits: {
      documentSpent: (host, asker) =>
        (charged.get(keyOf(host, asker)) ?? 0) >= perHost ? { retryAfterSeconds: 7 } : undefined,
      chargeDocument: (host, asker, wasReached) =>
        void (wasReached && charged.set(keyOf(host, asker), (charged.get(keyOf(host, asker)) ?? 0) + 1)),
    },
    isInUse: async (clientId) => inUse.includes(clientId),
    clock: () => now,
  });
  let addresses = 0;
  return {
    asked,
    waiting,
    charged,
    fetch: (url: string, address = `192.0.2.${(addresses += 1)}`) =>
      documents.fetch(url, undefined, { clientId: url, address }),
    refusal: (url: string, address = `192.0.2.${(addresses += 1)}`) =>
      documents.refusal(url, { clientId: url, address }),
    /** The answer to a request that is under way, once it is. */
    answer: async (url: string, response: Response | Error) => {
      await eventually(() => waiting.has(url));
      const { resolve, reject } = waiting.get(url) ?? expect.fail('nobody asked');
      waiting.delete(url);
      if (response instanceof Error) reject(response);
      else resolve(response);
    },
    answerAtOnce: () => void (answersAtOnce = true),
    pass: (ms: number) => (now += ms),
  };
}
const notNow = expect.objectContaining({ code: 'document_not_now' });

test('many who ask for the same document make one request, and each reads the whole answer', async () => {
  const { fetch, asked, answer } = world();
  const all = Array.from({ length: 20 }, () => fetch('https://a.example/x.json'));
  await answer(
    'https://a.example/x.json',
    new Response('{"a":1}', { headers: { 'content-type': 'application/json', 'cache-control': 'max-age=60' } }),
  );
  const answers = await Promise.all(all);
  expect(await Promise.all(answers.map((one) => one.json()))).toEqual(Array.from({ length: 20 }, () => ({ a: 1 })));
  expect(answers[7]?.headers.get('cache-control')).toBe('max-age=60');
  expect(asked).toHaveLength(1);
});

test('a failure is remembered for half a minute: whoever asks meanwhile is told at once, and nobody is called', async () => {
  const { fetch, asked, answer, pass } = world();
  const first = expect(fetch('https://a.example/x.json')).rejects.toThrow('no such host');
  await answer('https://a.example/x.json', new Error('no such host'));
  await first;
  pass(29_999);
  await expect(fetch('https://a.example/x.json')).rejects.toThrow('no such host');
  expect(asked).toHaveLength(1);
  pass(1);
  const again = fetch('https://a.example/x.json');
  await answer('https://a.example/x.json', new Response('{}'));
  expect((await again).status).toBe(200);
  expect(asked).toHaveLength(2);
});

test('an answer that is an error is remembered as well, without its body', async () => {
  const { fetch, asked, answer } = world();
  const first = fetch('https://a.example/x.json');
  await answer('https://a.example/x.json', new Response('x'.repeat(60_000), { status: 500 }));
  expect([(await first).status, (await fetch('https://a.example/x.json')).status, asked.length]).toEqual([500, 500, 1]);
});

test('one host keeps few requests open, all hosts together not many, and slow ones free their place', async () => {
  const { fetch, refusal, asked, answer } = world();
  const open = (url: string) => {
    const running = fetch(url);
    running.catch(() => undefined); // some wait until the end of the test
    return running;
  };
  for (let index = 0; index < 4; index++) void open(`https://slow.example/${index}`);
  await eventually(() => asked.length === 4);
  await expect(fetch('https://slow.example/5')).rejects.toThrow(notNow);
  expect(await refusal('https://slow.example/5')).toEqual({ retryAfterSeconds: 3, isCommon: true });
  expect(await refusal('https://slow.example/1')).toBeUndefined(); // it is on its way already
  for (let index = 0; index < 28; index++) void open(`https://h${index}.example/`);
  await eventually(() => asked.length === 32);
  await expect(fetch('https://one-more.example/')).rejects.toThrow(notNow);
  expect(asked).toHaveLength(32);
  const last = expect(open('https://slow.example/3')).rejects.toThrow('too slow');
  await answer('https://slow.example/3', new Error('too slow'));
  await last;
  expect(await refusal('https://one-more.example/')).toBeUndefined();
});

test('one address has few documents fetched at once, and others theirs (S32)', async () => {
  const { fetch, refusal, asked } = world();
  for (let index = 0; index < 8; index++)
    void fetch(`https://h${index}.example/`, '203.0.113.1').catch(() => undefined);
  await eventually(() => asked.length === 8);
  expect(await refusal('https://other.example/', '203.0.113.1')).toEqual({ retryAfterSeconds: 3 });
  expect(await refusal('https://other.example/', '203.0.113.2')).toBeUndefined();
});

test('a host whose budget is spent is not called, while others are', async () => {
  const { fetch, refusal, asked, answer } = world({ perHost: 2 });
  for (const path of ['a', 'b']) {
    const one = fetch(`https://a.example/${path}`);
    await answer(`https://a.example/${path}`, new Response('{}'));
    await one;
  }
  await expect(fetch('https://a.example/c')).rejects.toThrow(notNow);
  expect(await refusal('https://a.example/c')).toEqual({ retryAfterSeconds: 7 });
  expect((await fetch('https://a.example/a')).status).toBe(200);
  expect(await refusal('https://b.example/c')).toBeUndefined();
  expect(asked).toHaveLength(2);
});

test('a name that nobody has costs the common budget nothing (S32)', async () => {
  const { fetch, answer, charged } = world();
  const unknown = expect(fetch('https://no.invalid/x')).rejects.toThrow('cannot be reached');
  await answer(
    'https://no.invalid/x',
    new SallyportError('outbound_unreachable', 'no.invalid cannot be reached.', {
      cause: Object.assign(new Error('not found'), { code: 'ENOTFOUND' }),
    }),
  );
  await unknown;
  expect(charged.size).toBe(0);
  const there = expect(fetch('https://there.example/x')).rejects.toThrow('cannot be reached');
  await answer(
    'https://there.example/x',
    new SallyportError('outbound_unreachable', 'there.example cannot be reached.', {
      cause: Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }),
    }),
  );
  await there;
  expect([...charged.keys()]).toEqual(['there.example']);
});

describe('an agent that is in use', () => {
  const url = 'https://hosted.example/client.json';
  const known = async ({ perHost = 1_000 } = {}) => {
    const it = world({ perHost, inUse: [url] });
    const first = it.fetch(url);
    await it.answer(url, new Response('{"known":true}'));
    expect(await (await first).json()).toEqual({ known: true });
    it.pass(30_000);
    return it;
  };

  test('is fetched from a budget and in places that nobody else can take (S32)', async () => {
    const { fetch, refusal, asked, answer } = world({ perHost: 1, inUse: [url] });
    for (let index = 0; index < 32; index++) void fetch(`https://h${index}.example/`).catch(() => undefined);
    await eventually(() => asked.length === 32);
    expect(await refusal('https://newcomer.example/')).toEqual({ retryAfterSeconds: 3, isCommon: true });
    expect(await refusal(url)).toBeUndefined();
    const document = fetch(url);
    await answer(url, new Response('{}'));
    expect((await document).status).toBe(200);
  });

  test.each<[string, () => Response | Error]>([
    ['cannot be reached', () => new Error('away')],
    ['fails', () => new Response('', { status: 503 })],
    ['takes us for a robot', () => new Response('', { status: 403 })],
    ['shows a page of its own', () => new Response('<h1>Maintenance</h1>')],
  ])('goes on with its last document while its host %s, for a day (S32)', async (_what, failure) => {
    const { fetch, answer, pass, asked } = await known();
    const document = fetch(url);
    await answer(url, failure());
    expect(await (await document).json()).toEqual({ known: true });
    expect(await (await fetch(url)).json()).toEqual({ known: true }); // the failure is remembered
    expect(asked).toHaveLength(2);
    pass(24 * 3_600_000);
    const after = fetch(url).then(
      ({ status }) => status,
      () => 'rejected',
    );
    await answer(url, failure());
    expect(await after).not.toBe(200);
  });

  test('goes on with it when its own budget is spent, without a call (S32)', async () => {
    const { fetch, refusal, asked } = await known({ perHost: 1 });
    expect(await refusal(url)).toBeUndefined();
    expect(await (await fetch(url)).json()).toEqual({ known: true });
    expect(asked).toHaveLength(1);
  });

  test.each<[string, () => Response | Error]>([
    ['its host took it away', () => new Response('', { status: 404 })],
    ['an administrator forbade its host', () => new SallyportError('outbound_refused', 'no')],
  ])('does not go on once %s', async (_what, withdrawn) => {
    const { fetch, answer, pass } = await known();
    const gone = fetch(url).then(
      ({ status }) => status,
      () => 'rejected',
    );
    await answer(url, withdrawn());
    expect([404, 'rejected']).toContain(await gone);
    pass(30_000);
    const again = fetch(url).then(
      ({ status }) => status,
      () => 'rejected',
    );
    await answer(url, new Error('away'));
    expect(await again).toBe('rejected');
  });

  test('is not what somebody else names: that serves no longer than it is fetched', async () => {
    const { fetch, answer, pass } = world();
    const first = fetch('https://stranger.example/x');
    await answer('https://stranger.example/x', new Response('{}'));
    await first;
    pass(30_000);
    const again = expect(fetch('https://stranger.example/x')).rejects.toThrow('away');
    await answer('https://stranger.example/x', new Error('away'));
    await again;
  });

  test('keeps its document however many others are read (S32)', async () => {
    const { fetch, answerAtOnce, asked } = await known({ perHost: 1 });
    answerAtOnce();
    for (let index = 0; index < 1_001; index++) await fetch(`https://h${index}.example/`);
    const before = asked.length;
    expect(await (await fetch(url)).json()).toEqual({ known: true });
    expect(asked.length).toBe(before); // its budget is spent: it is the known one
  });
});
