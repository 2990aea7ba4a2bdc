import { expect, test } from 'vitest';
import { DocumentFetch } from './document-fetch.js';

/** A network in which every answer waits until it is given, and a clock that stands still until it is told. */
function world({ perHost = 1_000 } = {}) {
  let now = 1_000_000;
  const asked: string[] = [];
  const waiting = new Map<string, { resolve: (response: Response) => void; reject: (error: Error) => void }>();
  const charged = new Map<string, number>();
  const documents = new DocumentFetch({
    fetch: (input) => {
      const url = input instanceof Request ? input.url : input.toString();
      asked.push(url);
      return new Promise((resolve, reject) => waiting.set(url, { resolve, reject }));
    },
    limits: {
      documentSpent: (host) => ((charged.get(host) ?? 0) >= perHost ? { retryAfterSeconds: 7 } : undefined),
      chargeDocument: (host) => void charged.set(host, (charged.get(host) ?? 0) + 1),
    },
    clock: () => now,
  });
  return { documents, asked, waiting, pass: (ms: number) => (now += ms) };
}
const notNow = expect.objectContaining({ code: 'document_not_now' });

test('many who ask for the same document make one request, and each reads the whole answer', async () => {
  const { documents, asked, waiting } = world();
  const all = Array.from({ length: 20 }, () => documents.fetch('https://a.example/x.json'));
  waiting.get('https://a.example/x.json')?.resolve(new Response('{"a":1}', { headers: { 'content-type': 'application/json', 'cache-control': 'max-age=60' } }));
  const answers = await Promise.all(all);
  expect(await Promise.all(answers.map((answer) => answer.json()))).toEqual(Array.from({ length: 20 }, () => ({ a: 1 })));
  expect(answers[7]?.headers.get('cache-control')).toBe('max-age=60');
  expect(asked).toHaveLength(1);
});

test('a failure is remembered for half a minute: whoever asks meanwhile is told at once, and nobody is called', async () => {
  const { documents, asked, waiting, pass } = world();
  const first = documents.fetch('https://a.example/x.json');
  waiting.get('https://a.example/x.json')?.reject(new Error('no such host'));
  await expect(first).rejects.toThrow('no such host');
  pass(29_999);
  await expect(documents.fetch('https://a.example/x.json')).rejects.toThrow('no such host');
  expect(asked).toHaveLength(1);
  pass(1);
  const again = documents.fetch('https://a.example/x.json');
  waiting.get('https://a.example/x.json')?.resolve(new Response('{}'));
  expect((await again).status).toBe(200);
  expect(asked).toHaveLength(2);
});

test('an answer that is an error is remembered as well, without its body', async () => {
  const { documents, asked, waiting } = world();
  const first = documents.fetch('https://a.example/x.json');
  waiting.get('https://a.example/x.json')?.resolve(new Response('x'.repeat(60_000), { status: 500 }));
  expect([(await first).status, (await documents.fetch('https://a.example/x.json')).status, asked.length]).toEqual([500, 500, 1]);
});

test('one host keeps few requests open, all hosts together not many, and slow ones free their place', async () => {
  const { documents, asked, waiting } = world();
  const open = (url: string) => {
    const running = documents.fetch(url);
    running.catch(() => undefined); // some wait until the end of the test
    return running;
  };
  for (let index = 0; index < 4; index++) void open(`https://slow.example/${index}`);
  await expect(documents.fetch('https://slow.example/5')).rejects.toThrow(notNow);
  expect(documents.refusal('https://slow.example/5')).toEqual({ retryAfterSeconds: 3 });
  expect(documents.refusal('https://slow.example/1')).toBeUndefined(); // it is on its way already
  for (let index = 0; index < 28; index++) void open(`https://h${index}.example/`);
  await expect(documents.fetch('https://one-more.example/')).rejects.toThrow(notNow);
  expect(asked).toHaveLength(32);
  const last = open('https://slow.example/3');
  waiting.get('https://slow.example/3')?.reject(new Error('too slow'));
  await expect(last).rejects.toThrow('too slow');
  expect(documents.refusal('https://one-more.example/')).toBeUndefined();
});

test('a host whose budget is spent is not called, while others are', async () => {
  const { documents, asked, waiting } = world({ perHost: 2 });
  for (const path of ['a', 'b']) {
    const one = documents.fetch(`https://a.example/${path}`);
    waiting.get(`https://a.example/${path}`)?.resolve(new Response('{}'));
    await one;
  }
  await expect(documents.fetch('https://a.example/c')).rejects.toThrow(notNow);
  expect(documents.refusal('https://a.example/c')).toEqual({ retryAfterSeconds: 7 });
  expect((await documents.fetch('https://a.example/a')).status).toBe(200);
  expect(documents.refusal('https://b.example/c')).toBeUndefined();
  expect(asked).toHaveLength(2);
});
