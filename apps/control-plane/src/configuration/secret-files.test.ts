import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readDeclaration, withSecrets } from './read-declarative-file.js';
import { SecretFiles } from './secret-files.js';

let directory: string;
const put = (name: string, text: string) => writeFileSync(join(directory, name), text);
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sallyport-secrets-'));
  put(
    'sallyport.yaml',
    `
kind: McpServer
name: tools
spec: { url: "https://tools.example/mcp" }
---
kind: CredentialProvider
name: tools
spec: { type: static, server: tools, owner: shared, send: { as: bearer }, secret: { file: key }, origin: "https://tools.example", requestSigning: { signingKey: { env: SIGNING_KEY }, origin: "https://tools.example" } }
`,
  );
  put('key', 'first-value\n');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

async function files() {
  const path = join(directory, 'sallyport.yaml');
  const renewed: [string, string][] = [];
  const state = { refuse: false };
  const followed = new SecretFiles(path, await withSecrets(await readDeclaration(path), path, { SIGNING_KEY: '{}' }));
  const follow = () =>
    followed.follow(async (secrets) => {
      if (state.refuse) throw new Error('the database is away');
      for (const [name, secret] of secrets) renewed.push([name, secret.reveal()]);
    });
  return { renewed, state, follow };
}
const name = 'CredentialProvider/tools/secret';

test('a file that says something else is handed over once, and one that is gone or empty for a moment is not', async () => {
  const { renewed, follow } = await files();
  await follow();
  put('key', '');
  await follow();
  rmSync(join(directory, 'key'));
  await follow();
  expect(renewed).toEqual([]);
  put('key', 'second-value');
  await follow();
  await follow();
  expect(renewed).toEqual([[name, 'second-value']]);
});
test('what could not be stored is handed over again', async () => {
  const { renewed, state, follow } = await files();
  put('key', 'second-value');
  state.refuse = true;
  await expect(follow()).rejects.toThrow('away');
  state.refuse = false;
  await follow();
  expect(renewed).toEqual([[name, 'second-value']]);
});
test('a process whose own copy of the file did not change hands nothing over, whatever another one has stored', async () => {
  const early = await files();
  put('key', 'second-value');
  const late = await files();
  await Promise.all([early.follow(), late.follow()]);
  expect([early.renewed.length, late.renewed.length]).toEqual([1, 0]);
});
