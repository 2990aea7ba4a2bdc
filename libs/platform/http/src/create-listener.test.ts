import { request as httpRequest } from 'node:http';
import { SallyportError } from '@sallyport/kernel';
import { createLogger } from '@sallyport/telemetry';
import { afterEach, expect, test } from 'vitest';
import { answerProblems, closeListener, createListener, listen } from './index.js';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A listener as the gateway has it: without Nest. */
async function start() {
  const lines: string[] = [];
  const logger = createLogger({
    name: 'probe',
    level: 'info',
    destination: { write: (line) => void lines.push(line) },
  });
  const listener = createListener({ logger, publicUrl: 'https://gateway.example' });
  answerProblems(listener.fastify, { logger });
  listener.fastify.get('/ok', (_request, reply) => void reply.send({ ok: true }));
  listener.fastify.post('/echo', (request, reply) => void reply.send(request.body));
  listener.fastify.get('/named/:name', (request, reply) => void reply.send(request.params));
  listener.fastify.get('/broken', async () => {
    await Promise.resolve();
    throw new SallyportError('vault_key_missing', 'The vault key k1 is missing.', { detail: 'hunter2' });
  });
  const url = await listen(listener.fastify, { port: 0, host: '127.0.0.1' });
  closers.push(() => closeListener(listener.fastify, { graceMs: 100 }));
  return { url, listener, log: () => lines.join('') };
}

/** `fetch` does not let a caller choose Host. */
const send = (url: string, path: string, { headers = {}, body }: { headers?: object; body?: string } = {}) =>
  new Promise<{ status: number; headers: Record<string, unknown>; body: string }>((resolve, reject) => {
    const method = body === undefined ? 'GET' : 'POST';
    const request = httpRequest(
      `${url}${path}`,
      { method, headers: { host: 'gateway.example', ...headers } },
      (answer) => {
        let text = '';
        answer
          .setEncoding('utf8')
          .on('data', (chunk: string) => (text += chunk))
          .on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text }));
      },
    );
    request.on('error', reject).end(body);
  });

test('a listener without Nest guards its host, and its answers have the security headers (S19)', async () => {
  const { url, log } = await start();
  expect(await send(url, '/ok')).toMatchObject({
    status: 200,
    body: '{"ok":true}',
    headers: { 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' },
  });
  expect(await send(url, '/ok', { headers: { host: 'evil.example' } })).toMatchObject({ status: 403 });
  expect(await send(url, '/none', { headers: { host: 'evil.example' } })).toMatchObject({ status: 403 });
  expect(log()).toContain('"host":"evil.example"');
});

test('a listener without Nest answers what breaks and what is unknown with problems that repeat nothing', async () => {
  const { url, log } = await start();
  const problem = (status: number, title: string, type: string) => ({
    status,
    body: JSON.stringify({ type: `urn:sallyport:problem:${type}`, title, status }),
    headers: { 'content-type': 'application/problem+json; charset=utf-8', 'x-content-type-options': 'nosniff' },
  });
  expect(await send(url, '/broken')).toMatchObject(problem(500, 'Internal Server Error', 'internal-server-error'));
  expect(log()).toContain('vault_key_missing');
  expect(await send(url, '/none/hunter2?x=hunter2')).toMatchObject(problem(404, 'Not Found', 'not-found'));
  expect(await send(url, '/hunter2%zz')).toMatchObject(problem(400, 'Bad Request', 'bad-request'));
  expect((await send(url, '/hunter2%zz')).headers['content-type']).toContain('application/problem+json');
});

test('a parameter in the path may be as long as its route takes', async () => {
  const { url } = await start();
  const name = 'n'.repeat(16_000);
  expect(await send(url, `/named/${name}`)).toMatchObject({ status: 200, body: JSON.stringify({ name }) });
});

test('a listener without Nest bounds its bodies (S33)', async () => {
  const { url, listener } = await start();
  const headers = { 'content-type': 'application/json' };
  expect(await send(url, '/echo', { headers, body: '{"a":1}' })).toMatchObject({ status: 200, body: '{"a":1}' });
  expect(await send(url, '/echo', { headers, body: `"${'x'.repeat(16_384)}"` })).toMatchObject({
    status: 413,
    headers: { connection: 'close' },
    body: expect.stringContaining('larger than this endpoint accepts'),
  });
  expect(listener.bytes.held).toBe(0);
});

test('JSON that nests too deep is the caller’s mistake, and no walk of ours over it (S10)', async () => {
  const { url } = await start();
  const nested = (levels: number) => '{"a":'.repeat(levels) + '1' + '}'.repeat(levels);
  const echo = (body: string) => send(url, '/echo', { headers: { 'content-type': 'application/json' }, body });
  expect(await echo(nested(100))).toMatchObject({ status: 200, body: nested(100) });
  for (const levels of [101, 2_500]) {
    const refused = await echo(nested(levels));
    expect([refused.status, refused.body.includes('deeper than 100 levels')]).toEqual([400, true]);
  }
});
