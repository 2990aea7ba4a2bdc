import { closeSync, openSync, readSync, statSync, truncateSync, unlinkSync } from 'node:fs';
import type { SpoolFiles } from './spool-files.js';

/** Lines that say nothing: what a file is filled with before it is needed. */
const BLANKS = Buffer.alloc(64 * 1024, '\n');
const NEWLINE = 10;

/**
 * One file of the spool that can be written to. All its bytes are on disk before the first record: a record only
 * overwrites blank lines, so neither a full disk, a quota, nor a process without descriptors can refuse it.
 */
export class Segment {
  readonly path: string;
  readonly capacity: number;
  readonly #files: SpoolFiles;
  readonly #descriptor: number;
  /** What the file holds and what will be written next. Made when the first record comes. */
  #memory: Buffer | undefined;
  #put = 0;
  #putRecords = 0;
  #written = 0;
  #records = 0;
  #taken = 0;

  private constructor(files: SpoolFiles, path: string, descriptor: number, capacity: number) {
    this.#files = files;
    this.path = path;
    this.#descriptor = descriptor;
    this.capacity = capacity;
  }

  /**
   * Makes a file of this many bytes, or of fewer where the disk has no more, but not of fewer than `leastBytes`.
   * @throws the system's error; no file is left behind then
   */
  static make(files: SpoolFiles, path: string, bytes: number, leastBytes: number): Segment {
    const descriptor = files.make(path);
    let made = 0;
    try {
      while (made < bytes) made += writeSome(files, descriptor, BLANKS, 0, Math.min(BLANKS.length, bytes - made), made);
    } catch (error) {
      if (made < leastBytes) {
        files.close(descriptor);
        files.remove(path);
        throw error;
      }
    }
    return new Segment(files, path, descriptor, made);
  }

  /** Bytes of records in the file. */
  get bytes(): number {
    return this.#written;
  }

  /** Records in the file that the shipper has not published. */
  get records(): number {
    return this.#records;
  }

  /** The bytes of the records in the file. */
  get memory(): Buffer {
    return (this.#memory ?? BLANKS).subarray(0, this.#written);
  }

  /** The shipper published so many of the records. */
  shipped(records: number): void {
    this.#records -= records;
  }

  /** Bytes that were neither written nor taken. */
  get free(): number {
    return this.capacity - this.#taken;
  }

  /** Sets bytes aside for a record that `put` brings next. */
  take(bytes: number): void {
    this.#taken += bytes;
  }

  /** Adds a line, for which the caller took room, to what `flush` writes. */
  put(json: string): void {
    const memory = (this.#memory ??= Buffer.allocUnsafeSlow(this.capacity));
    this.#put += memory.write(json, this.#put);
    memory[this.#put++] = NEWLINE;
    this.#putRecords += 1;
  }

  /** Writes all that was put. @throws the system's error; nothing of it counts as written then */
  flush(): void {
    const memory = this.#memory ?? BLANKS;
    for (let done = this.#written; done < this.#put;) {
      done += writeSome(this.#files, this.#descriptor, memory, done, this.#put - done, done);
    }
    this.#written = this.#put;
    this.#records += this.#putRecords;
    this.#putRecords = 0;
  }

  /** Blanks what was written, all of which was shipped, to be filled again. @throws the system's error */
  empty(): void {
    for (let done = 0; done < this.#written;) {
      const length = Math.min(BLANKS.length, this.#written - done);
      done += writeSome(this.#files, this.#descriptor, BLANKS, 0, length, done);
    }
    this.#written = this.#put = this.#taken = this.#records = 0;
  }

  /** Cuts off what is blank and closes the file. A disk that refuses keeps the blanks, which say nothing. */
  end(): void {
    ignoringFailure(() => this.#files.truncate(this.#descriptor, this.#written));
    ignoringFailure(() => this.#files.close(this.#descriptor));
  }
}

/** What a former process left: cut to its records. @returns their bytes; a file without any is removed */
export function trimLeftover(path: string): number {
  const bytes = bytesOfRecords(path, statSync(path).size);
  ignoringFailure(() => (bytes === 0 ? unlinkSync(path) : truncateSync(path, bytes)));
  return bytes;
}

/** All but the blank lines at the end. */
function bytesOfRecords(path: string, size: number): number {
  const descriptor = openSync(path, 'r');
  try {
    const piece = Buffer.alloc(BLANKS.length);
    for (let end = size; end > 0;) {
      const start = Math.max(0, end - piece.length);
      let length = readSync(descriptor, piece, 0, end - start, start);
      while (length > 0 && piece[length - 1] === NEWLINE) length -= 1;
      if (length > 0) return Math.min(size, start + length + 1);
      end = start;
    }
    return 0;
  } finally {
    closeSync(descriptor);
  }
}

function writeSome(
  files: SpoolFiles,
  descriptor: number,
  bytes: Uint8Array,
  offset: number,
  length: number,
  position: number,
): number {
  const written = files.write(descriptor, bytes, offset, length, position);
  if (written <= 0) throw new Error('The disk takes nothing.');
  return written;
}

/** For what only tidies up: the disk that refuses it is told of where it matters. */
function ignoringFailure(tidy: () => unknown): void {
  try {
    tidy();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
  }
}
