import { decompressed, isKnownCoding } from '@sallyport/kernel';
import type { HttpAnswer } from './http-answer.js';
import { Gathered } from './gathered.js';
import { isResponseTo, parseMessage } from './json-rpc.js';
import type { ServerMessage } from './json-rpc.js';
import { readLargeMessage, wholeMessage } from './large-message.js';
import { tooLarge } from './relay-failure.js';
import type { RelayRequest, StreamPosition } from './relay.js';
import { readEvents } from './server-sent-events.js';
import { watchSilence } from './watch-silence.js';
import { WholeCharacters } from './whole-characters.js';

/** From so many bytes on, a message that may be passed on in pieces is. */
const LARGE = 1024 * 1024;

const NOTHING = Buffer.alloc(0);

export interface ReadLimits extends Pick<
  RelayRequest,
  'url' | 'idleTimeoutMs' | 'mayBeSilent' | 'large' | 'room' | 'signal'
> {
  readonly maxMessageBytes: number;
}

const codingOf = ({ headers }: HttpAnswer): string | undefined => headers['content-encoding']?.toString();

/** Some servers compress whatever they are asked for. What counts against limits is what comes out. */
export const bodyOf = (response: HttpAnswer, limits: ReadLimits): AsyncIterable<Uint8Array> =>
  decompressed(chunksOf(response, limits), codingOf(response)) ?? chunksOf(response, limits);

/** Whether its body can be read: it comes in a content coding that we know. */
export const isReadable = (response: HttpAnswer): boolean => isKnownCoding(codingOf(response));

/** Chunks as they are taken. Only time in which the reader waits for the server counts as silence. */
async function* chunksOf(response: HttpAnswer, limits: ReadLimits): AsyncGenerator<Uint8Array> {
  const chunks = (response.body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  for (;;) {
    const heard = watchSilence(limits, (error) => response.body.destroy(error));
    const next = await chunks.next().finally(heard);
    if (next.done === true) return;
    yield next.value;
  }
}

/** The messages of a stream, as they come. Moves `position` on, and closes the connection at the end. */
export async function* messagesOf(
  response: HttpAnswer,
  limits: ReadLimits,
  position: StreamPosition,
): AsyncGenerator<ServerMessage> {
  const gathered = new Gathered(limits);
  try {
    for await (const { id, retryMs, data, rest } of readEvents(
      gathered.counted(bodyOf(response, limits)),
      limits.maxMessageBytes,
      limits.large && LARGE,
    )) {
      if (id !== undefined) position.lastEventId = isHeaderSafe(id) ? id : undefined;
      if (retryMs !== undefined) position.retryMs = retryMs;
      const message =
        rest === undefined ? parseMessage(data) : await readLarge(Buffer.from(data), rest, limits, gathered);
      if (message !== undefined) yield message;
      gathered.release(); // what it was made of has been passed on
    }
  } finally {
    gathered.end();
    discard(response);
  }
}

/** The server's own words, sent back to it in a header. */
const isHeaderSafe = (id: string): boolean => /^[\x20-\x7E]{1,1024}$/.test(id);

/** The one message of an answer in JSON. */
export async function readMessage(response: HttpAnswer, limits: ReadLimits): Promise<ServerMessage | undefined> {
  const { maxMessageBytes: maxBytes, large } = limits;
  // What the server says itself is too large is not begun with.
  if (Number(response.headers['content-length'] ?? 0) > Math.max(maxBytes, large?.maxBytes ?? 0)) throw tooLarge();
  const gathered = new Gathered(limits);
  const incoming = gathered.counted(bodyOf(response, limits));
  const pieces: Uint8Array[] = [];
  let size = 0;
  try {
    for (let next = await incoming.next(); next.done !== true; next = await incoming.next()) {
      size += next.value.length;
      keepPiece(pieces, next.value);
      if (size > maxBytes && large === undefined) throw tooLarge();
      if (size <= LARGE || large === undefined) continue;
      return await readLarge(NOTHING, allOf(response, pieces, incoming, gathered), limits, gathered);
    }
    return parseMessage(Buffer.concat(pieces).toString('utf8'));
  } finally {
    if (!gathered.isPassing) gathered.end();
  }
}

/** Pieces that are joined: larger ones are not worth a copy. */
const SMALL_PIECE = 16 * 1024;

/** Joins neighbours of like size as they gather, so that an answer in pieces of a byte costs no more than another. */
function keepPiece(pieces: Uint8Array[], piece: Uint8Array): void {
  let last = piece;
  for (let before = pieces.at(-1); before !== undefined && last.length < SMALL_PIECE; before = pieces.at(-1)) {
    if (before.length > last.length) break;
    last = Buffer.concat([before, last]);
    pieces.pop();
  }
  pieces.push(last);
}

/**
 * What was gathered of an answer, and what comes of it, as UTF-8 in whole characters. Ends in order also when nobody
 * began to read it.
 */
function allOf(
  response: HttpAnswer,
  begun: readonly Uint8Array[],
  chunks: AsyncIterable<Uint8Array>,
  gathered: Gathered,
): AsyncIterable<Buffer> {
  const characters = new WholeCharacters();
  const end = () => {
    gathered.end();
    discard(response);
  };
  const pieces = (async function* () {
    try {
      for (const piece of begun) yield characters.take(piece);
      for await (const chunk of chunks) yield characters.take(chunk);
    } finally {
      end();
    }
  })();
  const iterator: AsyncIterator<Buffer> = {
    next: () => pieces.next(),
    return: () => {
      end();
      return pieces.return();
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}

async function readLarge(
  begun: Buffer,
  rest: AsyncIterable<Buffer>,
  { maxMessageBytes, large }: ReadLimits,
  gathered: Gathered,
): Promise<ServerMessage | undefined> {
  if (large === undefined) throw tooLarge();
  const { id, maxBytes } = large;
  gathered.isPassing = true;
  const message = await readLargeMessage(begun, rest, {
    id,
    maxHeld: maxMessageBytes,
    maxLength: maxBytes,
    hold: (bytes) => gathered.hold(bytes),
  });
  return message === undefined || isResponseTo(message, id) ? message : await wholeMessage(message, maxMessageBytes);
}

/** Ends what is left of an answer; its own error no longer matters. */
export function discard(response: HttpAnswer): void {
  if (!response.body.destroyed) response.body.on('error', () => undefined).destroy();
}
