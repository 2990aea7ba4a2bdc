import { rm, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { writeNewFile } from '../add/write-new-file.js';
import type { World } from '../world.js';
import type { FileChange } from './plan-export.js';

/**
 * Writes what was planned.
 * @throws CliError for a file that was to be new and has come meanwhile: it is not written over
 */
export async function writeExport(world: World, changes: readonly FileChange[]): Promise<void> {
  for (const { action, file, text } of changes)
    if (action === 'create') await writeNewFile(world, file, text);
    else if (action === 'update') await writeFile(resolve(world.directory, file), text);
    else await rm(resolve(world.directory, file));
}
