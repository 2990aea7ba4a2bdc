import { randomUUID } from 'node:crypto';
import { SallyportError } from '@sallyport/kernel';
import { parseMessage } from './json-rpc.js';
import type { LargeText, RequestId, ServerMessage } from './json-rpc.js';
import { endOfPlain, readText } from './text-in-json.js';

export interface LargeMessageLimits {
  /** Of what is not passed on as it comes, in bytes. */
  readonly maxHeld: number;
  /** Of all of it, in bytes. */
  readonly maxLength: number;
  /** Whose response it must be: a message may say so only at its end. */
  readonly id: RequestId;
  /** Told of each part that stays, in bytes; throws where there is no room for it. */
  readonly hold?: (bytes: number) => void;
}

/** A text this long is not looked at, and so need not be held. */
const LONG = 64 * 1024;
/** Of what comes next. */
const MIN_READ = 16 * 1024;
/** As `parseMessage`. */
const MAX_DEPTH = 256;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const NOTHING = Buffer.alloc(0);

/**
 * Reads a message that is too large to hold: all of it but its long texts, which are passed on as they come. Each time
 * a long text begins, what is known so far is a whole message with a marker in its place; see {@link
 * ServerMessage.large}.
 * @param begun what was read already; as all of it, UTF-8 in whole characters
 * @throws SallyportError `message_too_large` also for one that is large by other things than texts
 */
export async function readLargeMessage(
  begun: Buffer,
  rest: AsyncIterable<Buffer>,
  limits: LargeMessageLimits,
): Promise<ServerMessage | undefined> {
  return await new LargeReader(begun, rest[Symbol.asyncIterator](), limits).known();
}

/**
 * All of it after all, when it cannot be passed on as it comes.
 * @throws SallyportError `message_too_large` when that is more than `maxHeld` bytes
 */
export async function wholeMessage(message: ServerMessage, maxHeld: number): Promise<ServerMessage | undefined> {
  const texts: { readonly marker: string; readonly text: string }[] = [];
  let held = 0;
  let known: ServerMessage | undefined = message;
  while (known?.large !== undefined) {
    const { marker, text, next, hold }: LargeText = known.large;
    const pieces: Uint8Array[] = [];
    for await (const piece of text) {
      pieces.push(piece);
      if ((held += piece.length) > maxHeld) throw tooLarge();
      hold(piece.length);
    }
    texts.push({ marker, text: Buffer.concat(pieces).toString('utf8') });
    known = await next();
  }
  return known && parseMessage(texts.reduce((json, { marker, text }) => json.replace(marker, () => text), known.json));
}

class LargeReader {
  readonly #rest: AsyncIterator<Buffer>;
  readonly #limits: LargeMessageLimits;
  /** Not looked at yet, from `#at` on. */
  #buffer: Buffer;
  #at = 0;
  #length: number;
  /** The message without its long texts. */
  #held = '';
  #heldBytes = 0;
  readonly #open: ('{' | '[')[] = [];
  #isKey = false;

  constructor(begun: Buffer, rest: AsyncIterator<Buffer>, limits: LargeMessageLimits) {
    this.#buffer = begun;
    this.#length = begun.length;
    this.#rest = rest;
    this.#limits = limits;
  }

  /** All of it, or all up to the next long text. */
  async known(): Promise<ServerMessage | undefined> {
    if (!(await this.#readToText())) return parseMessage(this.#held);
    const marker = `long-text-${randomUUID()}`;
    this.#hold(marker);
    const known = parseMessage(this.#ended());
    const next = async () => {
      this.#hold('"');
      return await this.known();
    };
    return (
      known && {
        ...known,
        large: {
          marker,
          text: this.#text(),
          next,
          hold: (bytes) => this.#limits.hold?.(bytes),
          cancel: () => void this.#rest.return?.(),
        },
      }
    );
  }

  /** @returns whether a long text begins; otherwise the message has ended. */
  async #readToText(): Promise<boolean> {
    for (;;) {
      const start = this.#at;
      const isInText = this.#skipKnown();
      this.#hold(this.#buffer.toString('utf8', start, this.#at), this.#at - start);
      if (isInText && this.#buffer.length - this.#at > LONG) {
        if (this.#isKey) throw tooLarge();
        this.#hold('"');
        this.#at += 1;
        return true;
      }
      if (await this.#more()) continue;
      if (isInText) throw interrupted();
      return false;
    }
  }

  /**
   * Moves on to a text that is long or not all there, or to the end of what is there.
   * @returns whether it is such a text.
   */
  #skipKnown(): boolean {
    const buffer = this.#buffer;
    for (let at = this.#at; at < buffer.length; at++) {
      switch (buffer[at] ?? 0) {
        case QUOTE: {
          const end = endOfText(buffer, at + 1);
          if (end === undefined || end - at > LONG) {
            this.#at = at;
            return true;
          }
          at = end - 1;
          break;
        }
        case 0x5b:
        case 0x7b: // [ {
          this.#open.push(buffer[at] === 0x7b ? '{' : '[');
          if (this.#open.length > MAX_DEPTH) throw tooLarge();
          this.#isKey = this.#open.at(-1) === '{';
          break;
        case 0x5d:
        case 0x7d: // ] }
          this.#open.pop();
          this.#isKey = false;
          break;
        case 0x3a: // :
          this.#isKey = false;
          break;
        case 0x2c: // ,
          this.#isKey = this.#open.at(-1) === '{';
          break;
      }
    }
    this.#at = buffer.length;
    return false;
  }

  /** The long text as it stands in JSON, spelt plainly. */
  async *#text(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const { text, at, hasEnded } = readText(this.#buffer, this.#at);
        this.#at = at;
        if (text.length > 0) yield text;
        if (hasEnded) return;
        if (!(await this.#more())) throw interrupted();
      }
    } catch (error) {
      void this.#rest.return?.();
      throw error;
    }
  }

  #hold(text: string, bytes = text.length): void {
    this.#held += text;
    this.#heldBytes += bytes;
    if (this.#heldBytes > this.#limits.maxHeld) throw tooLarge();
    this.#limits.hold?.(bytes);
  }

  /** Enough at a time that what was looked at in vain is not looked at again for every byte. */
  async #more(): Promise<boolean> {
    const pieces: Buffer[] = this.#at === this.#buffer.length ? [] : [this.#buffer.subarray(this.#at)];
    let size = 0;
    while (size < MIN_READ) {
      const { value, done } = await this.#rest.next();
      if (done === true) break;
      pieces.push(value);
      size += value.length;
      this.#length += value.length;
      if (this.#length > this.#limits.maxLength) throw tooLarge();
    }
    const [only = NOTHING, another] = pieces;
    this.#buffer = another === undefined ? only : Buffer.concat(pieces);
    this.#at = 0;
    return size > 0;
  }

  /** What is held, ended as if nothing more came, as the response it must turn out to be. */
  #ended(): string {
    const closed = `${this.#held}"${this.#open
      .slice(1)
      .map((bracket) => (bracket === '{' ? '}' : ']'))
      .reverse()
      .join('')}`;
    const members = parsedMembers(`${closed}}`);
    const version = 'jsonrpc' in members ? '' : ',"jsonrpc":"2.0"';
    const id = 'id' in members ? '' : `,"id":${JSON.stringify(this.#limits.id)}`;
    return `${closed}${version}${id}}`;
  }
}

function parsedMembers(json: string): object {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {}; // no JSON, which the caller finds out again
  }
}

/** Behind its closing quote, of a text whose inside is at `from`; `undefined` when it has none yet, or not soon. */
function endOfText(bytes: Uint8Array, from: number): number | undefined {
  for (let at = endOfPlain(bytes, from); at < bytes.length && at - from <= LONG; at = endOfPlain(bytes, at)) {
    if (bytes[at] === QUOTE) return at + 1;
    at += bytes[at] === BACKSLASH ? 2 : 1;
  }
  return undefined;
}

const tooLarge = () => new SallyportError('message_too_large', 'The server sent a message that is too large.');
const interrupted = () => new SallyportError('relay_interrupted', 'The server ended in the middle of a message.');
