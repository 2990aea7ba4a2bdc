import { SallyportError } from '@sallyport/kernel';

const QUOTE = 0x22;
const SLASH = 0x2f;
const BACKSLASH = 0x5c;
const ZERO = 0x30;
const U = 0x75;

/** Whether a byte ends a text of JSON, begins an escape, or may not stand in a text (RFC 8259 section 7). */
const isSpecial = (byte: number): boolean => byte < 0x20 || byte === QUOTE || byte === BACKSLASH;

/** Behind one escape there is often another. */
const NEAR = 48;

/**
 * Where a text of JSON goes on otherwise than with plain characters: at its end, at an escape, at what may not stand in
 * it; the length when that does not come.
 */
export function endOfPlain(bytes: Uint8Array, from: number): number {
  const { length } = bytes;
  const near = Math.min(length, from + NEAR + (-(bytes.byteOffset + from + NEAR) & 3));
  let at = from;
  while (at < near && !isSpecial(bytes[at] ?? 0)) at += 1;
  if (at < near || near === length) return at;
  at += plainBytes(new Int32Array(bytes.buffer, bytes.byteOffset + at, (length - at) >>> 2));
  while (at < length && !isSpecial(bytes[at] ?? 0)) at += 1;
  return at;
}

/**
 * How many bytes are surely plain, in words of four. The difference `word - n` of a byte below `n` borrows, and sets
 * its highest bit.
 */
function plainBytes(words: Int32Array): number {
  const most = words.length - 3;
  let at = 0;
  for (; at < most; at += 4) {
    const a = words[at] ?? 0;
    const b = words[at + 1] ?? 0;
    const c = words[at + 2] ?? 0;
    const d = words[at + 3] ?? 0;
    if (((specialIn(a) | specialIn(b) | specialIn(c) | specialIn(d)) & 0x80808080) !== 0) break;
  }
  return at * 4;
}

/** Has a highest bit of a byte set where one of the four is special. */
function specialIn(word: number): number {
  const quotes = word ^ 0x22222222;
  const backslashes = word ^ 0x5c5c5c5c;
  return (
    ((word - 0x20202020) & ~word) | ((quotes - 0x01010101) & ~quotes) | ((backslashes - 0x01010101) & ~backslashes)
  );
}

/** What was read of a text of JSON. */
export interface TextRead {
  /** Spelt plainly: printable ASCII is escaped only where it must be. The bytes that came, where they are so. */
  readonly text: Uint8Array;
  /** Behind it, and behind the closing quote where that was reached. Before an escape that is not all there. */
  readonly at: number;
  readonly hasEnded: boolean;
}

/**
 * Reads a text from `from` on, as far as it is there: no copy is made where nothing has to be spelt otherwise. `\/` and
 * `\u0041` say no more than `/` and `A`, and could hide what must not be told.
 * @throws SallyportError `relay_not_json`
 */
export function readText(bytes: Buffer, from: number): TextRead {
  let spelt: Buffer | undefined;
  let written = 0;
  let copied = from;
  for (let at = endOfPlain(bytes, from); ; at = endOfPlain(bytes, at)) {
    const hasEnded = bytes[at] === QUOTE;
    const length = hasEnded ? 0 : lengthOfEscape(bytes, at);
    if (length === 0) {
      if (spelt === undefined) return { text: bytes.subarray(from, at), at: hasEnded ? at + 1 : at, hasEnded };
      written += bytes.copy(spelt, written, copied, at);
      return { text: spelt.subarray(0, written), at: hasEnded ? at + 1 : at, hasEnded };
    }
    const plain = plainCharacter(bytes, at, length);
    if (plain !== undefined) {
      spelt ??= Buffer.allocUnsafe(bytes.length - from);
      written += bytes.copy(spelt, written, copied, at);
      spelt[written++] = plain;
      copied = at + length;
    }
    at += length;
  }
}

/** 0 where it is not all there. */
function lengthOfEscape(bytes: Uint8Array, at: number): 0 | 2 | 6 {
  if (at === bytes.length) return 0;
  if (bytes[at] !== BACKSLASH) throw notJson();
  const letter = bytes[at + 1];
  if (letter === undefined) return 0;
  if (letter !== U) {
    if (!ESCAPED.has(letter)) throw notJson();
    return 2;
  }
  if (at + 6 > bytes.length) return 0;
  for (let digit = at + 2; digit < at + 6; digit++) if (Number.isNaN(valueOfDigit(bytes[digit]))) throw notJson();
  return 6;
}

const ESCAPED: ReadonlySet<number> = new Set(Buffer.from('"\\/bfnrt'));

/** The printable character of ASCII that an escape stands for, unless it must be escaped. */
function plainCharacter(bytes: Uint8Array, at: number, length: 2 | 6): number | undefined {
  if (length === 2) return bytes[at + 1] === SLASH ? SLASH : undefined;
  if (bytes[at + 2] !== ZERO || bytes[at + 3] !== ZERO) return undefined;
  const code = valueOfDigit(bytes[at + 4]) * 16 + valueOfDigit(bytes[at + 5]);
  return code < 0x7f && !isSpecial(code) ? code : undefined;
}

/** Of a hexadecimal digit; NaN of another character. */
function valueOfDigit(byte = 0): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : Number.NaN;
}

const notJson = () => new SallyportError('relay_not_json', 'The server sent text that is no JSON.');
