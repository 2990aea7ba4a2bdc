import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { LookupAddress } from 'node:dns';
import { gzipSync } from 'node:zlib';
import { Pool } from 'undici';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createSafeFetch, guardedConnect } from './index.js';

let server: Server;
let port: number;
let served: string[];
let handle: RequestListener;

beforeEach(async () => {
  served = [];
  handle = (_request, response) => response.end('hello');
  server = createServer((request, response) => {
    served.push(`${request.method} ${request.url} ${request.headers['user-agent'] ?? ''}`);
    handle(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const answering = (...rounds: string[][]) => {
  let round = 0;
  return (_name: string, done: (error: Error | null, addresses: LookupAddress[]) => void) => {
    const addresses = rounds[Math.min(round++, rounds.length - 1)] ?? [];
    done(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  };
};
const code = (value: string) => expect.objectContaining({ code: value });
const allowed = () =>
  createSafeFetch({
    allow: [{ host: '127.0.0.1', ports: [port], http: true }],
    userAgent: 'sallyport',
    timeoutMs: 300,
    maxResponseBytes: 1_000,
  });

test('an allowed private host is called, with our name and the whole answer', async () => {
  handle = (request, response) => {
    let body = '';
    request
      .on('data', (chunk: Buffer) => (body += chunk))
      .on('end', () => response.setHeader('x-sent', body).end('done'));
  };
  const answer = await allowed()(`http://127.0.0.1:${port}/token?x=1`, {
    method: 'POST',
    body: new URLSearchParams({ a: 'b' }),
  });
  expect([answer.status, await answer.text(), answer.headers.get('x-sent'), answer.url]).toEqual([
    200,
    'done',
    'a=b',
    `http://127.0.0.1:${port}/token?x=1`,
  ]);
  expect(served).toEqual(['POST /token?x=1 sallyport']);
});

test('a host nobody allowed is not even connected to', async () => {
  const closed = createSafeFetch({ allow: [], userAgent: 'sallyport' });
  await expect(closed(`http://127.0.0.1:${port}/`)).rejects.toThrow(code('outbound_refused'));
  await expect(closed(`https://127.0.0.1:${port}/`)).rejects.toThrow(code('outbound_refused'));
  expect(served).toEqual([]);
});

test('a public name that resolves to a private address is refused, also when only one of its addresses is private', async () => {
  for (const addresses of [['127.0.0.1'], ['8.8.8.8', '127.0.0.1'], ['::ffff:127.0.0.1'], ['169.254.169.254']]) {
    const fetch = createSafeFetch({ allow: [], userAgent: 'sallyport', resolve: answering(addresses) });
    await expect(fetch(`https://rebind.example:${port}/`)).rejects.toThrow(code('outbound_refused'));
  }
  expect(served).toEqual([]);
});

test('the address that was checked is the one connected to: a name is resolved once per connection', async () => {
  let asked = 0;
  const resolve = answering(['127.0.0.1'], ['10.0.0.1']);
  const fetch = createSafeFetch({
    allow: [{ host: 'notes.internal', ports: [port], http: true }],
    userAgent: 'sallyport',
    resolve: (name, done) => {
      asked++;
      resolve(name, done);
    },
  });
  expect(await (await fetch(`http://notes.internal:${port}/`)).text()).toBe('hello');
  expect(asked).toBe(1);
});

test('a change of the allow-list takes effect at the next call', async () => {
  let allow = [{ host: '127.0.0.1', http: true }];
  const fetch = createSafeFetch({ allow: () => allow, userAgent: 'sallyport' });
  expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200);
  allow = [];
  await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow(code('outbound_refused'));
});

test('a redirect is never followed', async () => {
  handle = (_request, response) => response.writeHead(302, { location: '/elsewhere' }).end();
  await expect(allowed()(`http://127.0.0.1:${port}/`)).rejects.toThrow(code('outbound_redirected'));
  const answer = await allowed()(`http://127.0.0.1:${port}/`, { redirect: 'manual' });
  expect([answer.status, answer.headers.get('location')]).toEqual([302, '/elsewhere']);
  expect(served).toHaveLength(2);
});

test('a compressed answer is read, though none was asked for', async () => {
  handle = (request, response) =>
    response
      .setHeader('content-encoding', 'gzip')
      .end(gzipSync(JSON.stringify({ asked: request.headers['accept-encoding'] })));
  const answer = await allowed()(`http://127.0.0.1:${port}/`);
  expect([await answer.json(), answer.headers.get('content-encoding')]).toEqual([{ asked: 'identity' }, null]);
});

test('an answer that is too large, however little it was made of, in an unknown coding or too slow is refused', async () => {
  handle = (_request, response) => response.end('x'.repeat(1_001));
  await expect(allowed()(`http://127.0.0.1:${port}/`)).rejects.toThrow(code('outbound_too_large'));
  handle = (_request, response) => response.setHeader('content-encoding', 'gzip').end(gzipSync('x'.repeat(1_000_000)));
  await expect(allowed()(`http://127.0.0.1:${port}/`)).rejects.toThrow(code('outbound_too_large'));
  handle = (_request, response) => response.setHeader('content-encoding', 'zstd').end('x');
  await expect(allowed()(`http://127.0.0.1:${port}/`)).rejects.toThrow(code('outbound_encoded'));
  handle = (_request, response) => void response.write('a');
  await expect(allowed()(`http://127.0.0.1:${port}/`)).rejects.toThrow(code('outbound_timeout'));
});

test('an unreachable host and a broken exchange are told apart, because only the second may have had an effect', async () => {
  handle = (request) => void request.socket.destroy();
  await expect(allowed()(`http://127.0.0.1:${port}/`, { method: 'POST', body: 'x' })).rejects.toThrow(
    code('outbound_interrupted'),
  );
  const nobody = createSafeFetch({ allow: [{ host: '127.0.0.1', http: true }], userAgent: 'sallyport' });
  await expect(nobody('http://127.0.0.1:1/')).rejects.toThrow(code('outbound_unreachable'));
});

test("the gateway's own pools use the same guard", async () => {
  const open = new Pool(`http://127.0.0.1:${port}`, {
    connect: guardedConnect({ allow: [{ host: '127.0.0.1', http: true }] }),
  });
  expect((await open.request({ path: '/', method: 'GET' })).statusCode).toBe(200);
  const closed = new Pool(`http://127.0.0.1:${port}`, { connect: guardedConnect({ allow: [] }) });
  await expect(closed.request({ path: '/', method: 'GET' })).rejects.toThrow(code('outbound_refused'));
  await Promise.all([open.destroy(), closed.destroy()]);
});

test('what would be refused is known without a call, by its address and by what its name resolves to (B21)', async () => {
  const { refuse } = createSafeFetch({
    allow: [{ host: 'inside.example' }],
    userAgent: 'sallyport',
    resolve: answering(['93.184.216.34', '10.0.0.1']),
  });
  for (const url of [
    'https://mixed.example/token',
    'http://93.184.216.34/token',
    'https://127.0.0.1/token',
    'https://user@as.example/',
  ])
    await expect(refuse(url)).rejects.toThrow(code('outbound_refused'));
  await refuse('https://inside.example/token');
  await createSafeFetch({
    allow: [],
    userAgent: 'sallyport',
    resolve: (_name, done) => done(new Error('no such name'), []),
  }).refuse('https://away.example/token');
  expect(served).toEqual([]);
});
