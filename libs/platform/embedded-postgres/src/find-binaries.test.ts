import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { copyOf } from './find-binaries.js';

let parent: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'sallyport-binaries-'));
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

/** The shape of the package in node_modules, as a strict umask leaves it. */
function packageFolder(version = '18.4.0'): string {
  const home = join(parent, `package-${version}`);
  mkdirSync(join(home, 'native', 'bin'), { recursive: true });
  writeFileSync(join(home, 'package.json'), JSON.stringify({ version }), { mode: 0o600 });
  writeFileSync(join(home, 'native', 'bin', 'postgres'), 'the real one', { mode: 0o700 });
  symlinkSync('postgres', join(home, 'native', 'bin', 'postmaster'));
  return home;
}
const binary = (copy: string) => join(copy, 'native', 'bin', 'postgres');

describe('the copy of the binaries for a user who cannot enter ours', () => {
  const beside = () => {
    const folder = join(parent, 'data');
    mkdirSync(folder, { recursive: true, mode: 0o711 });
    return folder;
  };

  test('is complete, readable for that user and writable for us alone, and is used again', () => {
    const home = packageFolder();
    const copy = copyOf(home, beside());
    expect(readFileSync(binary(copy), 'utf8')).toBe('the real one');
    expect([copy, binary(copy), join(copy, 'package.json')].map((path) => lstatSync(path).mode & 0o777)).toEqual([
      0o755, 0o755, 0o644,
    ]);
    const made = lstatSync(copy).ino;
    expect(lstatSync(copyOf(home, beside())).ino).toBe(made);
  });

  test('takes the place of what a killed start and earlier versions left', () => {
    const folder = beside();
    copyOf(packageFolder('18.3.0'), folder);
    mkdirSync(join(folder, 'postgres-binaries-18.4.0.aBcDeF'));
    copyOf(packageFolder(), folder);
    expect(readdirSync(folder)).toEqual(['postgres-binaries-18.4.0']);
  });

  test.each<[string, (copy: string) => void]>([
    ['a binary that others may write to', (copy) => chmodSync(binary(copy), 0o777)],
    ['a folder that others may write to', (copy) => chmodSync(join(copy, 'native', 'bin'), 0o777)],
    [
      'a binary that somebody else made',
      (copy) => (process.getuid?.() === 0 ? chownSync(binary(copy), 65_534, 65_534) : chmodSync(binary(copy), 0o777)),
    ], // only root can give a file away
    [
      'a link to somewhere else',
      (copy) => {
        rmSync(binary(copy));
        symlinkSync('/bin/sh', binary(copy));
      },
    ],
    [
      'a link in place of all of it',
      (copy) => {
        rmSync(copy, { recursive: true });
        symlinkSync(packageFolder('18.0.0'), copy);
      },
    ],
  ])('is refused with %s: nothing in it is run', (_what, plant) => {
    const home = packageFolder();
    const copy = copyOf(home, beside());
    plant(copy);
    expect(() => copyOf(home, beside())).toThrow(expect.objectContaining({ code: 'postgres_binaries_not_ours' }));
    expect(existsSync(copy)).toBe(true);
  });
});
