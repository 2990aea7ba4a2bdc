import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Agent } from 'undici';
import { afterEach, describe, expect, test } from 'vitest';
import { createRelay, reasonOf, wholeMessage } from './index.js';
import type { RelayAnswer, RelayRequest } from './index.js';

const failure = (code: string) => Object.assign(new Error('text that does not matter'), { code });

test.each([
  ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'certificate-refused'],
  ['ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED', 'certificate-refused'],
  ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'certificate-refused'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'interrupted'],
  ['CERT_HAS_EXPIRED', 'server-untrusted'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'server-untrusted'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'server-untrusted'],
])('a handshake that ends with %s is told apart from a broken connection: %s (R73)', (code, reason) => {
  expect(reasonOf(failure(code))).toBe(reason);
});

test('a relay that cannot show a client certificate makes no request without it', async () => {
  const relay = createRelay({ userAgent: 'test', dispatcher: new Agent() });
  const credential = { headers: {}, clientCertificate: { fingerprint: 'f', certificate: 'c', privateKey: 'k' } };
  expect(
    await relay.post({
      url: new URL('http://127.0.0.1:1/mcp'),
      credential,
      headers: {},
      body: '{}',
      idleTimeoutMs: 1_000,
      signal: new AbortController().signal,
    }),
  ).toEqual({ type: 'failed', reason: 'interrupted' }); // `unreachable`, had it tried
});

describe('what is gathered of an answer', () => {
  let server: Server | undefined;
  afterEach(() => server?.close().closeAllConnections());

  async function ask(
    answer: (response: ServerResponse) => void,
    { limit = Infinity, ...options }: Partial<RelayRequest> & { limit?: number } = {},
  ) {
    server = createServer((_request, response) => answer(response));
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`);
    const held = { now: 0, most: 0 };
    const room = {
      take: (bytes: number) => {
        if (held.now + bytes > limit) return false;
        held.now += bytes;
        held.most = Math.max(held.most, held.now);
        return true;
      },
      give: (bytes: number) => void (held.now -= bytes),
    };
    const relay = createRelay({ userAgent: 'test', dispatcher: new Agent() });
    const abort = new AbortController();
    const outcome = await relay.post({
      url,
      credential: { headers: {} },
      headers: {},
      body: '{}',
      idleTimeoutMs: 5_000,
      signal: abort.signal,
      room,
      ...options,
    });
    return { outcome, held, abort };
  }
  const json = (response: ServerResponse) => response.writeHead(200, { 'content-type': 'application/json' });
  const message = (length: number) => JSON.stringify({ jsonrpc: '2.0', id: 7, result: { text: 'x'.repeat(length) } });
  const event = (length: number) => `data: ${message(length)}\n\n`;
  async function messagesIn(outcome: RelayAnswer): Promise<number> {
    let count = 0;
    if (outcome.type === 'stream')
      for await (const { value } of outcome.messages) count += value['jsonrpc'] === '2.0' ? 1 : 0;
    return count;
  }

  test('counts while it is read, and is given back (S33)', async () => {
    const { outcome, held } = await ask((response) => void json(response).end(message(500_000)));
    expect([outcome.type, held.now]).toEqual(['message', 0]);
    expect(held.most).toBeGreaterThan(500_000);
  });
  test('is not read on where there is no room for it (S33)', async () => {
    const { outcome, held } = await ask((response) => void json(response).end(message(5_000_000)), {
      limit: 1_000_000,
    });
    expect([outcome, held.now]).toEqual([{ type: 'failed', reason: 'no-room', status: 200 }, 0]);
  });
  test('of a stream counts event by event (S33)', async () => {
    const { outcome, held } = await ask(
      (response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        for (let i = 0; i < 20; i++) response.write(event(100_000));
        response.end();
      },
      { limit: 1_000_000 },
    );
    expect([await messagesIn(outcome), held.now]).toEqual([20, 0]);
    expect(held.most).toBeGreaterThan(50_000);
  });
  test('of a stream is given back when nobody reads on, and when it is cut (S33)', async () => {
    const { outcome, held } = await ask(
      (response) =>
        void response
          .writeHead(200, { 'content-type': 'text/event-stream' })
          .write(`${event(10)}data: ${'x'.repeat(100_000)}`),
    );
    if (outcome.type !== 'stream') throw new Error(outcome.type);
    const reading = outcome.messages[Symbol.asyncIterator]();
    expect((await reading.next()).done).toBe(false);
    await reading.return?.();
    expect(held.now).toBe(0);
    const cut = await ask(
      (response) =>
        void response.writeHead(200, { 'content-type': 'text/event-stream' }).write(`data: ${'x'.repeat(100_000)}`),
    );
    const rest = messagesIn(cut.outcome).catch(() => 'cut');
    await expect.poll(() => cut.held.now).toBeGreaterThan(90_000);
    cut.abort.abort();
    expect([await rest, cut.held.now]).toEqual(['cut', 0]);
  });
  const large = { id: 7, maxBytes: 50_000_000 };
  test.each([
    ['message', message],
    ['event', event],
  ])('of a large text that passes as one %s is a window, however long it is (S33)', async (what, of) => {
    const { outcome, held } = await ask(
      (response) =>
        void response
          .writeHead(200, { 'content-type': what === 'event' ? 'text/event-stream' : 'application/json' })
          .end(of(20_000_000)),
      { large, limit: 3_000_000 },
    );
    const messages = outcome.type === 'stream' ? outcome.messages : outcome.type === 'message' ? [outcome.message] : [];
    let length = 0;
    for await (const { large: passing } of messages) {
      for await (const piece of passing?.text ?? []) length += piece.length;
      await passing?.next();
    }
    expect(length).toBe(20_000_000);
    await expect.poll(() => held.now).toBe(0);
  });
  test('of a large text counts no more when its end came with the last piece (S33)', async () => {
    const { outcome, held } = await ask(
      (response) => {
        const text = message(3_000_000);
        json(response).write(text.slice(0, -3));
        setTimeout(() => response.end(text.slice(-3)), 200);
      },
      { large },
    );
    if (outcome.type !== 'message') throw new Error(outcome.type);
    const passing = outcome.message.large;
    let length = 0;
    for await (const piece of passing?.text ?? []) length += piece.length;
    expect([length, (await passing?.next())?.large, held.now]).toEqual([3_000_000, undefined, 0]);
  });
  test.each(['cancelled', 'aborted'])(
    'of a large text that nobody reads is given back when it is %s (S33)',
    async (how) => {
      const { outcome, held, abort } = await ask((response) => void json(response).write(message(3_000_000)), {
        large,
      });
      if (outcome.type !== 'message') throw new Error(outcome.type);
      expect(held.now).toBeGreaterThan(0);
      if (how === 'cancelled') outcome.message.large?.cancel();
      else abort.abort();
      await expect.poll(() => held.now).toBe(0);
    },
  );
  test('of a large text that is kept after all counts as kept (S33)', async () => {
    const { outcome, held } = await ask((response) => void json(response).end(message(3_000_000)), {
      large,
      limit: 2_000_000,
    });
    if (outcome.type !== 'message') throw new Error(outcome.type);
    await expect(wholeMessage(outcome.message, 16_000_000)).rejects.toMatchObject({ code: 'no_room_for_answer' });
    outcome.message.large?.cancel();
    await expect.poll(() => held.now).toBe(0);
  });
  test('is as large as was asked for, and is not parsed when it is larger', async () => {
    expect(
      (await ask((response) => void json(response).end(message(200_000)), { maxMessageBytes: 100_000 })).outcome,
    ).toMatchObject({ type: 'failed', reason: 'too-large' });
    expect(
      (await ask((response) => void json(response).end(message(90_000)), { maxMessageBytes: 100_000 })).outcome,
    ).toMatchObject({ type: 'message' });
    const streamed = await ask(
      (response) => void response.writeHead(200, { 'content-type': 'text/event-stream' }).end(event(200_000)),
      { maxMessageBytes: 100_000 },
    );
    await expect(messagesIn(streamed.outcome)).rejects.toMatchObject({ code: 'message_too_large' });
  });
});
