import type { SegmentDirectory } from './segment-directory.js';

/** Room for one record that its holder writes later, whatever happens to the disk meanwhile. */
export interface RecordRoom {
  /** Gives the room back. Appending with it does so too; a second time does nothing. */
  release(): void;
}

/**
 * Which bytes a record may use. `reserved`: its holder set room aside. `owed`: it had room, and the disk refused it.
 * `plain`: what others have not set aside. `yields`: the same, and no more than half of the spool.
 */
export type RecordPriority = 'reserved' | 'owed' | 'plain' | 'yields';

export interface RecordRoomsOptions {
  readonly directory: SegmentDirectory;
  /** The bound of the spool. */
  readonly maxBytes: number;
  /** The size of one room. */
  readonly roomBytes: number;
}

/**
 * Counts the rooms that callers hold against the free bytes of the open files, so that a record with room always fits
 * (R74). The disk has given those bytes already. A room is no place in a file: it is one of as many as there are.
 */
export class RecordRooms {
  readonly #directory: SegmentDirectory;
  readonly #maxBytes: number;
  readonly #roomBytes: number;
  #held = 0;

  constructor({ directory, maxBytes, roomBytes }: RecordRoomsOptions) {
    this.#directory = directory;
    this.#maxBytes = maxBytes;
    this.#roomBytes = roomBytes;
  }

  /** How many more rooms the open files have than callers hold. */
  get unheld(): number {
    return this.#roomsIn(this.#directory.freeBytes) - this.#held;
  }

  /** Sets one room aside, in one more file if need be. @returns `undefined` when there is none */
  reserve(onRelease: () => void): RecordRoom | undefined {
    if (this.unheld <= 0 && !this.#directory.grow()) return undefined;
    this.#held += 1;
    let isHeld = true;
    return {
      release: () => {
        if (!isHeld) return;
        isHeld = false;
        this.#held -= 1;
        onRelease();
      },
    };
  }

  /** Whether the files take a record of this size, if need be with one more file. Only `reserved` uses held room. */
  hasRoomFor(bytes: number, priority: RecordPriority): boolean {
    if (priority === 'reserved' && (this.#directory.current?.free ?? 0) >= bytes) return true;
    if (priority === 'yields' && this.#directory.recordBytes + bytes > this.#maxBytes / 2) return false;
    const fits = () => {
      const left = this.#roomsAfter(bytes);
      return left !== undefined && (priority === 'reserved' || left >= this.#held);
    };
    return fits() || (this.#directory.grow() && fits());
  }

  /**
   * How many rooms are left once the spool has written a record of this size. The record goes into the first file that
   * takes it, and the spool closes the files before that one. @returns `undefined` when no open file takes the record
   */
  #roomsAfter(bytes: number): number | undefined {
    const free = this.#directory.freeBytes;
    const index = free.findIndex((one) => one >= bytes);
    if (index === -1) return undefined;
    return this.#roomsIn(free.slice(index).map((one, at) => (at === 0 ? one - bytes : one)));
  }

  #roomsIn(freeBytes: readonly number[]): number {
    return freeBytes.reduce((rooms, free) => rooms + Math.floor(free / this.#roomBytes), 0);
  }
}
