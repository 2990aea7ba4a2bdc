import { SallyportError } from '@sallyport/kernel';
import type { Clock, RecordNumbers } from '@sallyport/kernel';
import { NumberedLines } from './numbered-lines.js';
import { OwnedBytes } from './owned-bytes.js';
import { RecordRooms, type RecordPriority, type RecordRoom } from './record-rooms.js';
import { SegmentDirectory, type SpooledSegment } from './segment-directory.js';
import type { Segment } from './segment.js';
import { localFiles } from './spool-files.js';
import type { SpoolFiles } from './spool-files.js';
import { refusingFor, type RefusingState, type SpoolState } from './spool-state.js';

const KIBIBYTE = 1024;
/** The spool accepts again with this many rooms, so that it does not change its state at every call. */
const ENOUGH_TO_ACCEPT = 4;
/** Once half of the spool is used, one owner's records may have this much of what is free. */
const OF_WHAT_IS_FREE = 1 / 8;

export interface EventSpoolOptions {
  /** One directory per replica. The spool makes it if it is missing (0700). Nobody else writes there. */
  readonly directory: string;
  readonly clock: Clock;
  /** Each record gets its writer and its number when it becomes a line; without them none does. */
  readonly numbers?: RecordNumbers;
  /** Bytes on disk at which the spool stops appending. Default 512 MiB. */
  readonly maxBytes?: number;
  /** The size of a file. The spool fills it with blanks before it uses it. Default 1 MiB. */
  readonly segmentBytes?: number;
  /** The spool refuses a larger record: the bus would never carry it, nor anything behind it. Default 64 KiB. */
  readonly maxRecordBytes?: number;
  /** What `reserve` sets aside. A record that is appended with this room must not be larger. Default 8 KiB. */
  readonly reservedBytes?: number;
  /** Full files whose records stay in memory too, so that the shipper need not read them. Default 3 MiB. */
  readonly memoryBytes?: number;
  /** The spool calls it when it begins to refuse and when it accepts again. */
  readonly onState?: (state: SpoolState) => void;
  readonly files?: SpoolFiles;
}

export interface AppendOptions {
  /** From `reserve`. */
  readonly room?: RecordRoom | undefined;
  /** The record lets others go first: the spool refuses it once half of the spool is used. */
  readonly yields?: boolean | undefined;
  /** The user who caused the record; see `isFullOf`. */
  readonly owner?: string | undefined;
  /** Others write the same record under the same id: it has no number of this writer. */
  readonly hasSharedId?: boolean | undefined;
}

/** Told what became of one record: it is in its file, or this is why it is not. */
export type Appended = (error?: SallyportError) => void;

/** A record that waits for the next write, or for a disk that writes again. */
interface Entry {
  /** The record in one line, without its newline. */
  json: string;
  /** Whether its line is as it will be written. */
  isNumbered: boolean;
  /** With its number and its newline. */
  readonly bytes: number;
  readonly owner?: string | undefined;
  readonly priority: RecordPriority;
  readonly room?: RecordRoom | undefined;
  readonly done: Appended;
}

/**
 * Keeps records in local files until the shipper has published them. The caller ends its answer after its record is in
 * the file. The spool writes all records of one tick at once and does not fsync: an appended record survives the death
 * of the process, not of the host.
 *
 * The spool bounds its disk use, and no caller does what it could not record: it reserves room before it sends a call,
 * in files whose bytes the disk has given already. Without room the spool refuses, and the caller must refuse too,
 * before it does anything. If a write fails all the same, the spool keeps the records that had room in memory (no more
 * than calls were running) and writes them as soon as the disk writes again.
 */
export class EventSpool {
  readonly #directory: SegmentDirectory;
  readonly #rooms: RecordRooms;
  readonly #maxBytes: number;
  readonly #maxRecordBytes: number;
  readonly #onState: (state: SpoolState) => void;
  readonly #numbered: NumberedLines;
  readonly #owned = new OwnedBytes();
  /** Appended in this tick. */
  #pending: Entry[] = [];
  /** Kept in memory because a write failed, oldest first. */
  readonly #owed: Entry[] = [];
  #isClosed = false;
  #state: SpoolState = { accepting: true };
  readonly #recover = () => this.recover();
  readonly #writePending = () => this.#write(this.#takePending());

  constructor(options: EventSpoolOptions) {
    this.#maxBytes = options.maxBytes ?? 512 * KIBIBYTE * KIBIBYTE;
    this.#maxRecordBytes = options.maxRecordBytes ?? 64 * KIBIBYTE;
    this.#onState = options.onState ?? (() => undefined);
    this.#numbered = new NumberedLines(options.numbers);
    this.#directory = new SegmentDirectory({
      path: options.directory,
      clock: options.clock,
      files: options.files ?? localFiles,
      maxBytes: this.#maxBytes,
      segmentBytes: options.segmentBytes ?? KIBIBYTE * KIBIBYTE,
      memoryBytes: options.memoryBytes ?? 3 * KIBIBYTE * KIBIBYTE,
    });
    this.#rooms = new RecordRooms({
      directory: this.#directory,
      maxBytes: this.#maxBytes,
      roomBytes: options.reservedBytes ?? 8 * KIBIBYTE,
    });
    if (!this.#directory.grow()) this.#refuse();
  }

  get state(): SpoolState {
    return this.#state;
  }

  /** Bytes of records that the shipper has not released. */
  get bytes(): number {
    return this.#directory.recordBytes;
  }

  /** Records that the shipper has not published. Of those that a former process left only the bytes are known. */
  get records(): number {
    return this.#directory.records + this.#owed.length;
  }

  /**
   * Whether half of the spool is used and this owner's records are more than an eighth of what is free. The spool then
   * takes nothing more of theirs before theirs are shipped, so that others find room (security rule S32). Records that
   * a former process left have no owner.
   */
  isFullOf(owner: string): boolean {
    const used = this.bytes;
    return used > this.#maxBytes / 2 && this.#owned.of(owner) > (this.#maxBytes - used) * OF_WHAT_IS_FREE;
  }

  /** Sets room aside for one record. @returns `undefined` when there is none: the caller then must do nothing */
  reserve(): RecordRoom | undefined {
    if (!this.#state.accepting) return undefined;
    const room = this.#rooms.reserve(this.#recover);
    if (room === undefined) this.#refuse();
    return room;
  }

  /**
   * Resolves once the record is in its file. Rejects with `event_too_large`, `event_spool_full` or
   * `event_spool_failed`. The spool keeps a record that had room and failed, and writes it later.
   */
  append(record: unknown, options: AppendOptions = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      this.appendLine(JSON.stringify(record), options, (error) => (error === undefined ? resolve() : reject(error)));
    });
  }

  /**
   * The same as `append` for a record that is JSON already, and without a promise: the cheap way, of which every call
   * of an agent takes one.
   * @param json the record in one line, without a newline
   * @param done told once, after `appendLine` has returned: without an error when the record is in its file, else with
   * what `append` rejects with. It must not throw.
   */
  appendLine(json: string, { room, yields = false, owner, hasSharedId = false }: AppendOptions, done: Appended): void {
    const bytes = Buffer.byteLength(json) + 1 + (hasSharedId ? 0 : this.#numbered.mostBytes);
    if (bytes > this.#maxRecordBytes) {
      room?.release();
      const message = `The event spool takes no event over ${this.#maxRecordBytes} bytes.`;
      setImmediate(done, new SallyportError('event_too_large', message));
      return;
    }
    const isLast = yields || (owner !== undefined && this.isFullOf(owner));
    const priority = room !== undefined ? 'reserved' : isLast ? 'yields' : 'plain';
    this.#pending.push({ json, isNumbered: hasSharedId, bytes, owner, priority, room, done });
    if (this.#pending.length === 1) setImmediate(this.#writePending);
  }

  /** The files that have records, oldest first. */
  segments(): readonly SpooledSegment[] {
    return this.#directory.segments();
  }

  /** The first of them. */
  oldest(): SpooledSegment | undefined {
    return this.#directory.oldest();
  }

  /** The shipper published so many records of this file. */
  shipped(path: string, records: number): void {
    this.#directory.shipped(path, records);
  }

  /** Whether somebody removed the file that the spool writes to. The spool goes on in another one. */
  retireIfRemoved(): boolean {
    return this.#directory.retireIfRemoved();
  }

  /** The shipper published all records of this file. The spool removes it, or fills it anew if it is open. */
  release(path: string): void {
    this.#directory.release(path);
    this.#owned.forget(path);
    this.recover();
  }

  /** Somebody else removed this file. Its records are gone, and the spool writes no more to it. */
  lost(path: string): void {
    this.#directory.lost(path);
    this.#owned.forget(path);
    this.recover();
  }

  /** Hands over records that only memory holds because a write failed, oldest first. The shipper publishes them. */
  takeOwed(limit: number): readonly string[] {
    return this.#owed.splice(0, limit).map((entry) => this.#lineOf(entry));
  }

  /** Keeps what `takeOwed` gave in memory until the disk takes it or the shipper does. */
  owe(records: readonly string[]): void {
    for (const json of records) {
      const bytes = Buffer.byteLength(json) + 1;
      this.#owed.push({ json, isNumbered: true, bytes, priority: 'owed', done: () => undefined });
    }
  }

  /**
   * Writes the owed records and accepts again, if there is room or the disk writes again. The gateway calls it on a
   * timer, so that a replica which nobody calls gets well too. The spool asks the disk for a new file once a second at
   * most.
   */
  recover(): void {
    this.#directory.removeLeftovers();
    if (this.#state.accepting || this.#isClosed) return;
    if (this.#rooms.unheld < ENOUGH_TO_ACCEPT + this.#owed.length && !this.#directory.grow()) return;
    this.#write(this.#owed.splice(0));
    if (this.#owed.length > 0 || this.#rooms.unheld <= 0) return;
    this.#directory.forgetFailure();
    this.#enter({ accepting: true });
  }

  /** Writes the owed and the pending records and closes the files. */
  close(): void {
    this.#isClosed = true;
    this.#write([...this.#owed.splice(0), ...this.#takePending()]);
    this.#directory.close();
    this.recover();
  }

  #takePending(): readonly Entry[] {
    const pending = this.#pending;
    this.#pending = [];
    return pending;
  }

  /** Writes these in order. Records that go into the same file share one write. */
  #write(entries: readonly Entry[]): void {
    let group: Entry[] = [];
    const writeGroup = () => {
      const written = group;
      group = [];
      this.#writeGroup(written);
    };
    for (const entry of entries) {
      if (!this.#rooms.hasRoomFor(entry.bytes, entry.priority)) {
        writeGroup();
        this.#fail(entry);
        continue;
      }
      for (let full = this.#fullFor(entry); full !== undefined; full = this.#fullFor(entry)) {
        writeGroup();
        // A write that failed has ended the file already.
        if (this.#directory.current === full) this.#directory.retireCurrent();
      }
      const { current } = this.#directory;
      current?.take(entry.bytes);
      current?.put(this.#lineOf(entry));
      group.push(entry);
    }
    writeGroup();
  }

  /** The line as it is written. What is refused before it gets there takes no number. */
  #lineOf(entry: Entry): string {
    if (!entry.isNumbered) entry.json = this.#numbered.next(entry.json);
    entry.isNumbered = true;
    return entry.json;
  }

  #writeGroup(group: readonly Entry[]): void {
    if (group.length === 0) return;
    const segment = this.#directory.current;
    if (segment === undefined) return group.forEach((entry) => this.#fail(entry));
    // When the disk refuses, the spool tries the files that are left before it tells anybody of a failure.
    if (!this.#directory.flush()) return this.#write(group);
    for (const { owner, bytes, room, done } of group) {
      if (owner !== undefined) this.#owned.add(segment.path, owner, bytes);
      room?.release();
      done();
    }
  }

  /** The current file, if this record does not fit into it any more. */
  #fullFor({ bytes }: Entry): Segment | undefined {
    const { current } = this.#directory;
    return current !== undefined && current.free < bytes ? current : undefined;
  }

  /** Tells the caller that its record is not in a file. Begins to refuse, unless the record yields to others. */
  #fail(entry: Entry): void {
    if (entry.priority === 'yields') {
      const message = 'The event spool keeps the room it has left for other records.';
      return entry.done(new SallyportError('event_spool_full', message));
    }
    const { reason } = this.#refuse();
    if (entry.priority === 'reserved')
      this.#owed.push({ ...entry, room: undefined, priority: 'owed', done: () => undefined });
    else if (entry.priority === 'owed') this.#owed.push(entry);
    entry.room?.release();
    entry.done(
      reason === 'full'
        ? new SallyportError('event_spool_full', 'The event spool is full.')
        : new SallyportError('event_spool_failed', 'The event spool could not write an event to the disk.'),
    );
  }

  /** Begins to refuse, for the last failure. A spool that refuses already keeps its first reason. */
  #refuse(): RefusingState {
    if (!this.#state.accepting) return this.#state;
    const state = refusingFor(this.#directory.failure);
    this.#enter(state);
    return state;
  }

  #enter(state: SpoolState): void {
    const changed = this.#state.accepting !== state.accepting;
    this.#state = state;
    if (changed) this.#onState(state);
  }
}
