import { existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { isSegmentName } from './segment-directory.js';

/**
 * Moves the files of a spool that nobody writes to into the directory of one that will be opened next, on the same
 * disk: its shipper publishes their records. A file that cannot be moved throws, and stays where it is.
 * @returns how many files were moved
 */
export function takeOverSegments(from: string, into: string): number {
  if (!existsSync(from)) return 0;
  const names = readdirSync(from).filter(isSegmentName).sort();
  if (names.length > 0) mkdirSync(into, { recursive: true, mode: 0o700 });
  for (const name of names) renameSync(join(from, name), join(into, freeName(into, name)));
  return names.length;
}

/** The name, or that of the next free sequence number at the same time. */
function freeName(directory: string, name: string): string {
  const [time = '', sequence = ''] = name.replace('.ndjson', '').split('-');
  for (let next = Number(sequence); ; next++) {
    const free = `${time}-${String(next).padStart(sequence.length, '0')}.ndjson`;
    if (!existsSync(join(directory, free))) return free;
  }
}
