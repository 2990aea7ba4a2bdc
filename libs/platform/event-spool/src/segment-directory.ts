import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '@sallyport/kernel';
import { Segment, trimLeftover } from './segment.js';
import type { SpoolFiles } from './spool-files.js';
import { codeOf, failureOf, type SpoolFailure } from './spool-state.js';

/** The time and a sequence number, such as `01800000000000-00000003.ndjson`: names sort by age. */
const NAME = /^(\d{14})-(\d{8})\.ndjson$/;
export const isSegmentName = (name: string): boolean => NAME.test(name);
/** The directory makes no smaller file: a disk that has fewer bytes is full. */
const LEAST_SEGMENT_BYTES = 64 * 1024;
/** After a failure the directory lets this much time pass before it asks the disk again. */
const RETRY_MS = 1_000;

/** A file as the shipper sees it. */
export interface SpooledSegment {
  readonly path: string;
  /** Of records. */
  readonly bytes: number;
  /** The spool may write more records to it. */
  readonly open: boolean;
  /** The same bytes, while memory holds them: not those of former processes, nor of files beyond `memoryBytes`. */
  readonly memory: Buffer | undefined;
}

/** A file that the spool writes no more to. */
interface ClosedSegment extends SpooledSegment {
  /** Records that wait for the shipper; nobody counted those of former processes. */
  records: number;
}

export interface SegmentDirectoryOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly files: SpoolFiles;
  /** The files together never have more bytes on disk. */
  readonly maxBytes: number;
  /** The size of a new file. */
  readonly segmentBytes: number;
  /** Full files whose bytes stay in memory for the shipper together have no more than this. */
  readonly memoryBytes: number;
}

/**
 * The files of one spool. The directory makes them, fills them in order, and removes them once the shipper is done. It
 * bounds their bytes on disk and remembers why the disk refused. It knows bytes only: neither records nor room.
 */
export class SegmentDirectory {
  readonly #options: SegmentDirectoryOptions;
  readonly #leastSegmentBytes: number;
  /** Full files and those of former processes, oldest first. */
  readonly #closed: ClosedSegment[] = [];
  /** Of their records. */
  #closedBytes = 0;
  /** Of those that memory holds. */
  #rememberedBytes = 0;
  /** Files that are open for writing. The first one is the current file; the others are blank. */
  readonly #ready: Segment[] = [];
  /** Files that the directory is done with and that the disk did not remove, with their bytes. */
  readonly #unremoved = new Map<string, number>();
  #sequence = 0;
  #failure: SpoolFailure | undefined;

  /** Makes the directory (0700) if it is missing, and takes over the records that former processes left there. */
  constructor(options: SegmentDirectoryOptions) {
    this.#options = options;
    this.#leastSegmentBytes = Math.min(options.segmentBytes, LEAST_SEGMENT_BYTES);
    mkdirSync(options.path, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(options.path)
      .filter((file) => NAME.test(file))
      .sort()) {
      const path = join(options.path, name);
      const bytes = trimLeftover(path);
      if (bytes > 0) this.#addClosed({ path, bytes, open: false, memory: undefined, records: 0 });
    }
  }

  /** The file that takes the next record, if there is one. */
  get current(): Segment | undefined {
    return this.#ready[0];
  }

  /** The open files, in the order in which the spool fills them. */
  get ready(): readonly Segment[] {
    return this.#ready;
  }

  /** Bytes of records that the shipper has not released. */
  get recordBytes(): number {
    // Only the current file has records: the others are blank.
    return this.#closedBytes + (this.current?.bytes ?? 0);
  }

  /** Records that the shipper has not published, without those that former processes left: nobody counted them. */
  get records(): number {
    return this.#closed.reduce((sum, { records }) => sum + records, this.current?.records ?? 0);
  }

  /** Why the directory did not grow or a write failed, the last time it was tried. */
  get failure(): SpoolFailure | undefined {
    return this.#failure;
  }

  forgetFailure(): void {
    this.#failure = undefined;
  }

  /** The files that have records, oldest first. */
  segments(): readonly SpooledSegment[] {
    const { current } = this;
    return current === undefined || current.bytes === 0 ? [...this.#closed] : [...this.#closed, asOpen(current)];
  }

  /** The first of them. */
  oldest(): SpooledSegment | undefined {
    const { current } = this;
    return this.#closed[0] ?? (current === undefined || current.bytes === 0 ? undefined : asOpen(current));
  }

  /** The shipper published so many records of this file. */
  shipped(path: string, records: number): void {
    if (this.current?.path === path) return this.current.shipped(records);
    const closed = this.#closed.find((segment) => segment.path === path);
    if (closed !== undefined) closed.records = Math.max(0, closed.records - records);
  }

  /** Makes one more file, if the bound and the disk allow it. A disk that failed is not asked again for a second. */
  grow(): boolean {
    const { clock, files, maxBytes, segmentBytes } = this.#options;
    const bytes = Math.min(segmentBytes, maxBytes - this.#bytesOnDisk());
    if (bytes < this.#leastSegmentBytes) {
      // Bytes of our own come free without the disk: the next attempt needs no pause.
      this.#failure = { reason: 'full', code: undefined, at: -Infinity };
      return false;
    }
    const sinceFailure = this.#failure === undefined ? Infinity : clock() - this.#failure.at;
    if (sinceFailure >= 0 && sinceFailure < RETRY_MS) return false;
    try {
      this.#ready.push(Segment.make(files, this.#newPath(), bytes, this.#leastSegmentBytes));
      this.#failure = undefined;
      return true;
    } catch (error) {
      this.#failure = failureOf(error, clock());
      return false;
    }
  }

  /**
   * Writes what was put into the current file.
   * @returns false when the disk refused it: the directory then ends that file, which keeps none of these records
   */
  flush(): boolean {
    try {
      this.current?.flush();
      return true;
    } catch (error) {
      this.#failure = failureOf(error, this.#options.clock());
      this.retireCurrent();
      return false;
    }
  }

  /** Closes the current file: the spool writes no more to it. A file without records is removed. */
  retireCurrent({ mustRemember = false } = {}): void {
    const segment = this.#ready.shift();
    if (segment === undefined) return;
    segment.end();
    const { path, bytes, records, capacity } = segment;
    if (bytes === 0) return this.#remove(path, capacity);
    const isRemembered = mustRemember || this.#rememberedBytes + capacity <= this.#options.memoryBytes;
    this.#addClosed({ path, bytes, open: false, memory: isRemembered ? segment.memory : undefined, records });
  }

  /** Whether somebody removed the current file. The spool then writes no more to it; memory has its records. */
  retireIfRemoved(): boolean {
    if (this.current === undefined || existsSync(this.current.path)) return false;
    this.retireCurrent({ mustRemember: true });
    return true;
  }

  /** The shipper published all records of this file. Removes a closed file, and blanks the current one. */
  release(path: string): void {
    const closed = this.#takeClosed(path);
    if (closed !== undefined) this.#remove(closed.path, closed.bytes);
    if (this.current?.path === path) this.#emptyCurrent(this.current);
  }

  /** Somebody else removed this file. Its records are gone, and the spool writes no more to it. */
  lost(path: string): void {
    if (this.current?.path === path) this.retireCurrent();
    this.#takeClosed(path);
  }

  /** Asks the disk again to remove what it did not remove before. */
  removeLeftovers(): void {
    for (const [path, bytes] of this.#unremoved) this.#remove(path, bytes);
  }

  close(): void {
    while (this.#ready.length > 0) this.retireCurrent();
  }

  #bytesOnDisk(): number {
    return this.#closedBytes + sum(this.#ready.map(({ capacity }) => capacity)) + sum([...this.#unremoved.values()]);
  }

  #addClosed(segment: ClosedSegment): void {
    this.#closed.push(segment);
    this.#closedBytes += segment.bytes;
    this.#rememberedBytes += segment.memory?.buffer.byteLength ?? 0;
  }

  #takeClosed(path: string): ClosedSegment | undefined {
    const index = this.#closed.findIndex((segment) => segment.path === path);
    const [closed] = index === -1 ? [] : this.#closed.splice(index, 1);
    if (closed === undefined) return undefined;
    this.#closedBytes -= closed.bytes;
    this.#rememberedBytes -= closed.memory?.buffer.byteLength ?? 0;
    return closed;
  }

  #newPath(): string {
    let path: string;
    do {
      const time = String(this.#options.clock()).padStart(14, '0');
      path = join(this.#options.path, `${time}-${String(this.#sequence++).padStart(8, '0')}.ndjson`);
    } while (existsSync(path));
    return path;
  }

  /** Blanks the current file. One that the disk does not let us blank is removed: its records are shipped already. */
  #emptyCurrent(segment: Segment): void {
    try {
      segment.empty();
    } catch (error) {
      this.#failure = failureOf(error, this.#options.clock());
      this.#ready.shift();
      segment.end();
      this.#remove(segment.path, segment.bytes);
    }
  }

  #remove(path: string, bytes: number): void {
    try {
      this.#options.files.remove(path);
      this.#unremoved.delete(path);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') this.#unremoved.delete(path);
      else this.#unremoved.set(path, bytes);
    }
  }
}

function asOpen({ path, bytes, memory }: Segment): SpooledSegment {
  return { path, bytes, open: true, memory };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
