import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultDemoUrls, demoConfiguration } from '@sallyport/demo';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { configurationFile, withPortsOf } from './configuration-file.js';

let root: string;
let dataDirectory: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'sallyport-root-'));
  dataDirectory = mkdtempSync(join(tmpdir(), 'sallyport-data-'));
});
afterEach(() => {
  for (const directory of [root, dataDirectory]) rmSync(directory, { recursive: true, force: true });
});

const MINE = '---\nkind: McpServer\nname: mine\nspec: { url: "http://127.0.0.1:74100/mcp", timeout: 7410s }\n';
const moved = { ...defaultDemoUrls, identityProvider: 'http://127.0.0.1:17403', notes: 'http://127.0.0.1:17410/mcp' };

test('the file that was named counts, then the one at the root', () => {
  writeFileSync(join(root, 'sallyport.yaml'), 'mine');
  expect(configurationFile({ wanted: undefined, root, dataDirectory })).toBe(join(root, 'sallyport.yaml'));
  expect(configurationFile({ wanted: join(root, 'other.yaml'), root, dataDirectory })).toBe(join(root, 'other.yaml'));
});

test("without one the demonstration's is written once, and what a person makes of it stays", () => {
  const file = configurationFile({ wanted: undefined, root, dataDirectory });
  expect(readFileSync(file, 'utf8')).toBe(demoConfiguration());
  writeFileSync(file, 'mine');
  expect(configurationFile({ wanted: undefined, root, dataDirectory })).toBe(file);
  expect(readFileSync(file, 'utf8')).toBe('mine');
});

test('where the demonstration listens elsewhere, a file that a person edited is read with its ports, and nothing else is another', () => {
  expect(withPortsOf(moved)(demoConfiguration() + MINE)).toBe(demoConfiguration(moved) + MINE);
  expect(withPortsOf(defaultDemoUrls)(demoConfiguration() + MINE)).toBe(demoConfiguration() + MINE);
});
