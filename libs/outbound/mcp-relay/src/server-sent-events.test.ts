import { describe, expect, test } from 'vitest';
import { formatEvent, readEvents } from './server-sent-events.js';
import type { ServerSentEvent } from './server-sent-events.js';

async function* chunksOf(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
}
async function read(text: string, size = 1_000, max = 10_000): Promise<ServerSentEvent[]> {
  const events: ServerSentEvent[] = [];
  for await (const event of readEvents(chunksOf(text, size), max)) events.push(event);
  return events;
}

describe('a stream of events', () => {
  const text =
    ': comment\n\nevent: message\nid: 1\ndata: {"a":"ü"}\n\ndata: one\r\ndata: two\r\n\r\nid: 2\nretry: 500\ndata:\n\ndata:\nretry: soon\n\ndata:x\rdata: y\r\rdata: unfinished';
  const expected = [
    { event: 'message', id: '1', data: '{"a":"ü"}' },
    { event: undefined, id: undefined, data: 'one\ntwo' },
    { event: undefined, id: '2', retryMs: 500, data: '' },
    { event: undefined, id: undefined, data: 'x\ny' },
  ];
  test.each([1, 2, 3, 7, 1_000])('reads the same in pieces of %i bytes', async (size) => {
    expect(await read(text, size)).toEqual(expected);
  });
  test('refuses an event that is too large, however it is cut', async () => {
    const huge = `data: ${'x'.repeat(200)}\n\n`;
    for (const size of [10, 1_000])
      await expect(read(huge.repeat(2).slice(0, -2), size, 100)).rejects.toMatchObject({ code: 'message_too_large' });
    expect(await read(`data: ${'x'.repeat(50)}\n\n`.repeat(10), 20, 100)).toHaveLength(10);
  });
  test('costs no more when it arrives in tiny pieces', async () => {
    const events = await read(`data: ${'x'.repeat(1024 * 1024)}\n\n`, 16, 2 * 1024 * 1024);
    expect(events[0]?.data).toHaveLength(1024 * 1024);
  });
  test('is not read faster than it is taken', async () => {
    let taken = 0;
    const source = async function* () {
      for (let i = 0; i < 100; i++) {
        taken += 1;
        yield Buffer.from(`data: ${i}\n\n`);
      }
    };
    const events = readEvents(source(), 1_000);
    await events.next();
    expect(taken).toBe(1);
  });
});

test('a message is one event, also when the server wrote it on many lines', async () => {
  const json = JSON.stringify({ text: 'line\nbreak' }, null, 2);
  const [event] = await read(formatEvent(json));
  expect(JSON.parse(event?.data ?? '')).toEqual({ text: 'line\nbreak' });
});
