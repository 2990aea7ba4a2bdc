import { describe, expect, test } from 'vitest';
import { jsonAnswer, noBody } from '../protocol/exchange.js';
import { ExchangeNotes } from '../call/call-notes.js';
import type { Answer, AnswerPiece } from '../protocol/exchange.js';
import { answerBatch } from './answer-batch.js';

const request = (id: number, method = 'ping') => ({ jsonrpc: '2.0', id, method });
const notification = { jsonrpc: '2.0', method: 'notifications/initialized' };
const answering = async (element: unknown): Promise<Answer> =>
  typeof element === 'object' && element !== null && 'id' in element
    ? jsonAnswer(200, { id: element.id })
    : { status: 202, headers: {}, body: noBody };
const run = async (
  elements: readonly unknown[],
  {
    version = '2025-03-26',
    handle = answering,
    notes = new ExchangeNotes(),
  }: { version?: string | undefined; handle?: Parameters<typeof answerBatch>[3]; notes?: ExchangeNotes } = {},
) => await answerBatch(elements, version, notes, handle);
const textOf = (answer: Awaited<ReturnType<typeof run>>) =>
  'body' in answer && answer.body.type === 'text' ? answer.body.text : undefined;

describe('a batch', () => {
  test('is answered in one array, in order, without what has no answer (B5)', async () => {
    expect(textOf(await run([request(2), notification, request(1)]))).toBe('[{"id":2},{"id":1}]');
  });
  test('of notifications alone is accepted and nothing more (B5)', async () => {
    expect(await run([notification, notification])).toEqual({ status: 202, headers: {}, body: noBody });
  });
  test.each([
    ['of another version', [request(1)], '2025-06-18'],
    ['of no known version', [request(1)], ''],
    ['that is empty', [], '2025-03-26'],
    ['that is longer than anybody means', Array.from({ length: 33 }, (_, id) => request(id)), '2025-03-26'],
    ['that initializes', [request(1), request(2, 'initialize')], '2025-03-26'],
    ['that uses one id twice', [request(1), request(1)], '2025-03-26'],
  ])('%s is refused as a whole, and nothing of it is done (B5) (S10)', async (_which, elements, version) => {
    let done = 0;
    const handle = async (element: unknown) => {
      done += 1;
      return await answering(element);
    };
    expect(await run(elements, { version, handle })).toMatchObject({ type: 'invalid-request' });
    expect(done).toBe(0);
  });
  test('records each element on its own, with what is known of the caller (R74)', async () => {
    const notes = new ExchangeNotes({ userId: 'usr_1' });
    await run([request(1), request(2)], {
      notes,
      handle: async (element, own) => {
        own.asked({ method: String((element as { id: number }).id) });
        return await answering(element);
      },
    });
    expect(notes.calls.map(({ facts }) => facts)).toEqual([
      { userId: 'usr_1', method: '1' },
      { userId: 'usr_1', method: '2' },
    ]);
  });
  test('waits for all its elements before one that broke breaks it (R74)', async () => {
    const notes = new ExchangeNotes();
    const handle: Parameters<typeof answerBatch>[3] = async (element, own) => {
      if ((element as { id: number }).id === 1) throw new Error('broken');
      await new Promise((resolve) => setImmediate(resolve));
      own.answered();
      return await answering(element);
    };
    await expect(run([request(1), request(2)], { notes, handle })).rejects.toThrow('broken');
    expect(notes.calls[1]?.facts).toEqual({ decision: 'allow' });
  });
  test('ends as a whole where the token is no longer good (R12)', async () => {
    const refused: Answer = { status: 401, headers: { 'www-authenticate': 'Bearer' }, body: noBody };
    expect(
      await run([request(1), request(2)], {
        handle: async (element) => ((element as { id: number }).id === 2 ? refused : await answering(element)),
      }),
    ).toBe(refused);
  });
  test('keeps a header of a whole answer to that answer, but for the session id (S11)', async () => {
    const handle = async () =>
      jsonAnswer(403, {}, { 'www-authenticate': 'Bearer error="insufficient_scope"', 'mcp-session-id': 'next' });
    expect(await run([request(1)], { handle })).toEqual({
      status: 200,
      headers: { 'content-type': 'application/json', 'mcp-session-id': 'next' },
      body: { type: 'text', text: '[{}]' },
    });
  });
  test('in which something streams is one stream, ended by the last answer (B5)', async () => {
    async function* pieces(...texts: string[]): AsyncGenerator<AnswerPiece> {
      for (const [index, text] of texts.entries()) yield { text, last: index === texts.length - 1 };
    }
    const streams: Record<number, Answer> = {
      1: { status: 200, headers: {}, body: { type: 'stream', pieces: pieces('1a', '1b', '1c') } },
      2: { status: 200, headers: {}, body: { type: 'stream', pieces: pieces('2a') } },
    };
    const answer = await run([request(1), request(2), request(3)], {
      handle: async (element) => streams[(element as { id: number }).id] ?? (await answering(element)),
    });
    if (!('body' in answer) || answer.body.type !== 'stream') throw new Error('it is a stream');
    const said: AnswerPiece[] = [];
    for await (const piece of answer.body.pieces) said.push(piece);
    expect(said.map(({ text }) => String(text)).toSorted()).toEqual([
      '1a',
      '1b',
      '1c',
      '2a',
      'event: message\ndata: {"id":3}\n\n',
    ]);
    expect(said.filter(({ last }) => last)).toEqual([said.at(-1)]);
  });
});
