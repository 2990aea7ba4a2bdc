import { SallyportError } from '@sallyport/kernel';
import { WholeCharacters } from './whole-characters.js';

/** One event of a stream (HTML living standard, 9.2); what carries neither data, id nor retry time is none. */
export interface ServerSentEvent {
  readonly event: string | undefined;
  readonly id: string | undefined;
  /** Milliseconds to wait before the stream is asked for again. */
  readonly retryMs?: number;
  readonly data: string;
  /**
   * Of an event that is too large: what follows `data`, as UTF-8 in whole characters; to be taken wholly before the
   * next event is asked for.
   */
  readonly rest?: AsyncIterable<Buffer>;
}

/**
 * Reads events as they arrive, never faster than they are taken. Comments and empty events are skipped.
 * @param largeFrom how much of an event is there before it is given out with its `rest`; by default none is
 * @throws SallyportError `message_too_large` when one event exceeds `maxEventBytes`.
 */
export async function* readEvents(
  chunks: AsyncIterable<Uint8Array>,
  maxEventBytes: number,
  largeFrom = Infinity,
): AsyncGenerator<ServerSentEvent> {
  /** The unfinished line, in the pieces it came in: each is searched once, however small they are. */
  let unfinished: string[] = [];
  let lines: string[] = [];
  let size = 0;
  const pieces = wholeLineBreaks(chunks);
  for (let next = await pieces.next(); next.done !== true; next = await pieces.next()) {
    let text = next.value.toString('utf8');
    size += next.value.length;
    for (let isRead = false; !isRead;) {
      isRead = true;
      let start = 0;
      for (const { index, 0: lineBreak } of text.matchAll(LINE_BREAK)) {
        const line = unfinished.join('') + text.slice(start, index);
        start = index + lineBreak.length;
        unfinished = [];
        if (line !== '') {
          lines.push(line);
          continue;
        }
        const event = eventOf(lines);
        lines = [];
        size = text.length - start;
        if (event !== undefined) yield event;
      }
      if (start < text.length) keep(unfinished, text.slice(start));
      const isLarge = size > largeFrom && unfinished[0]?.startsWith('data:') === true;
      if (size > maxEventBytes && !isLarge)
        throw new SallyportError('message_too_large', 'The server sent a message that is too large.');
      if (!isLarge) continue;
      let after: string | undefined;
      const event = eventOf([...lines, unfinished.join('')]);
      if (event !== undefined) yield { ...event, rest: restOfData(pieces, (left) => (after = left.toString('utf8'))) };
      if (after === undefined) return; // nobody wanted the rest, or it broke off
      [text, unfinished, lines, size, isRead] = [after, [], [], after.length, false];
    }
  }
}

const LINE_BREAK = /\r\n|\r|\n/g;

const CR = 0x0d;
const LF = 0x0a;

/** UTF-8 in whole characters. A CR at the very end may be half of CRLF: it comes with what follows. */
async function* wholeLineBreaks(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const characters = new WholeCharacters();
  let heldBack = false;
  for await (const chunk of chunks) {
    const piece = characters.take(chunk);
    const bytes: Buffer = heldBack ? Buffer.concat([Buffer.of(CR), piece]) : piece;
    heldBack = bytes.at(-1) === CR;
    yield heldBack ? bytes.subarray(0, -1) : bytes;
  }
}

const MAX_OTHER_LINE = 64 * 1024;

/** From the middle of a line of data to the end of its event. @param onEnd what follows that */
async function* restOfData(pieces: AsyncGenerator<Buffer>, onEnd: (after: Buffer) => void): AsyncGenerator<Buffer> {
  /** The beginning of a line, as long as it may be another field than `data`. */
  let line: string | undefined;
  for (let next = await pieces.next(); next.done !== true; next = await pieces.next()) {
    const piece = next.value;
    for (const { start, end, hasEnded, after } of linesIn(piece)) {
      const part = piece.subarray(start, end);
      if (line === undefined) yield part;
      else {
        line += part.toString('utf8');
        if (line === '' && hasEnded) return onEnd(piece.subarray(after));
        if (line.length > MAX_OTHER_LINE && !line.startsWith('data:'))
          throw new SallyportError('message_too_large', 'The server sent a message that is too large.');
        // Only once it is known whether a space follows, which is not data.
        if (line.startsWith('data:') && (line.length > 'data:'.length || hasEnded)) {
          yield Buffer.from(`\n${line.slice('data:'.length).replace(/^ /, '')}`);
          line = undefined;
        }
      }
      if (hasEnded) line = '';
    }
  }
}

interface Line {
  readonly start: number;
  readonly end: number;
  /** It has its line break, and what follows that begins at `after`. */
  readonly hasEnded: boolean;
  readonly after: number;
}

/** The lines of a piece, of which the last may not have ended. Each byte is looked at once for each kind of break. */
function* linesIn(piece: Buffer): Generator<Line> {
  const next = (byte: number, from: number) => {
    const found = piece.indexOf(byte, from);
    return found === -1 ? piece.length : found;
  };
  let lf = -1;
  let cr = -1;
  for (let start = 0; start < piece.length;) {
    if (lf < start) lf = next(LF, start);
    if (cr < start) cr = next(CR, start);
    const end = Math.min(lf, cr);
    const after = Math.min(piece.length, cr < lf && piece[cr + 1] === LF ? end + 2 : end + 1);
    yield { start, end, hasEnded: end < piece.length, after };
    start = after;
  }
}

/** Joins neighbours of like size as they gather: few pieces are held, and each is copied but a few times. */
function keep(pieces: string[], piece: string): void {
  let last = piece;
  for (let before = pieces.at(-1); before !== undefined && before.length <= last.length; before = pieces.at(-1)) {
    last = [before, last].join('');
    pieces.pop();
  }
  pieces.push(last);
}

function eventOf(lines: readonly string[]): ServerSentEvent | undefined {
  const data: string[] = [];
  let event: string | undefined;
  let id: string | undefined;
  let retryMs: number | undefined;
  for (const line of lines) {
    const colon = line.indexOf(':');
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') data.push(value);
    else if (field === 'event') event = value;
    else if (field === 'id') id = value;
    else if (field === 'retry' && /^\d{1,9}$/.test(value)) retryMs = Number(value);
  }
  if (id === undefined && retryMs === undefined && data.every((line) => line === '')) return undefined;
  return { event, id, ...(retryMs === undefined ? {} : { retryMs }), data: data.join('\n') };
}

/** A JSON-RPC message as one event. JSON text holds no raw line break outside a string, and none inside one. */
export function formatEvent(json: string): string {
  return `event: message\ndata: ${json.replace(/\r\n|\r|\n/g, ' ')}\n\n`;
}
