import { SallyportError } from '@sallyport/kernel';

/** One event of a stream (HTML living standard, 9.2); what carries neither data, id nor retry time is none. */
export interface ServerSentEvent {
  readonly event: string | undefined;
  readonly id: string | undefined;
  /** Milliseconds to wait before the stream is asked for again. */
  readonly retryMs?: number;
  readonly data: string;
  /** Of an event that is too large: what follows `data`, to be taken wholly before the next event is asked for. */
  readonly rest?: AsyncIterable<string>;
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
  const texts = decoded(chunks);
  for (let next = await texts.next(); next.done !== true; next = await texts.next()) {
    let { text } = next.value;
    size += next.value.bytes;
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
      if (event !== undefined) yield { ...event, rest: restOfData(texts, (left) => (after = left)) };
      if (after === undefined) return; // nobody wanted the rest, or it broke off
      [text, unfinished, lines, size, isRead] = [after, [], [], after.length, false];
    }
  }
}

const LINE_BREAK = /\r\n|\r|\n/g;

async function* decoded(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ readonly text: string; readonly bytes: number }> {
  const decoder = new TextDecoder('utf-8');
  let heldBack = '';
  for await (const chunk of chunks) {
    const text = heldBack + decoder.decode(chunk, { stream: true });
    // A CR at the very end may be half of CRLF.
    heldBack = text.endsWith('\r') ? '\r' : '';
    yield { text: heldBack === '' ? text : text.slice(0, -1), bytes: chunk.length };
  }
}

const MAX_OTHER_LINE = 64 * 1024;

/** From the middle of a line of data to the end of its event. @param onEnd what follows that */
async function* restOfData(
  texts: AsyncGenerator<{ readonly text: string }>,
  onEnd: (after: string) => void,
): AsyncGenerator<string> {
  /** The beginning of a line, as long as it may be another field than `data`. */
  let line: string | undefined;
  for (let next = await texts.next(); next.done !== true; next = await texts.next()) {
    const { text } = next.value;
    for (let at = 0; at < text.length;) {
      LINE_END.lastIndex = at;
      const lineBreak = LINE_END.exec(text);
      const part = text.slice(at, lineBreak?.index);
      at = lineBreak === null ? text.length : lineBreak.index + lineBreak[0].length;
      if (line === undefined) yield part;
      else {
        line += part;
        if (line === '' && lineBreak !== null) return onEnd(text.slice(at));
        if (line.length > MAX_OTHER_LINE && !line.startsWith('data:'))
          throw new SallyportError('message_too_large', 'The server sent a message that is too large.');
        // Only once it is known whether a space follows, which is not data.
        if (line.startsWith('data:') && (line.length > 'data:'.length || lineBreak !== null)) {
          yield `\n${line.slice('data:'.length).replace(/^ /, '')}`;
          line = undefined;
        }
      }
      if (lineBreak !== null) line = '';
    }
  }
}

const LINE_END = /\r\n|\r|\n/g;

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
