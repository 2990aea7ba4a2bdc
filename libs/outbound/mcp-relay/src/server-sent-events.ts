import { SallyportError } from '@sallyport/kernel';

/** One event of a stream (HTML living standard, 9.2); what carries neither data, id nor retry time is none. */
export interface ServerSentEvent {
  readonly event: string | undefined;
  readonly id: string | undefined;
  /** Milliseconds to wait before the stream is asked for again. */
  readonly retryMs?: number;
  readonly data: string;
}

/**
 * Reads events as they arrive, never faster than they are taken. Comments and empty events are skipped.
 * @throws SallyportError `message_too_large` when one event exceeds `maxEventBytes`.
 */
export async function* readEvents(chunks: AsyncIterable<Uint8Array>, maxEventBytes: number): AsyncGenerator<ServerSentEvent> {
  const decoder = new TextDecoder('utf-8');
  /** The unfinished line, in the pieces it came in: each is searched once, however small they are. */
  let unfinished: string[] = [];
  let lines: string[] = [];
  let size = 0;
  let heldBack = '';
  for await (const chunk of chunks) {
    let text = heldBack + decoder.decode(chunk, { stream: true });
    // A CR at the very end may be half of CRLF.
    heldBack = text.endsWith('\r') ? '\r' : '';
    if (heldBack !== '') text = text.slice(0, -1);
    size += chunk.length;
    let start = 0;
    for (const { index, 0: lineBreak } of text.matchAll(/\r\n|\r|\n/g)) {
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
    if (size > maxEventBytes) throw new SallyportError('message_too_large', 'The server sent a message that is too large.');
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
