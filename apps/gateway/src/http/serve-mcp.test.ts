import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { EventTally, newId } from '@sallyport/kernel';
import type { CallRecord } from '@sallyport/messages';
import type { Caller } from '@sallyport/policy';
import { createLogger } from '@sallyport/telemetry';
import fastify from 'fastify';
import { expect, test } from 'vitest';
import type { AnswerPiece } from '../protocol/exchange.js';
import { recorded } from '../request-path/record-call.js';
import type { CallRecorder } from '../request-path/record-call.js';
import { createAskedAddress } from '../protocol/asked-address.js';
import { serveMcp } from './serve-mcp.js';

const caller: Caller = {
  userId: newId('usr'),
  sid: newId('ses'),
  trustProvider: 'demo',
  subject: 'alice',
  clientId: 'agent',
  agentName: 'Agent',
  agentAssurance: 'asserted',
  isKeyBound: false,
  scopes: new Set(),
  roles: [],
  groups: [],
  authTime: 0,
  issuedAt: 0,
  expiresAt: 1_900_000_000,
  acr: undefined,
  amr: [],
};

async function* breaking(): AsyncGenerator<AnswerPiece> {
  yield { text: ': begun\n\n', last: false };
  throw new TypeError('nobody thought of this');
}

test('an answer that breaks after it began ends its own connection, with a record and a line in the log, and not the process', async () => {
  const records: CallRecord[] = [];
  const lines: string[] = [];
  let isOver = false;
  const logger = createLogger({
    name: 'gateway',
    level: 'error',
    destination: { write: (line: string) => void lines.push(line) },
  });
  const recorder: CallRecorder = {
    append: (json, _options, done) => {
      records.push(JSON.parse(json) as CallRecord);
      done();
    },
    refusals: new EventTally({ clock: Date.now }),
    replica: 'gateway-1',
    logger,
  };
  const app = fastify();
  serveMcp(app, {
    handle: (inbound) =>
      recorded({ recorder }, inbound, async (notes) => {
        inbound.onOver(() => (isOver = true));
        notes.authenticated(caller);
        notes.answered();
        return { status: 200, headers: {}, body: { type: 'stream', pieces: breaking() } };
      }),
    askedAddress: createAskedAddress('https://gateway.example'),
    clock: Date.now,
    logger,
  });
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => void unhandled.push(reason);
  process.on('unhandledRejection', note);
  try {
    await app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = app.server.address() as AddressInfo;
    const closed = once(app.server, 'connection').then(
      async ([socket]) => await once(socket as NodeJS.EventEmitter, 'close'),
    );
    const answer = await fetch(`http://127.0.0.1:${port}/mcp`, { method: 'POST', body: '{}' });
    await expect(answer.text()).rejects.toThrow('terminated');
    await closed;
    expect(records).toMatchObject([{ decision: 'allow', reason: 'internal_error' }]);
    expect([isOver, lines.join('')]).toEqual([true, expect.stringContaining('nobody thought of this')]);
    expect(unhandled).toEqual([]);
  } finally {
    process.off('unhandledRejection', note);
    await app.close();
  }
});

test('an answer that cannot be begun is an answer all the same: without a byte, clients would make the call again (B19)', async () => {
  const logger = createLogger({ name: 'gateway', level: 'silent' });
  const recorder: CallRecorder = {
    append: (_json, _options, done) => done(),
    refusals: new EventTally({ clock: Date.now }),
    replica: 'gateway-1',
    logger,
  };
  const app = fastify();
  serveMcp(app, {
    handle: (inbound) =>
      recorded({ recorder }, inbound, async (notes) => {
        notes.authenticated(caller);
        notes.answered();
        return { status: 200, headers: { 'mcp-session-id': 'no\nheader' }, body: { type: 'text', text: '{}' } };
      }),
    askedAddress: createAskedAddress('https://gateway.example'),
    clock: Date.now,
    logger,
  });
  try {
    await app.listen({ port: 0, host: '127.0.0.1' });
    const answer = await fetch(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}/mcp`, {
      method: 'POST',
      body: '{}',
    });
    expect([answer.status, await answer.json()]).toMatchObject([500, { error: { code: -32603 } }]);
  } finally {
    await app.close();
  }
});
