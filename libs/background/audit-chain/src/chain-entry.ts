import { canonicalJson } from './canonical-json.js';
import { leafHash } from './merkle-root.js';
import { sha256 } from './sha256.js';

/** What the chain holds of one stored event. */
export interface ChainEntry {
  /** Its place in the order of arrival. */
  readonly sequence: number;
  /** Its number among those of its writer. */
  readonly n: number;
  /** When it happened: milliseconds since the epoch, by its writer's clock. */
  readonly at: number;
  /** See `eventDigest`. */
  readonly digest: Buffer;
}

/** A stored event as the chain sees it. */
export interface ChainedEvent extends ChainEntry {
  readonly id: string;
  readonly type: string;
  readonly writer: string;
}

/** SHA-256 of an event's canonical JSON, without its sequence. */
export const eventDigest = (event: object): Buffer => digestOfText(canonicalJson(event));

/** The same, of the canonical JSON. */
export const digestOfText: (text: string) => Buffer = sha256;

/** The hash of the leaf that an entry is: of its canonical JSON. */
export const leafOf = ({ sequence, n, at, digest }: ChainEntry): Buffer =>
  leafHash(`{"at":${at},"digest":"${digest.toString('hex')}","n":${n},"sequence":${sequence}}`);

/** The writer of events that no writer numbered: an older version stored them. Their sequence is their number. */
export const UNNUMBERED = 'unnumbered';

/** @param stored an event with its sequence; @returns `undefined` for what has none */
export function chainedEvent(stored: Readonly<Record<string, unknown>>): ChainedEvent | undefined {
  const { sequence, ...event } = stored;
  if (typeof sequence !== 'number') return undefined;
  const { id, type, at, writer, n } = event;
  const text = (value: unknown) => (typeof value === 'string' ? value : '');
  const isNumbered = typeof writer === 'string' && typeof n === 'number';
  return {
    sequence,
    id: text(id),
    type: text(type),
    at: typeof at === 'number' ? at : 0,
    ...(isNumbered ? { writer, n } : { writer: UNNUMBERED, n: sequence }),
    digest: eventDigest(event),
  };
}

const NUMBER_BYTES = 6;
const DIGEST_BYTES = 32;
const ENTRY_BYTES = 3 * NUMBER_BYTES + DIGEST_BYTES;
/** Below what six bytes hold; a sequence or a number of records grows to it in centuries. */
const MOST = 2 ** (8 * NUMBER_BYTES) - 1;

/** Sequence, number and moment in six bytes each, then the digest; one entry after the other. */
export function packEntries(entries: readonly ChainEntry[]): Buffer {
  const bytes = Buffer.allocUnsafe(entries.length * ENTRY_BYTES);
  let offset = 0;
  for (const { sequence, n, at, digest } of entries) {
    for (const number of [sequence, n, at]) offset = bytes.writeUIntBE(Math.min(number, MOST), offset, NUMBER_BYTES);
    offset += digest.copy(bytes, offset);
  }
  return bytes;
}

/** @returns `undefined` for what is no list of entries */
export function unpackEntries(bytes: Uint8Array): ChainEntry[] | undefined {
  if (bytes.length % ENTRY_BYTES !== 0) return undefined;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / ENTRY_BYTES }, (_, index) => {
    const offset = index * ENTRY_BYTES;
    const number = (place: number) => buffer.readUIntBE(offset + place * NUMBER_BYTES, NUMBER_BYTES);
    const digest = buffer.subarray(offset + 3 * NUMBER_BYTES, offset + ENTRY_BYTES);
    return { sequence: number(0), n: number(1), at: number(2), digest };
  });
}
