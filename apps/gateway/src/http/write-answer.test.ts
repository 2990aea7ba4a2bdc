import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { expect, test, vi } from 'vitest';
import { jsonAnswer } from './exchange.js';
import type { Answer, AnswerPiece } from './exchange.js';
import { writeAnswer } from './write-answer.js';

/** A response that says in which order things happened. */
class FakeResponse extends EventEmitter {
  readonly log: string[] = [];
  destroyed = false;
  full = false;
  writableLength = 0;
  shouldKeepAlive = true;
  req = { complete: true };
  writeHead(status: number) { this.log.push(`head ${status}`); return this; }
  flushHeaders() { this.log.push('flush'); }
  write(text: string) { this.log.push(`write ${text}`); return !this.full; }
  destroy() { this.destroyed = true; this.log.push('destroy'); }
  end(text = '') { this.log.push(`end ${text}`); return this; }
}
const run = async (answer: Answer, response: FakeResponse, record?: () => Promise<void>, slowReaderMs?: number) =>
  writeAnswer(answer, response as EventEmitter as ServerResponse, record ?? (async () => void response.log.push('record')), slowReaderMs);
const stream = (pieces: () => AsyncGenerator<AnswerPiece>): Answer => ({ status: 200, headers: {}, body: { type: 'stream', pieces: pieces() } });

test('the record is made before the last byte, for a message and for a stream (R74)', async () => {
  const message = new FakeResponse();
  expect(await run(jsonAnswer(200, { a: 1 }), message)).toBe(true);
  expect(message.log).toEqual(['record', 'head 200', 'end {"a":1}']);
  const streamed = new FakeResponse();
  expect(await run(stream(async function* () {
    yield { text: 'one', last: false };
    yield { text: 'two', last: true };
  }), streamed)).toBe(true);
  expect(streamed.log).toEqual(['head 200', 'flush', 'write one', 'record', 'write two', 'end ']);
});
test('an answer that cannot be recorded does not leave (R74)', async () => {
  const response = new FakeResponse();
  await expect(run(jsonAnswer(200, {}), response, () => Promise.reject(new Error('disk')))).rejects.toThrow('disk');
  expect(response.log).toEqual([]);
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
  expect(await run(stream(async function* () {
    yield { text: 'one', last: false };
    yield { text: 'two', last: true };
  }), streamed, undefined, 20)).toBe(false);
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
  await run(stream(async function* () {
    yield { text: 'data: one', last: false };
    vi.advanceTimersByTime(60_000);
    yield { text: ' and two\n\n', last: false };
    vi.advanceTimersByTime(15_000);
    yield { text: 'data: last\n\n', last: true };
  }), response);
  vi.useRealTimers();
  expect(response.log.filter((line) => line.startsWith('write'))).toEqual(['write data: one', 'write  and two\n\n', 'write :\n\n', 'write data: last\n\n']);
});
