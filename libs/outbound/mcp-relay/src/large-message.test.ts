import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ServerMessage } from './json-rpc.js';
import { readLargeMessage, wholeMessage } from './large-message.js';
import { readEvents } from './server-sent-events.js';
import { WholeCharacters } from './whole-characters.js';

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
}
async function* inCharacters(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  const characters = new WholeCharacters();
  for await (const piece of inPieces(bytes, size)) yield characters.take(piece);
}
const limits = { maxHeld: 200_000, maxLength: 10_000_000, id: 7 };
const read = (text: string, size = 1_000, options = {}) =>
  readLargeMessage(Buffer.from(text.slice(0, 10)), inCharacters(Buffer.from(text.slice(10)), size), {
    ...limits,
    ...options,
  });
/** As JSON has it; a marker is another one each time. */
const withoutMarkers = (value: unknown): unknown =>
  value && JSON.parse(JSON.stringify(value).replaceAll(/long-text-[0-9a-f-]{36}/g, 'MARKER'));
/** All steps: what was known, and the text that followed. */
async function stepsOf(message: ServerMessage | undefined): Promise<{ known: unknown; text: string }[]> {
  const steps: { known: unknown; text: string }[] = [];
  for (let known = message; ; known = await known.large.next()) {
    let text = '';
    if (known?.large === undefined) return [...steps, { known: withoutMarkers(known?.value), text }];
    for await (const piece of known.large.text) text += Buffer.from(piece).toString();
    steps.push({ known: withoutMarkers(known.value), text });
  }
}

const long = 'abc\\"\\n\\u00fc\\\\'.repeat(20_000);
const block = `{"type":"text","text":"${long}"}`;

describe('a message too large to hold', () => {
  test.each([1_000, 7, 100_000, 10_000_000])('is known but for its long texts, in pieces of %i', async (size) => {
    const message = await read(
      `{"result" : {"content":[{"type":"text","text":"short"},${block},${block}],"isError":false},"jsonrpc":"2.0","id":7}`,
      size,
    );
    const steps = await stepsOf(message);
    expect(steps.map(({ text }) => text === long)).toEqual([true, true, false]);
    // The first time it is ended as the response it must turn out to be: the id comes last.
    expect(steps[0]?.known).toEqual({
      result: {
        content: [
          { type: 'text', text: 'short' },
          { type: 'text', text: 'MARKER' },
        ],
      },
      jsonrpc: '2.0',
      id: 7,
    });
    expect(steps[2]?.known).toMatchObject({ result: { content: [{}, {}, {}], isError: false }, jsonrpc: '2.0', id: 7 });
  });
  test('is put together again when all of it is needed', async () => {
    const text = `{"jsonrpc":"2.0","id":7,"result":{"content":[${block}],"after":[${block},1]}}`;
    const whole = await wholeMessage((await read(text)) as ServerMessage, 2_000_000);
    expect(whole?.value).toEqual(JSON.parse(text));
    await expect(wholeMessage((await read(text)) as ServerMessage, 100_000)).rejects.toMatchObject({
      code: 'message_too_large',
    });
  });
  test('tells in plain spelling what could be spelt otherwise, and keeps what must be escaped', async () => {
    const [step] = await stepsOf(
      await read(
        `{"id":7,"jsonrpc":"2.0","result":{"text":"\\u0041\\/\\u002f\\u0022\\u005C\\u005c\\u000a\\u007f\\ud83d\\ude00${'x'.repeat(70_000)}"}}`,
        3,
      ),
    );
    expect(step?.text.slice(0, -70_000)).toBe('A//\\u0022\\u005C\\u005c\\u000a\\u007f\\ud83d\\ude00');
  });
  test.each([
    [
      'large by many things',
      `{"jsonrpc":"2.0","id":7,"result":{"rows":[${'{"a":1},'.repeat(50_000)}1]}}`,
      'message_too_large',
    ],
    ['larger than allowed', `{"jsonrpc":"2.0","id":7,"result":{"a":"${'x'.repeat(11_000_000)}"}}`, 'message_too_large'],
    ['nested beyond reason', `{"jsonrpc":"2.0","id":7,"result":${'['.repeat(1_000)}"${long}"`, 'message_too_large'],
    ['large by a name', `{"jsonrpc":"2.0","id":7,"result":{"${long}":1}}`, 'message_too_large'],
    ['broken off in a text', `{"jsonrpc":"2.0","id":7,"result":{"a":"${long}`, 'relay_interrupted'],
    ['no JSON inside a text', `{"jsonrpc":"2.0","id":7,"result":{"a":"${'x'.repeat(70_000)}\n"}}`, 'relay_not_json'],
    ['wrongly escaped', `{"jsonrpc":"2.0","id":7,"result":{"a":"${'x'.repeat(70_000)}\\x41"}}`, 'relay_not_json'],
  ])('is refused when it is %s', async (_what, text, code) => {
    await expect(read(text, 5_000).then(stepsOf)).rejects.toMatchObject({ code });
  });
  test('that is no JSON after its text is none', async () => {
    expect((await stepsOf(await read(`{"jsonrpc":"2.0","id":7,"result":{"a":"${long}"]}`))).at(-1)).toEqual({
      known: undefined,
      text: '',
    });
  });
});

test.each([3, 50, 100_000])(
  'an event too large to hold is read on in pieces of %i bytes, and so is what follows it',
  async (size) => {
    async function* bytes() {
      const all = Buffer.from(
        `data: first\n\nid: 5\ndata: {"a":"${'ü'.repeat(500)}",\r\nid: 6\r\ndata:"b":1}\r\n\r\ndata: last\n\n`,
      );
      for (let i = 0; i < all.length; i += size) yield all.subarray(i, i + size);
    }
    const events: string[] = [];
    for await (const { data, rest } of readEvents(bytes(), 10_000, 100)) {
      let text = data;
      for await (const piece of rest ?? []) text += piece;
      events.push(text);
    }
    expect(events).toEqual(['first', `{"a":"${'ü'.repeat(500)}",\n"b":1}`, 'last']);
  },
);

const someText = fc
  .array(fc.string({ unit: 'grapheme', maxLength: 60 }), { minLength: 1, maxLength: 20 })
  .map((parts) => JSON.stringify(parts.join('')).slice(1, -1))
  .filter((text) => text !== '');
/** Enough of it to be a long text. */
const longText = someText.map((text) => text.repeat(Math.ceil(70_000 / text.length)));

test('any message says the same in whatever pieces it comes, as a body and as an event (R44) (S10)', async () => {
  await fc.assert(
    fc.asyncProperty(longText, someText, longText, fc.integer({ min: 300, max: 40_000 }), async (a, b, c, size) => {
      const text = `{"jsonrpc":"2.0","result":{"a":"${a}","b":["${b}", {"c":"${c}"}],"d":"${b}"},"id":7}`;
      const expected = await stepsOf(await read(text, text.length));
      expect(expected.map((step) => step.text).join('|') === `${a}|${c}|`).toBe(true);
      expect(isDeepStrictEqual(await stepsOf(await read(text, size)), expected)).toBe(true);
      const stream = Buffer.from(`id: 1\ndata: ${text}\nid: 2\n\n`);
      for await (const { data, rest } of readEvents(inPieces(stream, size), 10_000_000, 1_000)) {
        const message = await readLargeMessage(Buffer.from(data), rest ?? inPieces(Buffer.of(), 1), limits);
        expect(isDeepStrictEqual(await stepsOf(message), expected)).toBe(true);
      }
    }),
    { numRuns: 12 },
  );
});
