import { createServer, request as httpRequest } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { Body, Controller, ForbiddenException, Get, Module, Post, ServiceUnavailableException } from '@nestjs/common';
import { SallyportError } from '@sallyport/kernel';
import { createLogger } from '@sallyport/telemetry';
import { openRawConnection } from '@sallyport/testing';
import type { RawConnection } from '@sallyport/testing';
import { afterEach, expect, test } from 'vitest';
import { z } from 'zod';
import { BytesInFlight, parseRequest } from '../index.js';
import { closeNestApp, createNestApp, listenerOf, listenNestApp } from './index.js';
import type { NestAppOptions } from './index.js';

class Probe {
  ok() {
    return { ok: true };
  }
  echo(body: unknown) {
    return parseRequest(z.object({ name: z.string() }), body);
  }
  ownRow() {
    return z.object({ sealedAt: z.number() }).parse({ sealedAt: 'hunter2' });
  }
  broken() {
    throw new SallyportError('vault_key_missing', 'The vault key k1 is missing.', { detail: 'hunter2' });
  }
  later() {
    throw new ServiceUnavailableException('Come back.');
  }
  refused() {
    throw new ForbiddenException('Only administrators may do this.');
  }
}
Controller()(Probe);
const route = (method: MethodDecorator, name: keyof Probe) =>
  method(Probe.prototype, name, Object.getOwnPropertyDescriptor(Probe.prototype, name) ?? {});
route(Get('ok'), 'ok');
route(Post('echo'), 'echo');
Body()(Probe.prototype, 'echo', 0);
route(Get('broken'), 'broken');
route(Get('own-row'), 'ownRow');
route(Get('later'), 'later');
route(Get('refused'), 'refused');
class ProbeModule {}
Module({ controllers: [Probe] })(ProbeModule);

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function start(options: Partial<NestAppOptions> = {}) {
  const lines: string[] = [];
  const logger = createLogger({
    name: 'probe',
    level: 'info',
    destination: { write: (line: string) => void lines.push(line) },
  });
  const app = await createNestApp(ProbeModule, { logger, publicUrl: 'https://gateway.example', ...options });
  const url = await listenNestApp(app, { port: 0, host: '127.0.0.1' });
  closers.push(() => closeNestApp(app, 100));
  return { url, log: () => lines.join(''), listener: () => listenerOf(app) };
}

/** `fetch` does not let a caller choose Host. */
function send(
  url: string,
  path: string,
  { method = 'GET', headers = {}, body }: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<{ status: number; headers: Record<string, unknown>; body: string }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      `${url}${path}`,
      { method, headers: { host: 'gateway.example', ...headers } },
      (response) => {
        let text = '';
        response
          .setEncoding('utf8')
          .on('data', (chunk: string) => (text += chunk))
          .on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
      },
    );
    request.on('error', reject).end(body);
  });
}

test('a request for the configured host is answered with security headers', async () => {
  const { url } = await start({ headers: 'pages' });
  const answer = await send(url, '/ok');
  expect(answer).toMatchObject({ status: 200, body: '{"ok":true}' });
  expect(answer.headers).toMatchObject({
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
    'referrer-policy': 'same-origin',
    'content-security-policy': expect.stringContaining("frame-ancestors 'none'"),
    'strict-transport-security': expect.any(String),
  });
});

test.each([
  [
    'headers that are too large',
    `GET /ok HTTP/1.1\r\nhost: gateway.example\r\nx-padding: ${'x'.repeat(30_000)}\r\n\r\n`,
    431,
  ],
  ['what is no HTTP', 'HELLO\r\n\r\n', 400],
])('%s: the refusal reaches a client that goes on sending', async (_what, head, status) => {
  const { url } = await start();
  const { port, hostname } = new URL(url);
  for (let round = 0; round < 10; round++) {
    const received = await new Promise<string>((resolve) => {
      let text = '';
      const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
      socket
        .setEncoding('utf8')
        .on('data', (chunk: string) => (text += chunk))
        .on('error', () => undefined)
        .on('end', () => socket.end())
        .on('close', () => resolve(text));
      socket.pause().write(head + 'y'.repeat(60_000));
      // Answered by now; what is written to a connection that was reset fails, and nothing is read from it any more.
      setTimeout(() => socket.write('y'.repeat(60_000), () => socket.resume()), 20);
    });
    expect(received).toMatch(new RegExp(`^HTTP/1.1 ${status} .*"status":${status}`, 's'));
  }
});

/** Bytes as they are, in latin1; everything that comes back. */
const exchange = (url: string, bytes: string) =>
  new Promise<string>((resolve) => {
    let text = '';
    const socket = connect({ host: new URL(url).hostname, port: Number(new URL(url).port) });
    socket
      .setEncoding('utf8')
      .on('data', (chunk: string) => (text += chunk))
      .on('error', () => undefined)
      .on('close', () => resolve(text));
    socket.write(bytes, 'latin1');
  });

test.each([
  [
    'a request target that is not ASCII',
    'POST /token?client_id=\xe9 HTTP/1.1\r\nhost: gateway.example\r\n\r\n',
    'percent-encode what is not ASCII',
  ],
  ['what is no HTTP', 'HELLO\r\n\r\n', 'is not a request as HTTP/1.1 writes it'],
])('%s is refused in words, as a problem and as an OAuth error at once', async (_what, bytes, words) => {
  const { url } = await start();
  const [head = '', body = ''] = (await exchange(url, bytes)).split('\r\n\r\n');
  expect(head).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
  expect(head).toContain('application/problem+json');
  expect(JSON.parse(body)).toEqual({
    type: 'urn:sallyport:problem:bad-request',
    title: 'Bad Request',
    status: 400,
    detail: expect.stringContaining(words),
    error: 'invalid_request',
    error_description: expect.stringContaining(words),
  });
  expect(body).not.toContain('\xe9');
});

test('another name of a loopback address leads to ours, and only reading does (S19)', async () => {
  const { url } = await start({ publicUrl: 'http://127.0.0.1:7400' });
  const headers = { host: 'localhost:7400' };
  const led = await send(url, '/ok?a=b', { headers });
  expect([led.status, led.headers['location']]).toEqual([307, 'http://127.0.0.1:7400/ok?a=b']);
  const posted = await send(url, '/echo', { method: 'POST', headers });
  expect([posted.status, posted.body]).toEqual([403, expect.stringContaining('This is http://127.0.0.1:7400')]);
});

test('a foreign Host or Origin gets 403 and never reaches a route, an unknown path included (S19)', async () => {
  const { url, log } = await start();
  expect(await send(url, '/ok', { headers: { host: 'evil.example' } })).toMatchObject({ status: 403 });
  expect(await send(url, '/none', { headers: { host: 'evil.example' } })).toMatchObject({ status: 403 });
  expect(await send(url, '/ok', { headers: { origin: 'https://evil.example' } })).toMatchObject({ status: 403 });
  expect(log()).toContain('"reason":"foreign_origin","host":"gateway.example","origin":"https://evil.example"');
  expect((await send(url, '/ok', { headers: { host: 'evil.example' } })).body).toContain(
    'This is https://gateway.example: use that address.',
  );
});

test('a forwarded host counts only from a listed proxy (S19)', async () => {
  const behindProxy = await start({ trustedProxies: ['127.0.0.1'] });
  expect(
    await send(behindProxy.url, '/ok', { headers: { host: 'internal', 'x-forwarded-host': 'gateway.example' } }),
  ).toMatchObject({ status: 200 });
  expect(await send(behindProxy.url, '/ok', { headers: { 'x-forwarded-host': 'evil.example' } })).toMatchObject({
    status: 403,
  });
  const elsewhere = await start({ trustedProxies: ['10.0.0.1'] });
  expect(
    await send(elsewhere.url, '/ok', { headers: { host: 'internal', 'x-forwarded-host': 'gateway.example' } }),
  ).toMatchObject({ status: 403 });
  const none = await start();
  expect(
    await send(none.url, '/ok', { headers: { host: 'internal', 'x-forwarded-host': 'gateway.example' } }),
  ).toMatchObject({ status: 403 });
});

test('an allow-listed origin may read answers and gets a preflight; cookies stay out (S19)', async () => {
  const { url } = await start({ cors: { origins: ['https://inspector.example'] } });
  const preflight = await send(url, '/ok', {
    method: 'OPTIONS',
    headers: { origin: 'https://inspector.example', 'access-control-request-method': 'POST' },
  });
  expect(preflight).toMatchObject({
    status: 204,
    headers: {
      'access-control-allow-origin': 'https://inspector.example',
      'access-control-allow-headers': 'Authorization, Content-Type',
    },
  });
  const answer = await send(url, '/ok', { headers: { origin: 'https://inspector.example' } });
  expect(answer.headers).toMatchObject({ 'access-control-allow-origin': 'https://inspector.example', vary: 'Origin' });
  expect(answer.headers).not.toHaveProperty('access-control-allow-credentials');
  expect((await send(url, '/ok')).headers).not.toHaveProperty('access-control-allow-origin');
});

test('what cannot be done now says so in its own words, and when to come back (M5)', async () => {
  const { url } = await start();
  const answer = await send(url, '/later');
  expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '5', 'cache-control': 'no-store' } });
  expect(JSON.parse(answer.body)).toMatchObject({ detail: 'Come back.' });
});

test('a failure of ours is a bare 500 outside and complete in the log', async () => {
  const { url, log } = await start();
  const answer = await send(url, '/broken');
  expect(answer).toMatchObject({
    status: 500,
    body: '{"type":"urn:sallyport:problem:internal-server-error","title":"Internal Server Error","status":500}',
  });
  expect(answer.headers['content-type']).toMatch('application/problem+json');
  expect(log()).toContain('vault_key_missing');
});

test('a row of ours that its schema refuses is our failure, logged, and never the mistake of who asked', async () => {
  const { url, log } = await start();
  expect(await send(url, '/own-row')).toMatchObject({
    status: 500,
    body: '{"type":"urn:sallyport:problem:internal-server-error","title":"Internal Server Error","status":500}',
  });
  expect(log()).toContain('"request failed"');
  expect(log()).toContain('sealedAt');
});

test('a refusal carries the text chosen for it, a wrong body names its fields, an unknown path repeats nothing', async () => {
  const { url } = await start();
  expect(JSON.parse((await send(url, '/refused')).body)).toEqual({
    type: 'urn:sallyport:problem:forbidden',
    title: 'Forbidden',
    status: 403,
    detail: 'Only administrators may do this.',
  });
  const wrong = await send(url, '/echo', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"name":1}',
  });
  expect(JSON.parse(wrong.body)).toMatchObject({ status: 400, errors: [{ pointer: '/name', in: 'body' }] });
  expect((await send(url, '/none/hunter2?x=hunter2')).body).toBe(
    '{"type":"urn:sallyport:problem:not-found","title":"Not Found","status":404}',
  );
});

test('an address that cannot be decoded is refused without being repeated, with the headers of every answer', async () => {
  const { url } = await start();
  expect(await send(url, '/hunter2%zz')).toMatchObject({
    status: 400,
    body: '{"type":"urn:sallyport:problem:bad-request","title":"Bad Request","status":400}',
    headers: { 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' },
  });
});

const postTo = (url: string, type: string, body: string) =>
  send(url, '/echo', { method: 'POST', headers: { 'content-type': type }, body });

test.each([
  ['application/json', (length: number) => JSON.stringify({ name: 'x'.repeat(length - 11) })],
  ['application/x-www-form-urlencoded', (length: number) => `name=${'x'.repeat(length - 5)}`],
])('a body of %s may have 16 KiB, announced or not (S33)', async (type, bodyOf) => {
  const { url } = await start();
  expect(await postTo(url, type, bodyOf(16_384))).toMatchObject({ status: 201 });
  expect(await postTo(url, type, bodyOf(16_385))).toMatchObject({
    status: 413,
    headers: { connection: 'close' },
    body: expect.stringContaining('larger than this endpoint accepts'),
  });
  const inChunks = await new Promise<number | undefined>((resolve, reject) => {
    const request = httpRequest(
      `${url}/echo`,
      { method: 'POST', headers: { host: 'gateway.example', 'content-type': type, 'transfer-encoding': 'chunked' } },
      (response) => resolve(response.resume().statusCode),
    );
    request.on('error', reject).end(bodyOf(16_385));
  });
  expect(inChunks).toBe(413);
});

test('a body that is no JSON or of another type is refused', async () => {
  const { url } = await start();
  expect(await postTo(url, 'application/json', '{"name":')).toMatchObject({ status: 400 });
  expect(await postTo(url, 'application/json', '{"name":"x","__proto__":{}}')).toMatchObject({ status: 400 });
  expect(await postTo(url, 'application/x-www-form-urlencoded', 'name=x&__proto__=y')).toMatchObject({ status: 400 });
  expect(await postTo(url, 'text/plain', 'x')).toMatchObject({ status: 415 });
});

test('bodies that stall hold no more than their room, are refused beyond it, and give it back; another address gets in (S33)', async () => {
  const { url, listener } = await start({
    maxBytesInFlight: 64 * 1024,
    limits: { checkEveryMs: 50, rateWindowMs: 3_000 },
  });
  const stall = async (path: string) => {
    const connection = await openRawConnection(url, '127.0.0.2');
    connection.write(
      `POST ${path} HTTP/1.1\r\nhost: gateway.example\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 8192\r\n\r\nname=`,
    );
    return connection;
  };
  const stalled: RawConnection[] = [];
  for (let i = 0; i < 6; i++) stalled.push(await stall(i % 2 === 0 ? '/echo' : '/none'));
  const answers = Promise.all(stalled.map(({ closed }) => closed));
  await expect
    .poll(
      () => stalled.filter((connection) => connection.received() !== '').map((connection) => connection.received()),
      { timeout: 2_500 },
    )
    .toEqual([expect.stringMatching(/^HTTP\/1\.1 503 .*retry-after: 5/is), expect.stringMatching(/^HTTP\/1\.1 503 /)]);
  expect(listener().bytes.held).toBe(4 * 8_192);
  expect(listener().watch.worries()).toEqual(['requests are refused: the room for bytes in flight is used up']);
  expect(await postTo(url, 'application/x-www-form-urlencoded', `name=${'x'.repeat(16_000)}`)).toMatchObject({
    status: 201,
  });
  expect((await answers).map((text) => text.slice(9, 12)).toSorted()).toEqual([
    '408',
    '408',
    '408',
    '408',
    '503',
    '503',
  ]);
  await expect.poll(() => listener().bytes.held).toBe(0);
});

test('a route whose caller is known has rules of its own (S33)', async () => {
  const bytes = new BytesInFlight({ total: 100_000 });
  const { url } = await start({
    bodies: ({ routeOptions }) =>
      routeOptions.url === '/echo' ? { maxBytes: 40_000, owner: 'known', bytes } : undefined,
  });
  expect(await postTo(url, 'application/json', JSON.stringify({ name: 'x'.repeat(30_000) }))).toMatchObject({
    status: 201,
  });
  const others = bytes.open('others');
  others.take(60_000);
  expect(await postTo(url, 'application/json', JSON.stringify({ name: 'x'.repeat(39_000) }))).toMatchObject({
    status: 201,
  });
  bytes.open('known').take(20_000);
  expect(await postTo(url, 'application/json', JSON.stringify({ name: 'x'.repeat(30_000) }))).toMatchObject({
    status: 503,
    headers: { 'retry-after': '5' },
  });
});

test('a taken port is one clear line', async () => {
  const blocker = createServer();
  await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve));
  const { port } = blocker.address() as AddressInfo;
  const app = await createNestApp(ProbeModule, {
    logger: createLogger({ name: 'probe', level: 'silent' }),
    publicUrl: 'https://gateway.example',
  });
  await expect(listenNestApp(app, { port, host: '127.0.0.1' })).rejects.toMatchObject({
    code: 'port_taken',
    message: expect.stringContaining(`Port ${port} on 127.0.0.1 is taken`),
  });
  await app.close();
  await new Promise((resolve) => blocker.close(resolve));
});
