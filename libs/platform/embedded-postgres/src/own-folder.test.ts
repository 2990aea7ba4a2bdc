import { chmodSync, chownSync, lchownSync, lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ensureOwnFolder } from './own-folder.js';

let parent: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'sallyport-folder-'));
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

/** A folder of somebody else: of root, or when we are root, one given away. */
function anothersFolder(): string {
  if (process.getuid?.() !== 0) return '/usr';
  const folder = join(parent, 'theirs');
  mkdirSync(folder, { mode: 0o755 });
  chownSync(folder, 65_534, 65_534);
  return folder;
}

describe('a folder that holds what is run or secret', () => {
  test('is made, or accepted when it is ours alone, also by way of a link of ours', () => {
    const folder = join(parent, 'a', 'b');
    ensureOwnFolder(folder, 0o711);
    ensureOwnFolder(folder, 0o711);
    expect(lstatSync(folder).mode & 0o777).toBe(0o711);
    symlinkSync(folder, join(parent, 'link'));
    expect(() => ensureOwnFolder(join(parent, 'link'), 0o711)).not.toThrow();
  });

  test('is refused when somebody else made it, or leads there', () => {
    const theirs = anothersFolder();
    expect(() => ensureOwnFolder(theirs, 0o711)).toThrow(
      expect.objectContaining({
        code: 'folder_not_ours',
        message: expect.stringContaining(`${theirs} belongs to user`),
      }),
    );
    symlinkSync(theirs, join(parent, 'link'));
    expect(() => ensureOwnFolder(join(parent, 'link'), 0o711)).toThrow(
      expect.objectContaining({ code: 'folder_not_ours' }),
    );
  });

  test('is refused behind a link of somebody else, who could lead it elsewhere tomorrow', () => {
    const folder = join(parent, 'ours');
    ensureOwnFolder(folder, 0o711);
    const link = join(parent, 'link');
    symlinkSync(process.getuid?.() === 0 ? folder : anothersFolder(), link); // only root can give a link away
    if (process.getuid?.() === 0) lchownSync(link, 65_534, 65_534);
    expect(() => ensureOwnFolder(link, 0o711)).toThrow(expect.objectContaining({ code: 'folder_not_ours' }));
  });

  test.each([0o775, 0o757])('is refused when others may write to it (%o)', (mode) => {
    const folder = join(parent, 'open');
    mkdirSync(folder);
    chmodSync(folder, mode);
    expect(() => ensureOwnFolder(folder, 0o711)).toThrow(/may be written to by other users: .*chmod go-w/);
  });
});
