import { closeSync, ftruncateSync, openSync, unlinkSync, writeSync } from 'node:fs';

/** The file system as the spool uses it: a parameter, so that a test can fill it, or take it away, at any byte. */
export interface SpoolFiles {
  /** Makes a file that must not exist yet (0600) and opens it for writing. */
  readonly make: (path: string) => number;
  /** @returns how many bytes were written, which may be fewer. */
  readonly write: (descriptor: number, bytes: Uint8Array, offset: number, length: number, position: number) => number;
  readonly truncate: (descriptor: number, length: number) => void;
  readonly close: (descriptor: number) => void;
  readonly remove: (path: string) => void;
}

export const localFiles: SpoolFiles = {
  make: (path) => openSync(path, 'wx', 0o600),
  write: (descriptor, bytes, offset, length, position) => writeSync(descriptor, bytes, offset, length, position),
  truncate: ftruncateSync,
  close: closeSync,
  remove: unlinkSync,
};
