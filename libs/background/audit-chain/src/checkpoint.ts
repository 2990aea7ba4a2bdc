import { createHash } from 'node:crypto';
import { leafOf, type ChainEntry } from './chain-entry.js';
import { merkleRoot } from './merkle-root.js';
import { rangesOf, readRanges, writeRanges, type NumberRange } from './number-ranges.js';

/** What tells a database that went back in time from one whose rows somebody removed: see `wentBack`. */
export interface StoreCounters {
  /** Of the database and of the table of events. Another one after a copy, or a restore that makes them anew. */
  readonly identity: string;
  /** How many transactions there have been. It only rises, whatever becomes of rows. */
  readonly transactions: number;
}

/**
 * What is said of one writer's events that arrived between two moments. All checkpoints of a store are one chain by
 * their numbers and by `previous`; those of one window say of each writer what arrived in it, and nothing else did.
 */
export interface Checkpoint {
  /** Whose trail it is, e.g. `control.example/audit`. */
  readonly origin: string;
  /** From 1 on. */
  readonly number: number;
  /** The digest of the checkpoint before it; `null` of the first. */
  readonly previous: string | null;
  /** When it was made: milliseconds since the epoch. */
  readonly at: number;
  readonly writer: string;
  /** The window: events that arrived after this sequence, and up to that. */
  readonly after: number;
  readonly upTo: number;
  readonly count: number;
  /** The writer's numbers of these events. */
  readonly numbers: readonly NumberRange[];
  /** Merkle root of the entries, in order of arrival; hexadecimal. */
  readonly root: string;
  /** Events of before this moment need not be there any more: so long they are kept. */
  readonly keepsFrom: number;
  readonly store: StoreCounters;
}

/** What the entries of one writer and window come to. */
export function summarize(entries: readonly ChainEntry[]): Pick<Checkpoint, 'count' | 'numbers' | 'root'> {
  return {
    count: entries.length,
    numbers: rangesOf(entries.map(({ n }) => n)),
    root: merkleRoot(entries.map((entry) => leafOf(entry))).toString('hex'),
  };
}

const LINES = ['previous', 'time', 'writer', 'sequences', 'events', 'numbers', 'root', 'keeps-from', 'store'] as const;

/** The text that is signed: lines, each with its newline. */
export function writeCheckpoint(checkpoint: Checkpoint): string {
  const { origin, number, previous, at, writer, after, upTo, count, numbers, root, keepsFrom, store } = checkpoint;
  const values: Readonly<Record<(typeof LINES)[number], string>> = {
    previous: previous ?? 'none',
    time: new Date(at).toISOString(),
    writer,
    sequences: `${after + 1}-${upTo}`,
    events: String(count),
    numbers: writeRanges(numbers),
    root,
    'keeps-from': new Date(keepsFrom).toISOString(),
    store: `${store.identity} ${store.transactions}`,
  };
  return [origin, `checkpoint ${number}`, ...LINES.map((name) => `${name} ${values[name]}`), ''].join('\n');
}

const DIGEST = /^[0-9a-f]{64}$/;

/** @returns `undefined` for what `writeCheckpoint` did not write */
export function readCheckpoint(text: string): Checkpoint | undefined {
  const [origin = '', first = '', ...lines] = text.split('\n');
  if (lines.pop() !== '' || lines.length !== LINES.length) return undefined;
  const values = new Map<string, string>();
  for (const [index, name] of LINES.entries()) {
    const line = lines[index] ?? '';
    if (!line.startsWith(`${name} `)) return undefined;
    values.set(name, line.slice(name.length + 1));
  }
  const value = (name: (typeof LINES)[number]) => values.get(name) ?? '';
  const numbers = readRanges(value('numbers'));
  const [window] = readRanges(value('sequences')) ?? [];
  const [identity = '', transactions = ''] = value('store').split(' ');
  const checkpoint: Checkpoint = {
    origin,
    number: Number(first.replace(/^checkpoint /, '')),
    previous: value('previous') === 'none' ? null : value('previous'),
    at: Date.parse(value('time')),
    writer: value('writer'),
    after: (window?.[0] ?? Number.NaN) - 1,
    upTo: window?.[1] ?? Number.NaN,
    count: Number(value('events')),
    numbers: numbers ?? [],
    root: value('root'),
    keepsFrom: Date.parse(value('keeps-from')),
    store: { identity, transactions: Number(transactions) },
  };
  const { previous, root } = checkpoint;
  if (!DIGEST.test(root) || (previous !== null && !DIGEST.test(previous))) return undefined;
  // One text for one checkpoint: nothing else can be meant by what was signed.
  return isComplete(checkpoint) && writeCheckpoint(checkpoint) === text ? checkpoint : undefined;
}

const isComplete = ({ number, at, after, upTo, count, keepsFrom, store }: Checkpoint): boolean =>
  [number, at, after, upTo, count, keepsFrom, store.transactions].every((value) => Number.isSafeInteger(value));

/** Of the text that was signed, without its signatures: a witness may add one. Hexadecimal. */
export const checkpointDigest = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Whether a store that now says `now` is one that went back in time since it said `then`. */
export const wentBack = (then: StoreCounters, now: StoreCounters): boolean =>
  now.identity !== then.identity || now.transactions < then.transactions;
