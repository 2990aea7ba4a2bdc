import { isUtf8 } from 'node:buffer';

const BYTE_ORDER_MARK = Buffer.from('\uFEFF');
const NOTHING: Buffer = Buffer.alloc(0);

/**
 * Bytes that come in pieces, as UTF-8 in whole characters: what is none is replaced as a decoder does it (Encoding
 * standard, section 4.1), and a byte order mark at the beginning is left out. Pieces that are so already are passed on
 * without a copy.
 */
export class WholeCharacters {
  /** The beginning of a character. */
  #begun = NOTHING;
  #isAtStart = true;

  /** All characters that are there; the last one may not be yet. */
  take(piece: Uint8Array): Buffer {
    const bytes =
      this.#begun.length === 0
        ? Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)
        : Buffer.concat([this.#begun, piece]);
    const end = endOfCharacters(bytes);
    this.#begun = end === bytes.length ? NOTHING : Buffer.from(bytes.subarray(end));
    const whole = bytes.subarray(0, end);
    const text = isUtf8(whole) ? whole : Buffer.from(whole.toString('utf8'));
    if (!this.#isAtStart || text.length === 0) return text;
    this.#isAtStart = false;
    return text.indexOf(BYTE_ORDER_MARK) === 0 ? text.subarray(BYTE_ORDER_MARK.length) : text;
  }
}

/** Before the last character where bytes of it are missing. */
function endOfCharacters(bytes: Uint8Array): number {
  const { length } = bytes;
  for (let back = 1; back <= 3 && back <= length; back++) {
    const byte = bytes[length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue; // not the first of its character
    return lengthOfCharacter(byte) > back ? length - back : length;
  }
  return length;
}

/** @param first its first byte */
const lengthOfCharacter = (first: number): number => (first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1);
