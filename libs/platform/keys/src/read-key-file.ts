import { readFileSync, statSync } from 'node:fs';
import { SallyportError } from '@sallyport/kernel';

/**
 * Reads a key file.
 * @throws SallyportError `key_unreadable`; `key_exposed` for a private key that everybody may read
 */
export function readKeyFile(path: string, what: string, { isPrivate }: { isPrivate: boolean }): string {
  let text: string;
  let mode: number;
  try {
    mode = statSync(path).mode;
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
    throw new SallyportError('key_unreadable', `The ${what} ${path} cannot be read (${code}).`, { cause });
  }
  if (isPrivate && process.platform !== 'win32' && (mode & 0o007) !== 0) {
    throw new SallyportError(
      'key_exposed',
      `The ${what} ${path} is open to every user of this machine: run chmod 600 on it.`,
    );
  }
  return text;
}

export function invalidKey(path: string, what: string, problem: string): SallyportError<'key_invalid'> {
  return new SallyportError('key_invalid', `The ${what} ${path} is not usable: ${problem}.`);
}
