import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Every file below, by its path. */
export const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();

export const mebibytes = (folder: string): number =>
  filesIn(folder).reduce((sum, file) => sum + statSync(file).size, 0) / 2 ** 20;

export const mib = (size: number): string => `${size.toFixed(1)} MiB`;
