import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { fakeWorld, runIn } from './fake-world.js';

const folder = mkdtempSync(join(tmpdir(), 'sallyport-cli-'));
const tokenFile = join(folder, 'token');
writeFileSync(tokenFile, 'sp_admin_secret\n');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A control plane that answers everything alike. */
function answering(status: number, body: unknown) {
  const asked: { url: string; authorization: string | undefined }[] = [];
  const fetch: typeof globalThis.fetch = (url, init) => {
    const headers = new Headers(init?.headers);
    asked.push({ url: url as string, authorization: headers.get('authorization') ?? undefined });
    return Promise.resolve(Response.json(body, { status }));
  };
  return { fetch, asked };
}
const at = ['--url', 'http://127.0.0.1:7402', '--token-file', tokenFile];
const problem = (status: number, detail: string) => ({ type: 'about:blank', title: 'Problem', status, detail });

test.each([
  ['400', 400, 3],
  ['401', 401, 5],
  ['403', 403, 5],
  ['404', 404, 1],
  ['409', 409, 4],
  ['412', 412, 4],
  ['422', 422, 3],
  ['503', 503, 1],
])('a refusal with %s ends with the exit code that scripts rely on', async (_name, status, exitCode) => {
  const world = fakeWorld({ fetch: answering(status, problem(status, 'That is why.')).fetch });
  const ended = await runIn(world, ...at, 'connections', 'remove', 'con_1');
  expect(ended).toMatchObject({ exitCode, stdout: '' });
  expect(ended.stderr).toContain('error: That is why.');
});

test.each([
  [['nonsense'], "unknown command 'nonsense'"],
  [['keys', '--nonsense'], "unknown option '--nonsense'"],
  [['connections', 'remove'], "missing required argument 'id'"],
  [['events', '--limit', '0'], 'It is a number from 1 to 1000.'],
  [['--url', 'ftp://x', 'status'], 'is no address of a control plane'],
  [['--url', 'http://10.0.0.7:7402', 'status'], 'would get your token unencrypted'],
  [['--url', 'https://user:secret@control.example', 'status'], 'holds no user and no password'],
  [['--timeout', 'soon', ...at, 'status'], 'is no duration'],
  [['status'], 'No system was named'],
  [['--context', 'prod', 'status'], 'There is no context "prod"'],
  [['revoke', ...at], 'It is not clear what to revoke'],
])('%j is input that is not valid: 3', async (argv, words) => {
  const ended = await runIn(fakeWorld(), ...argv);
  expect(ended).toMatchObject({ exitCode: 3, stdout: '' });
  expect(ended.stderr).toContain(words);
});

test('the token comes from a file or standard input, and is in nothing that is printed', async () => {
  const { fetch, asked } = answering(401, problem(401, 'No.'));
  const fromFile = await runIn(fakeWorld({ fetch }), ...at, 'keys', '--json');
  const fromStdin = await runIn(
    fakeWorld({ fetch, stdin: 'sp_admin_other\n' }),
    '--url',
    'http://127.0.0.1:7402',
    '--token-file',
    '-',
    'keys',
  );
  expect(asked.map(({ authorization }) => authorization)).toEqual(['Bearer sp_admin_secret', 'Bearer sp_admin_other']);
  expect(JSON.stringify([fromFile, fromStdin])).not.toMatch(/sp_admin_(secret|other)/);
  expect(fromFile.exitCode).toBe(5);
});

test('NDJSON begins with a version, has a line for each thing, and ends with the error if there is one', async () => {
  const key = {
    kid: 'at-1',
    purpose: 'access-token',
    algorithm: 'ES256',
    state: 'active',
    createdAt: '2026-11-30T11:00:00.000Z',
    signsFrom: '2026-11-30T11:00:00.000Z',
    withdrawnAt: null,
    addedLater: 1,
  };
  const lines = (text: string) =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
  const found = await runIn(fakeWorld({ fetch: answering(200, { keys: [key] }).fetch }), ...at, 'keys', '--json');
  expect(lines(found.stdout)).toEqual([
    { type: 'version', version: expect.any(String), format: 1 },
    { type: 'signing-key', value: key },
  ]);
  const refused = await runIn(fakeWorld({ fetch: answering(403, problem(403, 'No.')).fetch }), ...at, 'keys', '--json');
  expect(lines(refused.stdout).at(-1)).toEqual({
    type: 'error',
    value: { message: 'No.', advice: ['`sallyport whoami` says which roles you have.'], exitCode: 5 },
  });
});

test('a system that does not answer is said with what to do', async () => {
  const refused = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
  const world = fakeWorld({ fetch: () => Promise.reject(new TypeError('fetch failed', { cause: refused })) });
  expect(await runIn(world, ...at, 'keys')).toEqual({
    exitCode: 1,
    stdout: '',
    stderr:
      'error: http://127.0.0.1:7402 refuses connections: nothing listens there (ECONNREFUSED).\n' +
      '  Start the system (npm start, or sallyport start), or say where it is: --url URL, SALLYPORT_URL, or a context.\n',
  });
});

test('contexts are kept for their owner alone, and the one in use is used', async () => {
  const home = join(folder, 'home');
  const { fetch, asked } = answering(200, { keys: [] });
  const run = (...argv: string[]) => runIn(fakeWorld({ home, fetch }), ...argv);
  expect(await run('--token-file', tokenFile, 'contexts', 'add', 'prod', 'https://control.example/')).toMatchObject({
    exitCode: 0,
    stdout: 'Using prod: https://control.example\n',
  });
  expect(await run('keys')).toMatchObject({ exitCode: 0 });
  expect(asked).toEqual([{ url: 'https://control.example/v1/signing-keys', authorization: 'Bearer sp_admin_secret' }]);
  const file = join(home, '.config/sallyport/contexts.json');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readFileSync(file, 'utf8')).not.toContain('sp_admin_secret');
  expect((await run('contexts')).stdout).toMatch(
    /^ +CONTEXT +ADDRESS +TOKEN FILE\n\* +prod +https:\/\/control\.example/,
  );
  expect(await run('contexts', 'add', '../x', 'https://control.example')).toMatchObject({ exitCode: 3 });
  expect(await run('contexts', 'remove', 'prod')).toMatchObject({ exitCode: 0 });
  expect(await run('keys')).toMatchObject({ exitCode: 3 });
});

test('help is asked for and goes to stdout; alone, the program prints it', async () => {
  const alone = await runIn(fakeWorld());
  const asked = await runIn(fakeWorld(), '--help');
  expect(alone).toEqual(asked);
  expect(asked).toMatchObject({ exitCode: 0, stderr: '' });
  expect(asked.stdout).toContain('Usage: sallyport');
});

test.each(['claude', 'claude-web', 'chatgpt', 'codex', 'cursor', 'gemini', 'vscode', 'windsurf', 'zed', 'mcp-remote'])(
  'setup %s names the endpoint of the gateway',
  async (agent) => {
    const ended = await runIn(fakeWorld(), 'setup', agent, '--gateway', 'https://gateway.example.com');
    expect(ended.exitCode).toBe(0);
    expect(ended.stdout).toContain('https://gateway.example.com/mcp');
  },
);
