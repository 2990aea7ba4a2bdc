import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';
import type { World } from '../world.js';

/**
 * Writes a file that is not there yet, and the folders above it.
 * @returns its path
 * @throws CliError where it is there: somebody may have edited it
 */
export async function writeNewFile({ directory }: World, file: string, text: string): Promise<string> {
  const path = resolve(directory, file);
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text, { flag: 'wx' });
    return path;
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unwritable';
    if (code === 'EEXIST')
      throw new CliError(EXIT.invalid, `${path} is there already.`, ['Nothing was changed: name another file.']);
    throw new CliError(EXIT.failed, `${path} cannot be written (${code}).`, [], { cause });
  }
}
