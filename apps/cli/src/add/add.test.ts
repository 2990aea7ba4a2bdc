import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { scriptMcp, startScriptedServer } from '@sallyport/testing/servers';
import type { ScriptedServer } from '@sallyport/testing/servers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fakeWorld, runIn } from '../test/fake-world.js';

const folder = mkdtempSync(join(tmpdir(), 'sallyport-add-'));
const tools = JSON.stringify([
  { name: 'list_notes', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } },
  { name: 'add_note', inputSchema: { type: 'object' } },
]);
let server: ScriptedServer;
beforeAll(async () => {
  server = await startScriptedServer(scriptMcp({ era: 'modern', tools }).script);
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});
const world = (given: Parameters<typeof fakeWorld>[0] = {}) => fakeWorld({ directory: folder, ...given });

test('the documents go to standard output alone, and what was found beside them', async () => {
  const { exitCode, stdout, stderr } = await runIn(world(), 'add', server.url, '--offline', '--name', 'notes');
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^# The server is on a private network/);
  expect(stdout).toContain('kind: McpServer\nname: notes\n');
  expect(stdout).toContain('      - match:\n          - list_notes\n'.replace(/^ {2}/gm, ''));
  expect(stderr).toContain('2 tools, 1 of them read-only, in 2026-07-28 (modern)');
  expect(stderr).toContain('you: whether a call needs a credential');
});

test('a file is written once, and never over another', async () => {
  const argv = ['add', server.url, '--offline', '--out', 'config/notes.yaml'];
  const first = await runIn(world(), ...argv);
  expect(first).toMatchObject({ exitCode: 0, stderr: '' });
  expect(first.stdout).toContain(`Wrote 4 documents to ${join(folder, 'config/notes.yaml')}.`);
  writeFileSync(join(folder, 'config/notes.yaml'), 'mine');
  const second = await runIn(world(), ...argv);
  expect(second.exitCode).toBe(3);
  expect(second.stderr).toContain('is there already');
  expect(readFileSync(join(folder, 'config/notes.yaml'), 'utf8')).toBe('mine');
});

test('programs read facts, unknowns, documents and the YAML as lines', async () => {
  const { exitCode, stdout, stderr } = await runIn(world(), 'add', server.url, '--offline', '--json');
  const lines = stdout.trimEnd().split('\n');
  const records = lines.map((line) => JSON.parse(line) as { type: string; value?: { kind?: string; yaml?: string } });
  expect([exitCode, stderr]).toEqual([0, '']);
  expect(new Set(records.map(({ type }) => type))).toEqual(
    new Set(['version', 'fact', 'unknown', 'document', 'declaration']),
  );
  expect(records.filter(({ type }) => type === 'document').map(({ value }) => value?.kind)).toEqual([
    'OutboundNetwork',
    'McpServer',
    'CredentialProvider',
    'AccessPolicy',
  ]);
  expect(records.at(-1)?.value?.yaml).toContain('kind: AccessPolicy');
});

test('names and hosts of the system that runs are looked at, and where none does that is said', async () => {
  const token = join(folder, 'token');
  writeFileSync(token, 'sp_admin_secret\n');
  const documents = [
    { kind: 'McpServer', name: 'notes', spec: { url: 'https://notes.example/mcp', timeout: '60s' } },
    { kind: 'OutboundNetwork', name: 'default', spec: { allow: [{ host: '127.0.0.1', http: true }] } },
  ];
  const fetch: typeof globalThis.fetch = () => Promise.resolve(Response.json({ epoch: 'e', revision: 1, documents }));
  const at = ['--url', 'http://127.0.0.1:7402', '--token-file', token];
  const found = await runIn(world({ fetch }), ...at, 'add', server.url, '--name', 'notes');
  expect(found.stdout).toContain('kind: McpServer\nname: notes-2\n');
  expect(found.stdout).not.toContain('OutboundNetwork');
  const none = await runIn(world(), 'add', server.url);
  expect(none).toMatchObject({ exitCode: 0 });
  expect(none.stderr).toContain('Names that are taken were not looked at');
});

test.each([
  [[], 'Which server to ask was not said'],
  [['http://127.0.0.1:1/mcp', '--registry', 'a/b'], 'or more than once'],
  [['ftp://127.0.0.1/mcp'], 'is no address of a server'],
  [['https://me:secret@mcp.example/mcp'], 'holds no user and no password'],
  [['--server-json', 'missing.json'], 'cannot be read (ENOENT)'],
  [['http://127.0.0.1:1/mcp', '--allow', 'nonsense'], 'nonsense is no address'],
])('add %j is input that is not valid: 3', async (argv, words) => {
  const ended = await runIn(world(), 'add', ...argv, '--offline');
  expect(ended).toMatchObject({ exitCode: 3, stdout: '' });
  expect(ended.stderr).toContain(words);
});

test('nothing is written for what is no server, and it is said whose move it is: 1', async () => {
  const page = await startScriptedServer(() => ({
    status: 200,
    headers: { 'content-type': 'text/html' },
    body: '<p>',
  }));
  try {
    const ended = await runIn(world(), 'add', page.url, '--offline', '--out', 'page.yaml');
    expect(ended.exitCode).toBe(1);
    expect(ended.stderr).toContain('Look up the address of the MCP endpoint');
    expect(existsSync(join(folder, 'page.yaml'))).toBe(false);
  } finally {
    await page.close();
  }
});

test('an entry of a registry is taken from standard input', async () => {
  const entry = { name: 'com.example/notes', remotes: [{ type: 'streamable-http', url: server.url }] };
  const ended = await runIn(world({ stdin: JSON.stringify(entry) }), 'add', '--server-json', '-', '--offline');
  expect(ended.exitCode).toBe(0);
  expect(ended.stderr).toContain('com.example/notes');
  const program = { name: 'com.example/notes', packages: [{}] };
  const refused = await runIn(world({ stdin: JSON.stringify(program) }), 'add', '--server-json', '-', '--offline');
  expect(refused).toMatchObject({ exitCode: 1, stdout: '' });
  expect(refused.stderr).toContain('a program to run (stdio)');
});
