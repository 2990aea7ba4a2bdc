import { localFiles } from '../spool-files.js';
import type { SpoolFiles } from '../spool-files.js';

/** The file system with a disk of so many bytes; what the tests change takes effect at once. */
export interface SmallDisk extends SpoolFiles {
  bytes: number;
  /** What every write fails with, also one over bytes the disk has given already: `EIO`, `EROFS`. */
  fails: string | undefined;
  /** What making a file fails with: `EMFILE`. */
  makingFails: string | undefined;
  /** Files that were made so far, and writes that were tried. */
  readonly counted: { made: number; writes: number };
}

export function smallDisk(bytes: number): SmallDisk {
  const sizes = new Map<string, number>();
  const paths = new Map<number, string>();
  const used = () => [...sizes.values()].reduce((sum, size) => sum + size, 0);
  const disk: SmallDisk = {
    bytes,
    fails: undefined,
    makingFails: undefined,
    counted: { made: 0, writes: 0 },
    make(path) {
      disk.counted.made += 1;
      if (disk.makingFails !== undefined) throw errorOf(disk.makingFails);
      const descriptor = localFiles.make(path);
      paths.set(descriptor, path);
      sizes.set(path, 0);
      return descriptor;
    },
    write(descriptor, data, offset, length, position) {
      disk.counted.writes += 1;
      if (disk.fails !== undefined) throw errorOf(disk.fails);
      const path = paths.get(descriptor) ?? '';
      const size = sizes.get(path) ?? 0;
      // As a disk does: what fits is written, and only a write of which nothing fits fails.
      const fitting = Math.min(length, Math.max(0, size - position) + Math.max(0, disk.bytes - used()));
      if (fitting === 0) throw errorOf('ENOSPC');
      const written = localFiles.write(descriptor, data, offset, fitting, position);
      sizes.set(path, Math.max(size, position + written));
      return written;
    },
    truncate(descriptor, length) {
      if (disk.fails !== undefined) throw errorOf(disk.fails);
      localFiles.truncate(descriptor, length);
      sizes.set(paths.get(descriptor) ?? '', length);
    },
    close: localFiles.close,
    remove(path) {
      if (disk.fails === 'EROFS') throw errorOf(disk.fails);
      localFiles.remove(path);
      sizes.delete(path);
    },
  };
  return disk;
}

const errorOf = (code: string): Error => Object.assign(new Error(`${code}: the test says so`), { code });
