import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openDataDirectory } from './data-directory.js';
import type { DataDirectory } from './data-directory.js';

let parent: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'sallyport-data-'));
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

test('the first start makes the directory and its secrets, readable by the owner only', () => {
  const data = openDataDirectory(join(parent, 'new'));
  data.secrets(() => undefined);
  for (const file of ['admin-token', 'database-password'].map((name) => join(data.path, name)))
    expect(statSync(file).mode & 0o777).toBe(0o600);
  for (const folder of [data.keys, data.logStreams]) expect(statSync(folder).mode & 0o777).toBe(0o700);
});

test('the second start finds the secrets of the first', () => {
  const first = openDataDirectory(join(parent, 'data'));
  const revealed = (data: DataDirectory) => {
    const { adminToken, databasePassword } = data.secrets(() => undefined);
    return [adminToken.reveal(), databasePassword.reveal()];
  };
  const secrets = revealed(first);
  first.release();
  expect(revealed(openDataDirectory(join(parent, 'data')))).toEqual(secrets);
});

test('a directory in use by a living process is refused with its pid, one left by a dead process is taken over', () => {
  const data = openDataDirectory(join(parent, 'data'));
  writeFileSync(join(data.path, 'process.pid'), String(process.ppid));
  expect(() => openDataDirectory(data.path)).toThrow(`in use by process ${process.ppid}`);
  writeFileSync(join(data.path, 'process.pid'), '4194303');
  expect(() => openDataDirectory(data.path)).not.toThrow();
});

test("a number that a process was given after the file was written is not its writer's: the directory is taken over", () => {
  const data = openDataDirectory(join(parent, 'data'));
  const file = join(data.path, 'process.pid');
  writeFileSync(file, String(process.ppid));
  const longAgo = new Date(Date.now() - 100 * 86_400_000);
  utimesSync(file, longAgo, longAgo);
  expect(() => openDataDirectory(data.path)).not.toThrow();
  expect(readFileSync(file, 'utf8')).toBe(String(process.pid));
});

test("a directory that is given up while another process holds it stays that one's", () => {
  const data = openDataDirectory(join(parent, 'data'));
  const file = join(data.path, 'process.pid');
  writeFileSync(file, String(process.ppid));
  data.release();
  expect(readFileSync(file, 'utf8')).toBe(String(process.ppid));
});

test('a directory that others may write to is refused: whose database and keys would be in it?', () => {
  const path = join(parent, 'open');
  mkdirSync(path);
  chmodSync(path, 0o777);
  expect(() => openDataDirectory(path)).toThrow(expect.objectContaining({ code: 'folder_not_ours' }));
});

test('a path that is a file is refused in one line that says what to do', () => {
  const file = join(parent, 'file');
  writeFileSync(file, '');
  chmodSync(file, 0o600);
  expect(() => openDataDirectory(file)).toThrow(/cannot be used .*SALLYPORT_DATA_DIR/);
});
