import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { formatEvent } from '@sallyport/mcp-relay';
import { describe, expect, test, vi } from 'vitest';
import { jsonAnswer } from '../protocol/exchange.js';
import type { Answer, AnswerPiece, Withheld } from '../protocol/exchange.js';
import { writeAnswer } from './write-answer.js';

/** A response that says in which order things happened. */
class FakeResponse extends EventEmitter {
  readonly log: string[] = [];
  destroyed = false;
  full = false;
  writableLength = 0;
  shouldKeepAlive = true;
  req = { complete: true };
  writeHead(status: number) {
    this.log.push(`head ${status}`);
    return this;
  }
  flushHeaders() {
    this.log.push('flush');
  }
  write(text: string) {
    this.log.push(`write ${text}`);
    return !this.full;
  }
  destroy() {
    this.destroyed = true;
    this.log.push('destroy');
  }
  end(text = '') {
    this.log.push(`end ${text}`);
    return this;
  }
}
const run = async (answer: Answer, response: FakeResponse, record?: () => Promise<Withheld>, slowReaderMs?: number) =>
  writeAnswer(
    answer,
    response as EventEmitter as ServerResponse,
    record ?? (async () => (response.log.push('record'), [])),
    { slowReaderMs },
  );
const stream = (pieces: () => AsyncGenerator<AnswerPiece>): Answer => ({
  status: 200,
  headers: {},
  body: { type: 'stream', pieces: pieces() },
});

test('the record is made before the last byte, for a message and for a stream (R74)', async () => {
  const message = new FakeResponse();
  expect(await run(jsonAnswer(200, { a: 1 }), message)).toBe(true);
  expect(message.log).toEqual(['record', 'head 200', 'end {"a":1}']);
  const streamed = new FakeResponse();
  expect(
    await run(
      stream(async function* () {
        yield { text: 'one', last: false };
        yield { text: 'two', last: true };
      }),
      streamed,
    ),
  ).toBe(true);
  expect(streamed.log).toEqual(['head 200', 'flush', 'write one', 'record', 'write two', 'end ']);
});
describe('the result of a call that ran and could not be recorded', () => {
  const ran = (id: number) => jsonAnswer(200, { jsonrpc: '2.0', id, result: 'it ran' });
  const result = (id: number) => ({ jsonrpc: '2.0', id, result: 'secret' });

  test('does not leave: its client hears that it ran, with a status nobody repeats (R74)', async () => {
    const response = new FakeResponse();
    expect(await run(jsonAnswer(502, result(1)), response, async () => [ran(1)])).toBe(true);
    expect(response.log).toEqual(['head 200', 'end {"jsonrpc":"2.0","id":1,"result":"it ran"}']);
  });
  test('is the only one of its batch that does not (R74)', async () => {
    const response = new FakeResponse();
    const refused = { jsonrpc: '2.0', id: 2, error: { code: 1, message: 'no' } };
    await run(jsonAnswer(200, [result(1), refused, result(3)]), response, async () => [ran(3)]);
    expect(response.log[1]).toBe(
      `end ${JSON.stringify([result(1), refused, { jsonrpc: '2.0', id: 3, result: 'it ran' }])}`,
    );
  });
  test('does not end its stream either, nor does what is left of one that has begun to leave (R74)', async () => {
    const told = 'write event: message\ndata: {"jsonrpc":"2.0","id":1,"result":"it ran"}\n\n';
    const whole = new FakeResponse();
    await run(
      stream(async function* () {
        yield { text: formatEvent(JSON.stringify(result(1))), last: true };
      }),
      whole,
      async () => [ran(1)],
    );
    expect(whole.log).toEqual(['head 200', 'flush', told, 'end ']);
    const begun = new FakeResponse();
    await run(
      stream(async function* () {
        yield { text: 'event: message\ndata: {"id":1,"res', last: false };
        yield { text: 'ult":"secret"}\n\n', last: true };
      }),
      begun,
      async () => [ran(1)],
    );
    expect(begun.log.slice(3)).toEqual([told.replace('write ', 'write \n\n'), 'end ']);
  });
});
test('a stream waits for a client that is slow, and stops for one that is gone', async () => {
  const response = new FakeResponse();
  response.full = true;
  let produced = 0;
  const answer = stream(async function* () {
    for (; produced < 10;) {
      produced += 1;
      yield { text: String(produced), last: false };
    }
  });
  const writing = run(answer, response);
  await new Promise((resolve) => setTimeout(resolve, 10));
  expect(produced).toBe(1);
  response.emit('drain');
  await new Promise((resolve) => setTimeout(resolve, 10));
  expect(produced).toBe(2);
  response.destroyed = true;
  response.emit('close');
  expect(await writing).toBe(false);
});
test('a client that takes nothing is cut, from a stream and from a long message; waiting leaves nothing behind', async () => {
  const streamed = new FakeResponse();
  streamed.full = true;
  expect(
    await run(
      stream(async function* () {
        yield { text: 'one', last: false };
        yield { text: 'two', last: true };
      }),
      streamed,
      undefined,
      20,
    ),
  ).toBe(false);
  expect(streamed.log.at(-1)).toBe('destroy');
  const long = new FakeResponse();
  long.writableLength = 5;
  await run(jsonAnswer(200, {}), long, undefined, 20);
  await expect.poll(() => long.log.at(-1)).toBe('destroy');
  for (const response of [streamed, long]) expect(response.eventNames()).toEqual([]);

  const prompt = new FakeResponse();
  prompt.writableLength = 5;
  await run(jsonAnswer(200, {}), prompt, undefined, 20);
  prompt.emit('finish');
  await new Promise((resolve) => setTimeout(resolve, 40));
  expect(prompt.log.at(-1)).toBe('end {}');
});

test('nothing comes in between the parts of an event, however long they take', async () => {
  vi.useFakeTimers();
  const response = new FakeResponse();
  await run(
    stream(async function* () {
      yield { text: 'data: one', last: false };
      vi.advanceTimersByTime(60_000);
      yield { text: ' and two\n\n', last: false };
      vi.advanceTimersByTime(15_000);
      yield { text: 'data: last\n\n', last: true };
    }),
    response,
  );
  vi.useRealTimers();
  expect(response.log.filter((line) => line.startsWith('write'))).toEqual([
    'write data: one',
    'write  and two\n\n',
    'write :\n\n',
    'write data: last\n\n',
  ]);
});
