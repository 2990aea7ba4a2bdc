import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, linkSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { SallyportError } from '@sallyport/kernel';

/**
 * Writes a private file (0600) if there is none. It appears complete and flushed to disk, or not at all. Of several
 * processes at once, one writes.
 * @returns whether this call wrote it
 * @throws SallyportError `key_directory_unusable`
 */
export function writeOnce(path: string, content: () => string): boolean {
  if (existsSync(path)) return false;
  const draft = `${path}.${process.pid}.${randomBytes(6).toString('hex')}`;
  try {
    writeFileSync(draft, content(), { mode: 0o600, flag: 'wx', flush: true });
    linkSync(draft, path);
    rmSync(draft);
    flushFolder(dirname(path));
    return true;
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
    if (code === 'EEXIST' && existsSync(path)) return false;
    throw new SallyportError('key_directory_unusable', `The file ${path} cannot be written (${code}).`, { cause });
  } finally {
    rmSync(draft, { force: true });
  }
}

/** The name is on the disk, too. */
function flushFolder(folder: string): void {
  if (process.platform === 'win32') return; // folders cannot be opened there
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
