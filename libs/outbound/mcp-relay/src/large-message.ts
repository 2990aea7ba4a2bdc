import { randomUUID } from 'node:crypto';
import { SallyportError } from '@sallyport/kernel';
import { parseMessage } from './json-rpc.js';
import type { LargeText, RequestId, ServerMessage } from './json-rpc.js';

export interface LargeMessageLimits {
  /** Of what is not passed on as it comes, in characters. */
  readonly maxHeld: number;
  /** Of all of it, in characters. */
  readonly maxLength: number;
  /** Whose response it must be: a message may say so only at its end. */
  readonly id: RequestId;
  /** Told of each part that stays, in characters; throws where there is no room for it. */
  readonly hold?: (characters: number) => void;
}

/** A text this long is not looked at, and so need not be held. */
const LONG = 64 * 1024;
/** Of what comes next. */
const MIN_READ = 16 * 1024;
/** As `parseMessage`. */
const MAX_DEPTH = 256;
/** What ends a text or needs a look: also what may not stand in one. */
// eslint-disable-next-line no-control-regex -- JSON (RFC 8259, 7) forbids them in a string
const IN_TEXT = /["\\\u0000-\u001f]/g;
const PLAIN_ASCII = /^(?:2[013-9a-f]|[346][0-9a-f]|5[0-9abd-f]|7[0-9a-e])$/i;

/**
 * Reads a message that is too large to hold: all of it but its long texts, which are passed on as they come. Each time
 * a long text begins, what is known so far is a whole message with a marker in its place; see {@link
 * ServerMessage.large}.
 * @param begun what was read already, in whole characters
 * @throws SallyportError `message_too_large` also for one that is large by other things than texts
 */
export async function readLargeMessage(
  begun: string,
  rest: AsyncIterable<string>,
  limits: LargeMessageLimits,
): Promise<ServerMessage | undefined> {
  return await new LargeReader(begun, rest[Symbol.asyncIterator](), limits).known();
}

/**
 * All of it after all, when it cannot be passed on as it comes.
 * @throws SallyportError `message_too_large` when that is more than `maxHeld` characters
 */
export async function wholeMessage(message: ServerMessage, maxHeld: number): Promise<ServerMessage | undefined> {
  const texts: { readonly marker: string; readonly text: string }[] = [];
  let held = 0;
  let known: ServerMessage | undefined = message;
  while (known?.large !== undefined) {
    const { marker, text, next, hold }: LargeText = known.large;
    const pieces: string[] = [];
    for await (const piece of text) {
      pieces.push(piece);
      if ((held += piece.length) > maxHeld) throw tooLarge();
      hold(piece.length);
    }
    texts.push({ marker, text: pieces.join('') });
    known = await next();
  }
  return known && parseMessage(texts.reduce((json, { marker, text }) => json.replace(marker, () => text), known.json));
}

class LargeReader {
  readonly #rest: AsyncIterator<string>;
  readonly #limits: LargeMessageLimits;
  /** Not looked at yet, from `#at` on. */
  #buffer: string;
  #at = 0;
  #length: number;
  /** The message without its long texts. */
  #held = '';
  readonly #open: ('{' | '[')[] = [];
  #isKey = false;

  constructor(begun: string, rest: AsyncIterator<string>, limits: LargeMessageLimits) {
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
          hold: (characters) => this.#limits.hold?.(characters),
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
      this.#hold(this.#buffer.slice(start, this.#at));
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
      switch (buffer.charCodeAt(at)) {
        case 0x22: {
          // "
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
          this.#open.push(buffer.charAt(at) === '{' ? '{' : '[');
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

  /** The long text as it stands in JSON, spelt plainly: printable ASCII is escaped only where it must be. */
  async *#text(): AsyncGenerator<string> {
    try {
      for (;;) {
        let plain = '';
        IN_TEXT.lastIndex = this.#at;
        for (let found = IN_TEXT.exec(this.#buffer); ; found = IN_TEXT.exec(this.#buffer)) {
          plain += this.#buffer.slice(this.#at, found?.index);
          this.#at = found?.index ?? this.#buffer.length;
          if (found === null) break;
          if (found[0] === '"') {
            this.#at += 1;
            yield plain;
            return;
          }
          const escape = /^\\(?:u([0-9a-fA-F]{4})|["\\/bfnrt])/.exec(this.#buffer.slice(this.#at, this.#at + 6));
          // Cut off, perhaps: the rest of it comes.
          if (escape === null && found[0] === '\\' && this.#buffer.length - this.#at < 6) break;
          if (escape === null) throw new SallyportError('relay_not_json', 'The server sent text that is no JSON.');
          plain += plainly(escape[0], escape[1]);
          this.#at += escape[0].length;
          IN_TEXT.lastIndex = this.#at;
        }
        if (plain !== '') yield plain;
        if (!(await this.#more())) throw interrupted();
      }
    } catch (error) {
      void this.#rest.return?.();
      throw error;
    }
  }

  #hold(text: string): void {
    this.#held += text;
    if (this.#held.length > this.#limits.maxHeld) throw tooLarge();
    this.#limits.hold?.(text.length);
  }

  /** Enough at a time that what was looked at in vain is not looked at again for every byte. */
  async #more(): Promise<boolean> {
    const pieces: string[] = [this.#buffer.slice(this.#at)];
    let size = 0;
    while (size < MIN_READ) {
      const { value, done } = await this.#rest.next();
      if (done === true) break;
      pieces.push(value);
      size += value.length;
      this.#length += value.length;
      if (this.#length > this.#limits.maxLength) throw tooLarge();
    }
    this.#buffer = pieces.join('');
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

/** Behind its closing quote, of a text whose inside is at `from`; `undefined` when it has none yet. */
function endOfText(text: string, from: number): number | undefined {
  for (let i = from; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x22) return i + 1;
    if (code === 0x5c) i += 1;
  }
  return undefined;
}

/** `\/` and `\u0041` say no more than `/` and `A`, and could hide what must not be told. */
function plainly(escape: string, hexadecimal: string | undefined): string {
  if (escape === '\\/') return '/';
  if (hexadecimal === undefined || !hexadecimal.startsWith('00') || !PLAIN_ASCII.test(hexadecimal.slice(2)))
    return escape;
  return String.fromCharCode(Number.parseInt(hexadecimal, 16));
}

const tooLarge = () => new SallyportError('message_too_large', 'The server sent a message that is too large.');
const interrupted = () => new SallyportError('relay_interrupted', 'The server ended in the middle of a message.');
