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
    return this.#roomsFrom(0, 0) - this.#held;
  }

  /** Sets one room aside, in one more file if need be. @returns `undefined` when there is none */
  reserve(onRelease: () => void): RecordRoom | undefined {
    if (this.unheld <= 0 && !this.#directory.grow()) return undefined;
    this.#held += 1;
    return new HeldRoom(this, onRelease);
  }

  /** One room is free again. Called by the room itself, once. */
  giveBack(): void {
    this.#held -= 1;
  }

  /** Whether the files take a record of this size, if need be with one more file. Only `reserved` uses held room. */
  hasRoomFor(bytes: number, priority: RecordPriority): boolean {
    if (priority === 'reserved' && (this.#directory.current?.free ?? 0) >= bytes) return true;
    if (priority === 'yields' && this.#directory.recordBytes + bytes > this.#maxBytes / 2) return false;
    return this.#fits(bytes, priority) || (this.#directory.grow() && this.#fits(bytes, priority));
  }

  /** The record goes into the first file that takes it, and the spool closes the files before that one. */
  #fits(bytes: number, priority: RecordPriority): boolean {
    const index = this.#directory.ready.findIndex(({ free }) => free >= bytes);
    return index !== -1 && (priority === 'reserved' || this.#roomsFrom(index, bytes) >= this.#held);
  }

  /** Rooms in the open files from this one on, once it has taken a record of this size. */
  #roomsFrom(first: number, bytes: number): number {
    let rooms = 0;
    const { ready } = this.#directory;
    for (let index = first; index < ready.length; index++) {
      const free = (ready[index]?.free ?? 0) - (index === first ? bytes : 0);
      rooms += Math.floor(free / this.#roomBytes);
    }
    return rooms;
  }
}

class HeldRoom implements RecordRoom {
  readonly #rooms: RecordRooms;
  readonly #onRelease: () => void;
  #isHeld = true;

  constructor(rooms: RecordRooms, onRelease: () => void) {
    this.#rooms = rooms;
    this.#onRelease = onRelease;
  }

  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#rooms.giveBack();
    this.#onRelease();
  }
}
