import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openDataDirectory } from './data-directory.js';

let parent: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'sallyport-data-'));
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

test('the first start makes the directory and its secrets, readable by the owner only', () => {
  const data = openDataDirectory(join(parent, 'new'));
  for (const file of [data.adminTokenFile, join(data.path, 'database-password')]) expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(data.keys).mode & 0o777).toBe(0o700);
});

test('the second start finds the secrets of the first', () => {
  const first = openDataDirectory(join(parent, 'data'));
  const token = readFileSync(first.adminTokenFile, 'utf8');
  first.release();
  const second = openDataDirectory(join(parent, 'data'));
  expect(readFileSync(second.adminTokenFile, 'utf8')).toBe(token);
  expect(second.databasePassword.reveal()).toBe(first.databasePassword.reveal());
});

test('a directory in use by a living process is refused with its pid, one left by a dead process is taken over', () => {
  const data = openDataDirectory(join(parent, 'data'));
  writeFileSync(join(data.path, 'process.pid'), String(process.ppid));
  expect(() => openDataDirectory(data.path)).toThrow(`in use by process ${process.ppid}`);
  writeFileSync(join(data.path, 'process.pid'), '4194303');
  expect(() => openDataDirectory(data.path)).not.toThrow();
});

test('a path that is a file is refused in one line that says what to do', () => {
  const file = join(parent, 'file');
  writeFileSync(file, '');
  chmodSync(file, 0o600);
  expect(() => openDataDirectory(file)).toThrow(/cannot be used .*SALLYPORT_DATA_DIR/);
});
