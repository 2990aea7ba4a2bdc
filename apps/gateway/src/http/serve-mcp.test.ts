import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { EventTally } from '@sallyport/kernel';
import type { CallRecord } from '@sallyport/messages';
import { createLogger } from '@sallyport/telemetry';
import fastify from 'fastify';
import { expect, test } from 'vitest';
import type { AnswerPiece } from './exchange.js';
import { serveMcp } from './serve-mcp.js';

async function* breaking(): AsyncGenerator<AnswerPiece> {
  yield { text: ': begun\n\n', last: false };
  throw new TypeError('nobody thought of this');
}

test('an answer that breaks after it began ends its own connection, with a record and a line in the log, and not the process', async () => {
  const records: CallRecord[] = [];
  const lines: string[] = [];
  let isOver = false;
  const app = fastify();
  serveMcp(app, {
    handle: async ({ onOver }, facts) => {
      onOver(() => (isOver = true));
      Object.assign(facts, { userId: 'usr_1', decision: 'allow' });
      return { status: 200, headers: {}, body: { type: 'stream', pieces: breaking() } };
    },
    append: async (record) => void records.push(record),
    refusals: new EventTally({ clock: Date.now }),
    replica: 'gateway-1',
    clock: Date.now,
    logger: createLogger({
      name: 'gateway',
      level: 'error',
      destination: { write: (line: string) => void lines.push(line) },
    }),
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
