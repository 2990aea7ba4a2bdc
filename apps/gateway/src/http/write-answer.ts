import type { ServerResponse } from 'node:http';
import { drainRequest } from '@sallyport/http';
import { formatEvent } from '@sallyport/mcp-relay';
import { isBetweenEvents } from '../protocol/exchange.js';
import type { Answer, AnswerPiece, ExchangeBytes, Withheld } from '../protocol/exchange.js';
import { withhold } from './withhold.js';

const KEEP_ALIVE_MS = 15_000;
/** A client that takes nothing for this long is gone: what waits for it is memory. */
const SLOW_READER_MS = 120_000;

/**
 * Writes an answer, calling `record` with its size before its last byte leaves. The results of calls that are not
 * recorded do not leave: their clients hear that the call ran, in a form that nobody takes for a reason to make it
 * again. Streams are written as fast as the client takes them, with comments in between so that nobody's timeout cuts
 * them.
 * @param bytes what waits for the client counts there
 * @returns false when the answer did not reach its end.
 */
export async function writeAnswer(
  answer: Answer,
  response: ServerResponse,
  record: (bytes: number) => Promise<Withheld>,
  { slowReaderMs = SLOW_READER_MS, bytes }: { slowReaderMs?: number | undefined; bytes?: ExchangeBytes } = {},
): Promise<boolean> {
  if (answer.body.type !== 'stream') {
    const size = answer.body.type === 'text' ? Buffer.byteLength(answer.body.text) : 0;
    const withheld = await record(size);
    if (response.destroyed) return false;
    const { status, text } = textOf(answer, withheld);
    const length = withheld.length === 0 ? size : Buffer.byteLength(text);
    bytes?.charge(length);
    response.writeHead(status, { ...answer.headers, 'content-length': length });
    const closes = !response.shouldKeepAlive || answer.headers['connection'] === 'close';
    if (closes && !response.req.complete) {
      response.write(text);
      void drainRequest(response.req).then(() => response.end());
    } else response.end(text);
    if (response.writableLength > 0) void taken(response, slowReaderMs);
    return true;
  }
  response.writeHead(answer.status, {
    ...answer.headers,
    'content-type': 'text/event-stream',
    'x-accel-buffering': 'no',
  });
  response.flushHeaders();
  let isBetween = true;
  let size = 0;
  const keepAlive = setInterval(() => {
    if (!response.destroyed && isBetween) response.write(':\n\n');
  }, KEEP_ALIVE_MS);
  try {
    for await (const piece of answer.body.pieces) {
      if (response.destroyed) return false;
      size += Buffer.byteLength(piece.text);
      const said = piece.last ? withheldIn(piece, await record(size), isBetween) : piece;
      isBetween = isBetweenEvents(said, isBetween);
      bytes?.charge(said.text.length);
      if (!response.write(said.text) && !response.destroyed) await taken(response, slowReaderMs);
      bytes?.give(said.text.length);
      if (said.last) {
        response.end();
        return true;
      }
    }
    return false;
  } finally {
    clearInterval(keepAlive);
  }
}

export interface TextToWrite {
  /** JSON. */
  readonly text: string;
  /** Of the text. */
  readonly size: number;
  /** What is said in its place; see `Withheld`. */
  readonly withheld: Withheld;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: ExchangeBytes;
}

/** Writes JSON with status 200 to a request that was read to its end, in one piece. It is recorded by now. */
export function writeText(response: ServerResponse, { text, size, withheld, headers, bytes }: TextToWrite): void {
  const said = withheld.length === 0 ? text : withhold(text, withheld);
  const length = withheld.length === 0 ? size : Buffer.byteLength(said);
  bytes.charge(length);
  response.writeHead(200, { ...headers, 'content-type': 'application/json', 'content-length': length });
  response.end(said);
  if (response.writableLength > 0) void taken(response, SLOW_READER_MS);
}

function textOf({ status, body }: Answer, withheld: Withheld): { readonly status: number; readonly text: string } {
  if (body.type !== 'text') return { status, text: '' };
  return withheld.length === 0 ? { status, text: body.text } : { status: 200, text: withhold(body.text, withheld) };
}

/** The last piece of a stream, as it may leave. */
function withheldIn(piece: AnswerPiece & { readonly text: string }, withheld: Withheld, isBetween: boolean) {
  if (withheld.length === 0 || piece.text === '') return piece;
  const event = formatEvent(withhold(dataOf(piece.text), withheld));
  return { text: isBetween ? event : `\n\n${event}`, last: true };
}

/** Of an event that is one line of data. */
const dataOf = (event: string): string => event.split('data: ')[1] ?? '';

/** Resolves once the client has taken what was written, or is gone; one that takes nothing for too long is cut. */
function taken(response: ServerResponse, withinMs: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      for (const event of ['drain', 'finish', 'close']) response.off(event, done);
      resolve();
    };
    const timer = setTimeout(() => {
      response.destroy();
      done();
    }, withinMs).unref();
    for (const event of ['drain', 'finish', 'close']) response.once(event, done);
  });
}
