import { formatEvent, isJsonObject } from '@sallyport/mcp-relay';
import { noBody, textAnswer } from '../protocol/exchange.js';
import type { Answer, AnswerPiece } from '../protocol/exchange.js';
import type { CallNotes, ExchangeNotes } from '../call/call-notes.js';
import { BATCH_VERSION } from '../protocol/client-message.js';
import type { Refusal } from '../protocol/refusal.js';

/** More than any client of that version sends; each is a call of its own. */
const MAX_ELEMENTS = 32;

/**
 * A batch of 2025-03-26: every element goes the whole way on its own, is decided, leased and recorded on its own, and
 * no failure of one is a failure of another. Requests are answered in one array; where one streams, in one stream. A
 * token that is no longer good ends all; a missing scope is an error of its element, without a challenge.
 */
export async function answerBatch(
  elements: readonly unknown[],
  version: string | undefined,
  notes: ExchangeNotes,
  handle: (element: unknown, notes: CallNotes, index: number) => Promise<Answer>,
): Promise<Answer | Refusal> {
  const problem = problemOf(elements, version);
  if (problem !== undefined) return { type: 'invalid-request', message: problem };
  // All are over before one that broke breaks the exchange: what was done has to be recorded as done.
  const running = notes.split(elements.length).map(async (own, index) => await handle(elements[index], own, index));
  await Promise.allSettled(running);
  const answers = await Promise.all(running);

  const ended = answers.find(({ status, body }) => body.type === 'none' && status >= 400);
  if (ended !== undefined) return ended;
  const headers = Object.fromEntries(
    answers.flatMap((answer) => Object.entries(answer.headers)).filter(([name]) => name === 'mcp-session-id'),
  );
  const texts = answers.flatMap(({ body }) => (body.type === 'text' ? [body.text] : []));
  const streams = answers.flatMap(({ body }) => (body.type === 'stream' ? [body.pieces] : []));
  if (streams.length > 0) return { status: 200, headers, body: { type: 'stream', pieces: merged(texts, streams) } };
  return texts.length > 0 ? textAnswer(200, `[${texts.join(',')}]`, headers) : { status: 202, headers, body: noBody };
}

function problemOf(elements: readonly unknown[], version: string | undefined): string | undefined {
  if (version !== BATCH_VERSION) return `JSON-RPC batches are for clients of ${BATCH_VERSION}.`;
  if (elements.length === 0 || elements.length > MAX_ELEMENTS) return `A batch holds 1 to ${MAX_ELEMENTS} messages.`;
  const messages = elements.filter(isJsonObject);
  if (messages.some(({ method }) => method === 'initialize')) return 'initialize may not be part of a batch.';
  const ids = messages.flatMap((message) => ('method' in message && 'id' in message ? [message['id']] : []));
  return new Set(ids).size === ids.length ? undefined : 'Two requests of a batch may not have one id.';
}

/** What several streams say, as it comes; the last piece of the last one ends the answer. */
async function* merged(
  texts: readonly string[],
  streams: readonly AsyncIterable<AnswerPiece>[],
): AsyncGenerator<AnswerPiece> {
  const next = async (iterator: AsyncIterator<AnswerPiece>) => ({ iterator, result: await iterator.next() });
  const pending = new Map(
    streams.map((stream) => stream[Symbol.asyncIterator]()).map((iterator) => [iterator, next(iterator)]),
  );
  try {
    for (const text of texts) yield { text: formatEvent(text), last: false };
    while (pending.size > 0) {
      const { iterator, result } = await Promise.race(pending.values());
      if (result.done === true || result.value.last) pending.delete(iterator);
      else pending.set(iterator, next(iterator));
      if (result.done === true) continue;
      yield result.value.last ? { text: result.value.text, last: pending.size === 0 } : result.value;
    }
  } finally {
    for (const iterator of pending.keys()) void iterator.return?.();
  }
}
