import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { SallyportError } from '@sallyport/kernel';
import type { Clock } from '@sallyport/kernel';
import { Segment, trimLeftover } from './segment.js';
import { localFiles } from './spool-files.js';
import type { SpoolFiles } from './spool-files.js';

const KIBIBYTE = 1024;
const NAME = /^(\d{14})-(\d{8})\.ndjson$/;
/** A smaller file is not worth the name: a disk that has less is full. */
const LEAST_SEGMENT_BYTES = 64 * KIBIBYTE;
/** The disk is asked this rarely whether it writes again. */
const RETRY_MS = 1_000;
/** Accepts again with room for this many records, so that it does not change its mind at every call. */
const ENOUGH_TO_ACCEPT = 4;
/** No room where there is none left, whoever counts them. */
const NO_SPACE: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

export interface EventSpoolOptions {
  /** One directory per replica; made when missing (0700). Nobody else writes there. */
  readonly directory: string;
  readonly clock: Clock;
  /** Bytes on disk at which appending stops. Default 512 MiB. */
  readonly maxBytes?: number;
  /** Size of a file, all of it written before it is used. Default 1 MiB. */
  readonly segmentBytes?: number;
  /** A larger record is refused: the bus would never carry it, and it would hold up all behind it. Default 64 KiB. */
  readonly maxRecordBytes?: number;
  /** What `reserve` sets aside; a record that is appended with it must not be larger. Default 8 KiB. */
  readonly reservedBytes?: number;
  /** Called when appending begins to fail and when it works again. */
  readonly onState?: (state: SpoolState) => void;
  readonly files?: SpoolFiles;
}

export type SpoolState =
  | { readonly accepting: true }
  /** `full`: at its own bound. `code` is the system's, such as `ENOSPC`. */
  | { readonly accepting: false; readonly reason: 'full' | 'disk-full' | 'write-failed'; readonly code?: string };
type Refusing = Extract<SpoolState, { accepting: false }>;

/** A file as whoever ships it sees it. */
export interface SpooledSegment {
  readonly path: string;
  readonly bytes: number;
  /** More may be written to it. */
  readonly open: boolean;
}

/** Room for one record that is to be written later, whatever happens to the disk meanwhile. */
export interface RecordRoom {
  /** Gives it back; appending with it has done so. */
  release(): void;
}

export interface AppendOptions {
  /** From `reserve`. */
  readonly room?: RecordRoom | undefined;
  /** Others come first: refused once half of the spool is used. */
  readonly yields?: boolean | undefined;
}

interface Entry {
  readonly line: string;
  readonly bytes: number;
  /** `reserved`: had room set aside. `owed`: had it, and could not be written. `yields`: see `AppendOptions`. */
  readonly standing: 'reserved' | 'owed' | 'yields' | 'plain';
  readonly done: (error?: SallyportError) => void;
}

/**
 * Records on their way to the event stream, written to a local file before the answer they describe ends. One write per
 * tick for all records of that tick, no fsync: what was appended survives the death of the process, not of the host.
 *
 * Disk use is bounded, and nothing is done that could not be recorded: `reserve` sets room aside before a call is sent,
 * in files whose bytes the disk has given already. Where there is no room the spool refuses, and so must its users,
 * before they do anything. Should a write fail all the same, records with room are kept in memory (no more of them than
 * calls were running) and written as soon as the disk writes again.
 */
export class EventSpool {
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #files: SpoolFiles;
  readonly #maxBytes: number;
  readonly #segmentBytes: number;
  readonly #leastSegmentBytes: number;
  readonly #maxRecordBytes: number;
  readonly #reservedBytes: number;
  readonly #onState: (state: SpoolState) => void;
  /** Full ones and those of former processes, oldest first. */
  readonly #closed: { readonly path: string; readonly bytes: number }[] = [];
  /** The first is being written to. */
  readonly #ready: Segment[] = [];
  /** Shipped, and the disk did not let go of them. */
  readonly #unremoved = new Map<string, number>();
  #pending: Entry[] = [];
  #owed: Entry[] = [];
  #reserved = 0;
  #sequence = 0;
  #isClosed = false;
  #state: SpoolState = { accepting: true };
  #failure: (Refusing & { readonly at: number }) | undefined;

  constructor(options: EventSpoolOptions) {
    this.#directory = options.directory;
    this.#clock = options.clock;
    this.#files = options.files ?? localFiles;
    this.#maxBytes = options.maxBytes ?? 512 * KIBIBYTE * KIBIBYTE;
    this.#segmentBytes = options.segmentBytes ?? KIBIBYTE * KIBIBYTE;
    this.#leastSegmentBytes = Math.min(this.#segmentBytes, LEAST_SEGMENT_BYTES);
    this.#maxRecordBytes = options.maxRecordBytes ?? 64 * KIBIBYTE;
    this.#reservedBytes = options.reservedBytes ?? 8 * KIBIBYTE;
    this.#onState = options.onState ?? (() => undefined);
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(this.#directory)
      .filter((file) => NAME.test(file))
      .sort()) {
      const path = join(this.#directory, name);
      const bytes = trimLeftover(path);
      if (bytes > 0) this.#closed.push({ path, bytes });
    }
    if (!this.#grow()) this.#refuse();
  }

  get state(): SpoolState {
    return this.#state;
  }

  /** Bytes not yet shipped. */
  get bytes(): number {
    return sum(this.#closed, ({ bytes }) => bytes) + sum(this.#ready, ({ bytes }) => bytes);
  }

  /** Takes records that only memory holds because a write failed, oldest first, to ship them from there. */
  takeOwed(limit: number): readonly string[] {
    return this.#owed.splice(0, limit).map(({ line }) => line);
  }

  /** Keeps records, as JSON, in memory until they can be written or are taken. */
  owe(lines: readonly string[]): void {
    this.#owed.push(
      ...lines.map((line): Entry => ({
        line,
        bytes: Buffer.byteLength(line),
        standing: 'owed',
        done: () => undefined,
      })),
    );
  }

  /** Sets room aside for one record. @returns `undefined` when there is none: then nothing may be done */
  reserve(): RecordRoom | undefined {
    if (!this.#state.accepting) return undefined;
    if (this.#slots() <= this.#reserved && !this.#grow()) {
      this.#refuse();
      return undefined;
    }
    this.#reserved += 1;
    let isHeld = true;
    return {
      release: () => {
        if (!isHeld) return;
        isHeld = false;
        this.#reserved -= 1;
        this.recover();
      },
    };
  }

  /**
   * Resolves once the record is in the file. Rejects with `event_too_large`, `event_spool_full`, or `event_spool_failed`;
   * a record that had room and failed is kept and written later.
   */
  append(record: unknown, { room, yields = false }: AppendOptions = {}): Promise<void> {
    const line = `${JSON.stringify(record)}\n`;
    const bytes = Buffer.byteLength(line);
    if (bytes > this.#maxRecordBytes) {
      room?.release();
      return Promise.reject(new SallyportError('event_too_large', 'An event is too large to be recorded.'));
    }
    return new Promise((resolve, reject) => {
      const done = (error?: SallyportError) => {
        room?.release();
        if (error === undefined) resolve();
        else reject(error);
      };
      this.#pending.push({
        line,
        bytes,
        standing: room !== undefined ? 'reserved' : yields ? 'yields' : 'plain',
        done,
      });
      if (this.#pending.length === 1) setImmediate(() => this.#flush());
    });
  }

  /** Those with records, oldest first. */
  segments(): readonly SpooledSegment[] {
    return [
      ...this.#closed.map(({ path, bytes }) => ({ path, bytes, open: false })),
      ...this.#ready.filter(({ bytes }) => bytes > 0).map(({ path, bytes }) => ({ path, bytes, open: true })),
    ];
  }

  /** Forgets records that were shipped, all of this file's: a closed one goes, an open one is filled anew. */
  release(path: string): void {
    const index = this.#closed.findIndex((segment) => segment.path === path);
    const [closed] = index === -1 ? [] : this.#closed.splice(index, 1);
    if (closed !== undefined) this.#remove(closed.path, closed.bytes);
    const current = this.#ready[0];
    if (current?.path === path) this.#empty(current);
    this.recover();
  }

  /** Accepts again once there is room or the disk writes again: a replica nobody calls gets well too. Asks it rarely. */
  recover(): void {
    for (const [path, bytes] of this.#unremoved) this.#remove(path, bytes);
    if (this.#state.accepting || this.#isClosed) return;
    if (this.#slots() < this.#reserved + ENOUGH_TO_ACCEPT + this.#owed.length && !this.#grow()) return;
    const owed = this.#owed;
    this.#owed = [];
    this.#write(owed);
    if (this.#owed.length > 0 || this.#slots() <= this.#reserved) return;
    this.#failure = undefined;
    this.#enter({ accepting: true });
  }

  /** Writes what is pending and closes the files. */
  close(): void {
    this.#isClosed = true;
    this.#write([...this.#owed.splice(0), ...this.#pending.splice(0)]);
    while (this.#ready.length > 0) this.#retire();
    this.recover();
  }

  #flush(): void {
    this.#write(this.#pending.splice(0));
  }

  /** Writes these in order, in one write where they share a file. */
  #write(entries: readonly Entry[]): void {
    let group: Entry[] = [];
    const writeGroup = () => {
      this.#writeGroup(group);
      group = [];
    };
    for (const entry of entries) {
      if (!this.#hasRoomFor(entry)) {
        writeGroup();
        this.#fail(entry);
        continue;
      }
      for (let full = this.#fullFor(entry); full !== undefined; full = this.#fullFor(entry)) {
        writeGroup();
        if (this.#ready[0] === full) this.#retire();
      }
      this.#ready[0]?.take(entry.bytes);
      group.push(entry);
    }
    writeGroup();
  }

  #writeGroup(group: readonly Entry[]): void {
    if (group.length === 0) return;
    const segment = this.#ready[0];
    if (segment === undefined) return group.forEach((entry) => this.#fail(entry));
    try {
      segment.write(Buffer.from(group.map(({ line }) => line).join('')));
    } catch (error) {
      // A half-written line is cut off. The files that are left are tried before anybody is told of a failure.
      this.#failure = this.#failureOf(error);
      this.#retire();
      return this.#write(group);
    }
    for (const { done } of group) done();
  }

  /** The file that is written to, if this does not fit any more. */
  #fullFor({ bytes }: Entry): Segment | undefined {
    const [current] = this.#ready;
    return current !== undefined && current.free < bytes ? current : undefined;
  }

  #fail(entry: Entry): void {
    const error = (code: 'event_spool_full' | 'event_spool_failed', message: string) =>
      new SallyportError(code, message);
    if (entry.standing === 'yields')
      return entry.done(error('event_spool_full', 'The rest of the event spool is for calls.'));
    const { reason } = this.#refuse();
    if (entry.standing === 'reserved') this.owe([entry.line]);
    else if (entry.standing === 'owed') this.#owed.push(entry);
    if (reason === 'full') entry.done(error('event_spool_full', 'The event spool is full.'));
    else entry.done(error('event_spool_failed', 'An event could not be written to the spool.'));
  }

  /** Room that was set aside for others is not there for a record that has none. */
  #hasRoomFor({ bytes, standing }: Entry): boolean {
    if (standing === 'reserved' && (this.#ready[0]?.free ?? 0) >= bytes) return true;
    if (standing === 'yields' && this.bytes + bytes > this.#maxBytes / 2) return false;
    const fits = () => {
      const left = this.#slotsAfter(bytes);
      return left !== undefined && (standing === 'reserved' || left >= this.#reserved);
    };
    return fits() || (this.#grow() && fits());
  }

  /** Records that could still be reserved room in the files there are, those with room among them. */
  #slots(): number {
    return sum(this.#ready, ({ free }) => Math.floor(free / this.#reservedBytes));
  }

  /** How many there are once these bytes are written: into the first file that takes them, as files are filled in order. */
  #slotsAfter(bytes: number): number | undefined {
    const index = this.#ready.findIndex(({ free }) => free >= bytes);
    if (index === -1) return undefined;
    const freeAfter = this.#ready.slice(index).map(({ free }, at) => (at === 0 ? free - bytes : free));
    return sum(freeAfter, (free) => Math.floor(free / this.#reservedBytes));
  }

  /** Makes one more file, where the bound and the disk allow it. A disk that failed is asked again after a while only. */
  #grow(): boolean {
    const room = Math.min(this.#segmentBytes, this.#maxBytes - this.#bytesOnDisk());
    if (room < this.#leastSegmentBytes) {
      this.#failure = { accepting: false, reason: 'full', at: -Infinity };
      return false;
    }
    const sinceFailure = this.#failure === undefined ? Infinity : this.#clock() - this.#failure.at;
    if (sinceFailure >= 0 && sinceFailure < RETRY_MS) return false;
    try {
      this.#ready.push(Segment.make(this.#files, this.#newPath(), room, this.#leastSegmentBytes));
      this.#failure = undefined;
      return true;
    } catch (error) {
      this.#failure = this.#failureOf(error);
      return false;
    }
  }

  #bytesOnDisk(): number {
    const ready = sum(this.#ready, ({ capacity }) => capacity);
    return sum(this.#closed, ({ bytes }) => bytes) + ready + sum([...this.#unremoved.values()], (bytes) => bytes);
  }

  #newPath(): string {
    let path: string;
    do {
      const time = String(this.#clock()).padStart(14, '0');
      path = join(this.#directory, `${time}-${String(this.#sequence++).padStart(8, '0')}.ndjson`);
    } while (existsSync(path));
    return path;
  }

  /** The file that is written to is written to no more. */
  #retire(): void {
    const segment = this.#ready.shift();
    if (segment === undefined) return;
    segment.end();
    if (segment.bytes > 0) this.#closed.push({ path: segment.path, bytes: segment.bytes });
    else this.#remove(segment.path, segment.capacity);
  }

  #empty(segment: Segment): void {
    try {
      segment.empty();
    } catch (error) {
      this.#failure = this.#failureOf(error);
      this.#retire();
      this.#closed.splice(
        this.#closed.findIndex(({ path }) => path === segment.path),
        1,
      );
      this.#remove(segment.path, segment.bytes);
    }
  }

  #remove(path: string, bytes: number): void {
    try {
      this.#files.remove(path);
      this.#unremoved.delete(path);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') this.#unremoved.delete(path);
      else this.#unremoved.set(path, bytes);
    }
  }

  #failureOf(error: unknown): Refusing & { readonly at: number } {
    const code = codeOf(error);
    const reason = NO_SPACE.has(code) ? 'disk-full' : 'write-failed';
    return { accepting: false, reason, ...(code === undefined ? {} : { code }), at: this.#clock() };
  }

  #refuse(): Refusing {
    if (!this.#state.accepting) return this.#state;
    const { reason, code } = this.#failure ?? { reason: 'full' as const, code: undefined };
    const state: Refusing = { accepting: false, reason, ...(code === undefined ? {} : { code }) };
    this.#enter(state);
    return state;
  }

  #enter(state: SpoolState): void {
    const changed = this.#state.accepting !== state.accepting;
    this.#state = state;
    if (changed) this.#onState(state);
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

function sum<T>(all: readonly T[], of: (one: T) => number): number {
  return all.reduce((total, one) => total + of(one), 0);
}
