import { chainedEvent, UNNUMBERED, unpackEntries, type ChainedEvent, type ChainEntry } from './chain-entry.js';
import { wentBack, type Checkpoint, type StoreCounters } from './checkpoint.js';
import { added, compareEvents } from './compare-events.js';
import type { Finding } from './finding.js';
import { openCheckpoint, type SignedCheckpoint } from './signed-checkpoint.js';
import type { NoteKey } from './signed-note.js';

/** A checkpoint as it is kept and exported. */
export interface GivenCheckpoint {
  /** Text and signatures. */
  readonly note: string;
  /** Of `packEntries`: says which event differs, where one does. */
  readonly entries?: Uint8Array | undefined;
}

/** Where a chain was verified up to. */
export interface ChainPosition {
  readonly number: number;
  readonly digest: string;
  readonly upTo: number;
}

export interface ChainOptions {
  readonly keys: readonly NoteKey[];
  /** Begins after this one, which counts as verified; else with the first. */
  readonly after?: ChainPosition | undefined;
  /** The newest checkpoint's, where it is known: see `keepsFrom` of a checkpoint. */
  readonly keepsFrom?: number | undefined;
  /** Checkpoints somebody kept elsewhere. */
  readonly known?: readonly string[] | undefined;
  /** Of the store that the events come from, now. */
  readonly store?: (StoreCounters & { readonly sequence: number }) | undefined;
}

export interface ChainReport {
  readonly checkpoints: number;
  /** Events that are as the checkpoints say. */
  readonly events: number;
  /** Events that were kept for as long as events are. */
  readonly dropped: number;
  /** Events that arrived before the first checkpoint's: of an older version. */
  readonly before: number;
  /** Events that no checkpoint speaks of yet. */
  readonly after: number;
  /** In the order of the chain; the first of them, if there are very many. */
  readonly findings: readonly Finding[];
  readonly moreFindings: number;
  readonly last: (ChainPosition & { readonly at: number }) | undefined;
}

const MOST_FINDINGS = 100;
/** Digests of checkpoints that copies in later events are compared with. */
const RECENT = 10_000;
interface Window {
  readonly after: number;
  readonly upTo: number;
  readonly checkpoints: Map<string, { readonly checkpoint: Checkpoint; readonly entries: ChainEntry[] | undefined }>;
  /** One of its checkpoints may be missing: of writers without one nothing is known. */
  isUncertain: boolean;
}
/**
 * Compares events with checkpoints, in one pass: events in order of arrival, each checkpoint after the events it speaks
 * of. Remembers what arrived since the last checkpoint, and no more.
 */
export class ChainVerifier {
  readonly #options: ChainOptions;
  readonly #findings: Finding[] = [];
  readonly #known = new Map<number, SignedCheckpoint>();
  readonly #recent = new Map<number, string>();
  #newestKnown: SignedCheckpoint | undefined;
  #leftOut = 0;
  #position: ChainPosition | undefined;
  #lastAt = 0;
  #keepsFrom: number;
  #window: Window | undefined;
  /** Since the last one that was taken. */
  #refused = 0;
  #isUncertain = false;
  #closedUpTo = -1;
  #isForked = false;
  #waiting: ChainedEvent[] = [];
  #lastSequence = -1;
  readonly #counts = { checkpoints: 0, events: 0, dropped: 0, before: 0 };

  constructor(options: ChainOptions) {
    this.#options = options;
    this.#position = options.after;
    this.#closedUpTo = options.after?.upTo ?? -1;
    this.#keepsFrom = options.keepsFrom ?? -Infinity;
    for (const note of options.known ?? []) this.#know(note);
  }

  /** @param stored with its sequence, and everything that was stored */
  event(stored: Readonly<Record<string, unknown>>): void {
    const event = chainedEvent(stored);
    if (event === undefined) return this.#find({ kind: 'added', why: 'It has no sequence: it is no event.' });
    const { sequence, id, writer, n, at } = event;
    const isLate = sequence <= this.#lastSequence;
    if (isLate)
      this.#find({
        kind: 'reordered',
        writer,
        n,
        sequence,
        id,
        at,
        why: 'It comes after an event that arrived later.',
      });
    this.#lastSequence = Math.max(this.#lastSequence, sequence);
    if (event.type === 'audit.checkpoint') this.#compareCopy(event, stored['detail']);
    if (sequence > this.#closedUpTo) this.#waiting.push(event);
    else if (!isLate) this.#find(added(event, undefined));
  }

  checkpoint({ note, entries }: GivenCheckpoint): void {
    const opened = openCheckpoint(note, this.#options.keys);
    if (typeof opened === 'string') {
      this.#find({ kind: 'checkpoint-refused', checkpoint: numberSaidBy(note), why: opened });
      this.#refused += 1;
      return this.#doubt();
    }
    const { checkpoint, digest } = opened;
    const { number, writer, after, upTo, at, keepsFrom } = checkpoint;
    if (!this.#follows(opened)) return;
    this.#compareKnown(opened);
    if (this.#window === undefined || this.#window.after !== after || this.#window.upTo !== upTo)
      this.#begin(checkpoint);
    this.#window?.checkpoints.set(writer, { checkpoint, entries: entries && unpackEntries(entries) });
    this.#counts.checkpoints += 1;
    this.#position = { number, digest, upTo };
    this.#recent.set(number, digest);
    this.#recent.delete(number - RECENT);
    this.#lastAt = at;
    this.#keepsFrom = Math.max(this.#keepsFrom, keepsFrom);
  }

  end(): ChainReport {
    this.#close();
    this.#compareEnd();
    const { checkpoints, events, dropped, before } = this.#counts;
    return {
      checkpoints,
      events,
      dropped,
      before,
      after: this.#waiting.length,
      findings: this.#findings,
      moreFindings: this.#leftOut,
      last: this.#position && { ...this.#position, at: this.#lastAt },
    };
  }

  /** Whether a checkpoint is one behind the last. One that comes too early is taken, and those between are missing. */
  #follows({ checkpoint: { number, previous, at } }: SignedCheckpoint): boolean {
    const position = this.#position;
    const next = (position?.number ?? 0) + 1;
    const expected = next + this.#refused;
    this.#refused = 0;
    const before = this.#lastAt || undefined;
    if (number < next) {
      const why = 'It comes after one with a higher number.';
      this.#find({ kind: 'checkpoint-out-of-place', checkpoint: number, at, why });
      return false;
    }
    if (number > expected) {
      const to = number - 1 === expected ? undefined : number - 1;
      this.#find({ kind: 'checkpoint-removed', checkpoint: expected, to, at: before, why: 'It is not there.' });
      this.#doubt();
    } else if (number === next && previous !== (position?.digest ?? null)) {
      const why = 'The next checkpoint follows another one of this number.';
      this.#find({ kind: 'checkpoint-changed', checkpoint: number - 1, at: before, why });
    }
    return true;
  }

  /** A checkpoint is missing, of this window or of the next. */
  #doubt(): void {
    this.#isUncertain = true;
    if (this.#window !== undefined) this.#window.isUncertain = true;
  }

  #begin({ number, after, upTo, at }: Checkpoint): void {
    this.#close();
    const end = this.#closedUpTo;
    if (this.#isUncertain) this.#waiting = this.#waiting.filter(({ sequence }) => sequence > after);
    else if (end === -1) this.#forgetBefore(after);
    else if (after !== end)
      this.#find({ kind: 'checkpoint-changed', checkpoint: number, at, why: 'It begins where no other one ends.' });
    this.#window = { after, upTo, checkpoints: new Map(), isUncertain: this.#isUncertain };
    this.#isUncertain = false;
  }

  /** Compares all that arrived in the window with its checkpoints. */
  #close(): void {
    const window = this.#window;
    if (window === undefined) return;
    this.#window = undefined;
    this.#closedUpTo = window.upTo;
    const writers = new Map<string, ChainedEvent[]>([...window.checkpoints.keys()].map((writer) => [writer, []]));
    const later: ChainedEvent[] = [];
    for (const event of this.#waiting.toSorted((a, b) => a.sequence - b.sequence)) {
      const events = writers.get(event.writer);
      if (event.sequence > window.upTo) later.push(event);
      else if (events === undefined) writers.set(event.writer, [event]);
      else events.push(event);
    }
    this.#waiting = later;
    const found: Finding[] = [];
    for (const [writer, events] of writers) {
      const given = window.checkpoints.get(writer);
      if (given !== undefined) found.push(...this.#compare(given, events));
      else if (!window.isUncertain) found.push(...events.map((event) => added(event, undefined)));
    }
    for (const finding of joined(found)) this.#find(finding);
  }

  #compare(given: { checkpoint: Checkpoint; entries: ChainEntry[] | undefined }, events: readonly ChainedEvent[]) {
    const { findings, dropped } = compareEvents(given.checkpoint, events, given.entries, this.#keepsFrom);
    this.#counts.dropped += dropped;
    this.#counts.events += Math.max(0, events.length - findings.filter(({ id }) => id !== undefined).length);
    return findings;
  }

  /** What arrived before there were checkpoints has no number of a writer. */
  #forgetBefore(sequence: number): void {
    for (const event of this.#waiting.filter((one) => one.sequence <= sequence)) {
      if (event.writer === UNNUMBERED) this.#counts.before += 1;
      else this.#find(added(event, undefined));
    }
    this.#waiting = this.#waiting.filter((event) => event.sequence > sequence);
  }

  #know(note: string): void {
    const opened = openCheckpoint(note, this.#options.keys);
    if (typeof opened === 'string') {
      this.#find({
        kind: 'checkpoint-refused',
        checkpoint: numberSaidBy(note),
        why: `A copy kept elsewhere: ${opened}`,
      });
      return;
    }
    const { number, keepsFrom } = opened.checkpoint;
    this.#keepsFrom = Math.max(this.#keepsFrom, keepsFrom);
    this.#known.set(number, opened);
    if (number >= (this.#newestKnown?.checkpoint.number ?? 0)) this.#newestKnown = opened;
  }

  /** The trail tells of each checkpoint: another one of that number is not it. */
  #compareCopy({ sequence, id, writer, n, at }: ChainedEvent, detail: unknown): void {
    const note = typeof detail === 'object' && detail !== null && 'text' in detail ? detail.text : undefined;
    const opened = typeof note === 'string' ? openCheckpoint(note, this.#options.keys) : 'It holds no checkpoint.';
    if (typeof opened === 'string')
      return this.#find({
        kind: 'changed',
        writer,
        n,
        sequence,
        id,
        at,
        why: `The event tells of a checkpoint. ${opened}`,
      });
    const { checkpoint, digest } = opened;
    const recent = this.#recent.get(checkpoint.number);
    if (recent !== undefined && recent !== digest)
      this.#find({
        kind: 'checkpoint-changed',
        checkpoint: checkpoint.number,
        at: checkpoint.at,
        why: 'The trail tells of another one.',
      });
    if (checkpoint.number > (this.#position?.number ?? 0)) this.#know(String(note));
  }

  /** Two checkpoints of one number: the store lost its end, and went on. */
  #compareKnown({ checkpoint, digest }: SignedCheckpoint): void {
    const known = this.#known.get(checkpoint.number);
    const newest = this.#newestKnown;
    this.#known.delete(checkpoint.number);
    if (known === undefined || known.digest === digest || newest === undefined || this.#isForked) return;
    this.#isForked = true;
    // Sequences are given once: events under those of lost ones came to a store that had not given them yet.
    const { after, store } = checkpoint;
    const isAgain = this.#waiting.some(({ sequence }) => sequence > after && sequence <= newest.checkpoint.upTo);
    const isEarlier = isAgain || wentBack(newest.checkpoint.store, store);
    this.#endedAt(checkpoint.number, newest, isEarlier ? 'restored' : 'cut-off');
  }

  #compareEnd(): void {
    const newest = this.#newestKnown;
    const next = (this.#position?.number ?? 0) + 1;
    if (newest === undefined || newest.checkpoint.number < next || this.#isForked) return;
    const { store } = this.#options;
    if (store === undefined) return this.#endedAt(next, newest, 'ends-early');
    const isEarlier = store.sequence < newest.checkpoint.upTo || wentBack(newest.checkpoint.store, store);
    this.#endedAt(next, newest, isEarlier ? 'restored' : 'cut-off');
  }

  #endedAt(number: number, newest: SignedCheckpoint, kind: 'restored' | 'cut-off' | 'ends-early'): void {
    const to = newest.checkpoint.number;
    const words = {
      restored:
        'The store is one of an earlier time: a backup was restored. What these checkpoints speak of is not in it.',
      'cut-off':
        'The end was removed: what these checkpoints speak of is not there, and the store did not go back in time.',
      'ends-early': 'Later checkpoints are known: the end was removed, or this is of a backup of an earlier time.',
    };
    const at = this.#lastAt || undefined;
    this.#find({ kind, checkpoint: number, ...(to !== number && { to }), at, why: words[kind] });
  }

  #find(finding: Finding): void {
    if (this.#findings.length < MOST_FINDINGS) this.#findings.push(finding);
    else this.#leftOut += 1;
  }
}

/** In order of arrival. What is missing of one writer and too much of another was changed. */
function joined(findings: readonly Finding[]): Finding[] {
  const removed = new Map(findings.filter(({ kind }) => kind === 'removed').map((one) => [one.sequence, one]));
  const twice = new Set(findings.filter(({ kind, sequence }) => kind === 'added' && removed.has(sequence)));
  const moved = new Map([...twice].map(({ sequence, id }) => [sequence, id]));
  return findings
    .filter((finding) => !twice.has(finding))
    .map((finding): Finding => {
      const isMoved = finding.kind === 'removed' && finding.sequence !== undefined && moved.has(finding.sequence);
      const why = 'The event is said to be another writer’s.';
      return isMoved ? { ...finding, kind: 'changed', id: moved.get(finding.sequence), why } : finding;
    })
    .sort((a, b) => (a.sequence ?? 0) - (b.sequence ?? 0));
}

/** What a note says it is, believed by nobody. */
function numberSaidBy(note: string): number | undefined {
  const said = Number(/^checkpoint (\d{1,15})$/m.exec(note)?.[1]);
  return Number.isSafeInteger(said) ? said : undefined;
}
