import { request as httpRequest } from 'node:http';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createLogger, createMetrics } from '@sallyport/telemetry';
import { openRawConnection } from '@sallyport/testing';
import type { RawConnection } from '@sallyport/testing';
import { afterEach, describe, expect, test } from 'vitest';
import { FairTurns } from './fair-turns.js';
import { arrivalOf, createLimitedServer } from './limited-server.js';
import type { RequestOrder } from './limited-server.js';
import type { ListenerLimits } from './listener-limits.js';
import { ListenerWatch } from './listener-watch.js';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

const echo: RequestListener = (request, response) => {
  let size = 0;
  request.on('data', (chunk: Buffer) => (size += chunk.length)).on('end', () => response.end(String(size)));
};
/** A second of the product is a tenth of one here. */
const quick = {
  checkEveryMs: 50,
  rateWindowMs: 500,
  headersTimeoutMs: 500,
  requestTimeoutMs: 3_000,
  slowReaderMs: 500,
};

async function start(limits: Partial<ListenerLimits> = {}, listener: RequestListener = echo, order?: RequestOrder) {
  const metrics = createMetrics();
  const clock = { now: 0 };
  const watch = new ListenerWatch({
    name: 'test',
    logger: createLogger({ name: 'test', level: 'silent' }),
    metrics,
    clock: () => clock.now,
  });
  const server = createLimitedServer(listener, { ...quick, ...limits }, watch, { order });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const turnedAway = async () =>
    Object.fromEntries(
      [...(await metrics.exposition()).matchAll(/turned_away_total\{.*reason="([^"]+)".*\} (\d+)/g)].map(
        ([, why, count]) => [why, Number(count)],
      ),
    );
  return { url, watch, clock, turnedAway };
}
const get = 'GET / HTTP/1.1\r\nhost: x\r\n\r\n';
const post = (length: number) => `POST / HTTP/1.1\r\nhost: x\r\ncontent-length: ${length}\r\n\r\n`;
const status = (text: string) => /^HTTP\/1\.1 (\d+)/.exec(text)?.[1];

async function letIn(url: string, from: string) {
  const connection = await openRawConnection(url, from);
  connection.write(get);
  return { connection, answer: await Promise.race([connection.until(/\r\n0$|"status":\d+\}$/), connection.closed]) };
}

describe('connections', () => {
  test('of one address are as many as are free, so that others get in; each is told (S33)', async () => {
    const { url, watch, clock, turnedAway } = await start({ maxConnections: 9, headersTimeoutMs: 3_000 });
    const open = async (from: string) => {
      const opened = [];
      for (let next = await letIn(url, from); ; next = await letIn(url, from)) {
        if (status(next.answer) !== '200') return { count: opened.length, told: next.answer };
        opened.push(next.connection);
      }
    };
    const first = await open('127.0.0.2');
    expect([first.count, first.told]).toEqual([
      5,
      expect.stringMatching(/^HTTP\/1\.1 429 .*retry-after: 5.*"status":429/s),
    ]);
    expect((await open('127.0.0.3')).count).toBe(2);
    expect(watch.worries()).toEqual([]);
    expect((await open('127.0.0.4')).count).toBe(1);
    expect((await open('127.0.0.5')).count).toBe(1);
    expect((await open('127.0.0.6')).told).toMatch(/^HTTP\/1\.1 503 .*retry-after: 5/s);
    expect(watch.worries()).toEqual(['connections are refused: too many are open']);
    expect(await turnedAway()).toMatchObject({ 'connections-of-one-address': 3, connections: expect.any(Number) });
    clock.now = 20_000;
    watch.sweep();
    expect(watch.worries()).toEqual([]);
  });
  test("of a listed proxy are other people's: they share what there is", async () => {
    const { url } = await start({ maxConnections: 6, trustedProxies: ['127.0.0.0/8'], headersTimeoutMs: 3_000 });
    const answers = [];
    for (let i = 0; i < 7; i++) answers.push(status((await letIn(url, '127.0.0.2')).answer));
    expect(answers).toEqual(['200', '200', '200', '200', '200', '200', '503']);
  });
  test('that end make room (S33)', async () => {
    const { url } = await start({ maxConnections: 2 });
    const comeAndGo = async () => {
      const { connection, answer } = await letIn(url, '127.0.0.2');
      connection.destroy();
      await connection.closed;
      return status(answer);
    };
    for (let i = 0; i < 5; i++) await expect.poll(comeAndGo).toBe('200');
  });
});

describe('a request', () => {
  test('whose head does not come is answered 408 (S33)', async () => {
    const { url, turnedAway } = await start({ requestTimeoutMs: 60_000 });
    const connection = await openRawConnection(url);
    connection.write('GET / HTTP/1.1\r\nhost: x\r\n');
    expect(status(await connection.closed)).toBe('408');
    expect(await turnedAway()).toEqual({ 'slow-request': 1 });
  });
  test('with too large or too many headers is answered 431; as many as are allowed pass (S33)', async () => {
    const { url } = await start();
    const outcome = async (headers: string) => {
      const connection = await openRawConnection(url);
      connection.write(`GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${headers}\r\n`);
      return status(await connection.closed);
    };
    const many = (count: number) => Array.from({ length: count }, (_, n) => `x-${n}: 1\r\n`).join('');
    expect(await outcome(many(98))).toBe('200');
    expect(await outcome(many(99))).toBe('431');
    expect(await outcome(many(500))).toBe('431');
    expect(await outcome(`x: ${'x'.repeat(15_000)}\r\n`)).toBe('200');
    expect(await outcome(`x: ${'x'.repeat(17_000)}\r\n`)).toBe('431');
  });
  test.each([
    ['stalls', 0],
    ['trickles', 1],
  ])(
    'whose body %s is answered 408 before anything else happens, however much came before (S33)',
    async (_how, perTick) => {
      let reached = 0;
      const { url, turnedAway } = await start({ requestTimeoutMs: 60_000 }, (request, response) => {
        request
          .resume()
          .on('error', () => undefined)
          .on('end', () => {
            reached += 1;
            response.end();
          });
      });
      const connection = await openRawConnection(url);
      connection.write(post(2_000_000));
      connection.write('x'.repeat(1_000_000));
      const trickle = setInterval(() => connection.write('x'.repeat(perTick)), 20);
      const answer = await connection.closed;
      clearInterval(trickle);
      expect(answer).toMatch(/^HTTP\/1\.1 408 .*connection: close.*"status":408/s);
      expect([reached, await turnedAway()]).toEqual([0, { 'slow-request': 1 }]);
    },
  );
  test('that is slow but honest is answered, also where it takes far longer than one window (S33)', async () => {
    const { url } = await start({ requestTimeoutMs: 60_000 });
    const connection = await openRawConnection(url);
    connection.write(`POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 5000\r\n\r\n`);
    const sent = { bytes: 0 };
    const slowly = setInterval(() => {
      connection.write('x'.repeat(100));
      sent.bytes += 100;
      if (sent.bytes === 5_000) clearInterval(slowly);
    }, 40); // 2.5 kB/s
    expect(await connection.closed).toMatch(/^HTTP\/1\.1 200 .*5000/s);
  });
  test('that keeps the least rate is still over at its time (S33)', async () => {
    const { url } = await start({ requestTimeoutMs: 1_500, leastBytesPerSecond: 10 });
    const connection = await openRawConnection(url);
    connection.write(post(1_000_000));
    const steady = setInterval(() => connection.write('x'.repeat(100)), 20);
    expect(status(await connection.closed)).toBe('408');
    clearInterval(steady);
  });
  test('is not blamed for what we did not read yet', async () => {
    const { url } = await start({ requestTimeoutMs: 60_000 }, (request, response) => {
      setTimeout(() => echo(request, response), 2_000);
    });
    const answer = await new Promise<string>((resolve, reject) => {
      httpRequest(url, { method: 'POST' }, (response: IncomingMessage) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString())).on('end', () => resolve(text));
      })
        .on('error', reject)
        .end(Buffer.alloc(8_000_000));
    });
    expect(answer).toBe('8000000');
  });
  test('that waits behind many on one connection is refused, and the connection ends (S33)', async () => {
    const waiting: ServerResponse[] = [];
    const { url, turnedAway } = await start({ maxPipelined: 4 }, (_request, response) => void waiting.push(response));
    const connection = await openRawConnection(url);
    connection.write(get.repeat(6));
    await expect.poll(async () => (await turnedAway())['pipelined-requests']).toBeGreaterThan(0);
    expect(waiting).toHaveLength(4);
    for (const response of waiting) response.end('ok');
    expect((await connection.closed).match(/HTTP\/1\.1 \d+/g)).toEqual([
      ...Array.from({ length: 4 }, () => 'HTTP/1.1 200'),
      'HTTP/1.1 429',
    ]);
  });
});

describe('an answer', () => {
  test('may last longer than all times a request has', async () => {
    const { url } = await start({ requestTimeoutMs: 1_000 }, (_request, response) => {
      response.write('one');
      setTimeout(() => response.end('two'), 2_500);
    });
    const connection = await openRawConnection(url);
    connection.write(get);
    expect(await connection.until(/two/)).toMatch(/one/);
    connection.destroy();
  });
  test('that nobody takes ends, and what was to be sent with it (S33)', async () => {
    const closed = { count: 0 };
    const { url, turnedAway } = await start({}, (_request, response) => {
      response.on('close', () => (closed.count += 1)).end(Buffer.alloc(50_000_000));
    });
    const connection = await openRawConnection(url);
    connection.stopReading();
    connection.write(get);
    await expect.poll(() => closed.count, { timeout: 10_000 }).toBe(1);
    expect(await turnedAway()).toEqual({ 'slow-reader': 1 });
    connection.destroy();
  });
});

test('requests beyond what a turn has time for begin in their turn, with their wait; whoever has gone by then costs nothing (S34)', async () => {
  const begun: { readonly path: string; readonly waited: number }[] = [];
  let next: (() => void) | undefined;
  let time = 0;
  const turns = new FairTurns({ now: () => (time += 5), nextTurn: (work) => (next = work) });
  const { url } = await start(
    {},
    (request, response) => {
      begun.push({ path: request.url ?? '', waited: performance.now() - arrivalOf(request) });
      response.end();
    },
    { turns, placeOf: ({ url: line = '' }) => ({ line, urgency: 'prompt' }) },
  );
  const connections: RawConnection[] = [];
  for (const path of ['/1', '/2', '/3']) {
    const connection = await openRawConnection(url);
    connection.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`);
    connections.push(connection);
    await expect.poll(() => begun.length + turns.waiting).toBe(connections.length);
  }
  expect(begun.map(({ path }) => path)).toEqual(['/1']);
  connections[1]?.destroy();
  await new Promise((resolve) => setTimeout(resolve, 50));
  next?.();
  await expect.poll(() => begun.map(({ path }) => path)).toEqual(['/1', '/3']);
  expect(begun[0]?.waited).toBeLessThan(5);
  expect(begun[1]?.waited).toBeGreaterThanOrEqual(50);
});

test('requests that a listed proxy passes on wait in the line of whom it speaks for; nobody else may say whose they are (S32)', async () => {
  const seen: string[] = [];
  const order: RequestOrder = {
    turns: new FairTurns(),
    placeOf: (_request, line) => (seen.push(line), { line, urgency: 'unknown' }),
  };
  const lineOf = async (url: string, headers: Record<string, string>) => {
    await (await fetch(url, { headers })).arrayBuffer();
    return seen.at(-1);
  };
  const proxied = await start({ trustedProxies: ['127.0.0.0/8', '10.0.0.0/8'] }, echo, order);
  const forwarded = (named: string) => lineOf(proxied.url, { 'x-forwarded-for': named });
  expect(await forwarded('203.0.113.7')).toBe('203.0.113.7');
  expect(await forwarded('198.51.100.1, 203.0.113.7, 10.1.2.3')).toBe('203.0.113.7');
  expect(await forwarded('2001:db8::1')).toBe('2001:db8:0:0::/64');
  for (const nobody of ['', '10.1.2.3', '203.0.113.7, unknown', '203.0.113.7:80'])
    expect(await forwarded(nobody)).toBe('proxy');
  expect(await lineOf((await start({}, echo, order)).url, { 'x-forwarded-for': '203.0.113.7' })).toBe('127.0.0.1');
});

test('a full worker drops a connection: its supervisor would offer the connection to all workers without end (S33)', async () => {
  await start({ maxConnections: 1 });
  expect(servers.at(-1)).toMatchObject({ dropMaxConnection: true });
});
