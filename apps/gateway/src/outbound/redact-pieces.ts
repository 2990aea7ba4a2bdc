/** Bytes of the shortest trace that are looked for at most: the more of them, the fewer places are looked at. */
const MOST_PROBED = 64;
/** Of three bytes in a row. */
const GRAM = 3;
const REDACTED = Buffer.from('[redacted]');
const NOTHING: Buffer = Buffer.alloc(0);

interface Found {
  readonly start: number;
  readonly end: number;
}

/**
 * Takes traces out of a text that comes in pieces: a trace may begin in one and end in another. Says the same as
 * `SecretTraces.redact` of the whole text: the first trace is taken out, of those that begin at one place the longest,
 * then what follows is searched.
 *
 * Three bytes are looked at, then all but two of a trace's length are skipped: wherever a trace stands, three of its
 * bytes are among those looked at. Only where they are three bytes of some trace, traces are compared (Wu and Manber,
 * 1994).
 */
export class PieceRedactor {
  /** By their first byte, the longest first. */
  readonly #traces: readonly (readonly Buffer[] | undefined)[];
  readonly #longest: number;
  /** Bytes at the beginning of each trace of which grams are known. */
  readonly #probed: number;
  /** By hash: whether three such bytes have it. */
  readonly #grams = new Uint8Array(0x10000);
  /** What may be the beginning of a trace. */
  #held = NOTHING;

  /** @param traces none of them shorter than three bytes */
  constructor(traces: readonly string[]) {
    const all = traces.map((trace) => Buffer.from(trace, 'utf8')).toSorted((a, b) => b.length - a.length);
    this.#longest = all[0]?.length ?? 0;
    this.#probed = Math.min(MOST_PROBED, all.at(-1)?.length ?? 0);
    for (const trace of all) for (let at = 0; at + GRAM <= this.#probed; at++) this.#grams[hashAt(trace, at)] = 1;
    const byFirst: Buffer[][] = [];
    for (const trace of all) (byFirst[trace[0] ?? 0] ??= []).push(trace);
    this.#traces = byFirst;
  }

  /** What may leave of all pieces until this one. */
  *take(piece: Uint8Array): Generator<Uint8Array> {
    const bytes = this.#held.length === 0 ? asBuffer(piece) : Buffer.concat([this.#held, piece]);
    this.#held = NOTHING;
    yield* this.#redacted(bytes, (from) => this.#beginning(bytes, from));
  }

  /** What is left when all has come. */
  *rest(): Generator<Uint8Array> {
    const bytes = this.#held;
    yield* this.#redacted(bytes, () => bytes.length);
  }

  /** @param heldFrom where a trace may begin that is not all there */
  *#redacted(bytes: Buffer, heldFrom: (from: number) => number): Generator<Uint8Array> {
    if (this.#longest === 0) return yield bytes;
    for (let from = 0; ;) {
      const held = heldFrom(from);
      const found = this.#next(bytes, from);
      const end = found !== undefined && found.start < held ? found.start : held;
      if (end > from) yield bytes.subarray(from, end);
      if (found === undefined || found.start >= held) {
        this.#held = bytes.subarray(held);
        return;
      }
      yield REDACTED;
      from = found.end;
    }
  }

  /** The first whole trace from a place on. */
  #next(bytes: Buffer, from: number): Found | undefined {
    const before = this.#probed - GRAM;
    const last = bytes.length - GRAM;
    for (let at = from + before; at <= last; at += before + 1) {
      if (this.#grams[hashAt(bytes, at)] === 0) continue;
      for (let start = at - before; start <= at; start++) {
        const trace = this.#traces[bytes[start] ?? 0]?.find((one) => isAt(bytes, start, one, one.length));
        if (trace !== undefined) return { start, end: start + trace.length };
      }
    }
    return undefined;
  }

  /** The first place from which on all bytes are the beginning of a trace; the length if there is none. */
  #beginning(bytes: Buffer, from: number): number {
    for (let start = Math.max(from, bytes.length - this.#longest + 1); start < bytes.length; start++) {
      const length = bytes.length - start;
      const traces = this.#traces[bytes[start] ?? 0];
      if (traces?.some((trace) => trace.length > length && isAt(bytes, start, trace, length)) === true) return start;
    }
    return bytes.length;
  }
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const hashAt = (bytes: Buffer, at: number): number =>
  ((bytes[at] ?? 0) ^ ((bytes[at + 1] ?? 0) << 5) ^ ((bytes[at + 2] ?? 0) << 10)) & 0xffff;

/** Whether the first `length` bytes of a trace stand at a place. */
function isAt(bytes: Buffer, start: number, trace: Buffer, length: number): boolean {
  if (start + length > bytes.length) return false;
  for (let at = 0; at < length; at++) if (bytes[start + at] !== trace[at]) return false;
  return true;
}
