import { lstatSync, mkdirSync, statSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { SallyportError } from '@sallyport/kernel';

/**
 * Makes a folder that only this user may write, or accepts an existing one if that is so. Somebody else may have made
 * an existing folder for us to find (CWE-379). A link to the folder must be ours, too.
 * @param mode without write permission for others
 * @throws SallyportError `folder_not_ours`: somebody else owns it, or may write to it
 */
export function ensureOwnFolder(path: string, mode: number): void {
  mkdirSync(path, { recursive: true, mode });
  const link = lstatSync(path);
  const problem =
    (link.isSymbolicLink() ? ofAnother(link) : undefined) ?? ofAnother(statSync(path)) ?? openToOthers(statSync(path));
  if (problem !== undefined) throw new SallyportError('folder_not_ours', `The folder ${path} ${problem}`);
}

function ofAnother({ uid }: Stats): string | undefined {
  const us = process.getuid?.() ?? uid; // no owners where there is no getuid
  return uid === us
    ? undefined
    : `belongs to user ${uid}, and this process is user ${us}: start as that user, or name another folder.`;
}

function openToOthers({ mode }: Stats): string | undefined {
  if (process.getuid === undefined || (mode & 0o022) === 0) return undefined;
  return 'may be written to by other users: see that everything in it is yours, then run chmod go-w on it.';
}
