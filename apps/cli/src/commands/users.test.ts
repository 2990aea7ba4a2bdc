import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { fakeWorld, runIn } from '../test/fake-world.js';

const folder = mkdtempSync(join(tmpdir(), 'sallyport-users-'));
const tokenFile = join(folder, 'token');
writeFileSync(tokenFile, 'sp_admin_secret\n');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const alice = {
  id: 'usr_01',
  trustProvider: 'acme',
  subject: 'a',
  name: 'Alice\u001b[2J',
  email: null,
  groups: ['staff', 'ops'],
  providerRoles: [],
  firstSignInAt: '2026-01-01T00:00:00.000Z',
  lastSignInAt: '2026-01-02T00:00:00.000Z',
  sessions: 2,
  connections: 1,
};

/** Runs a command against a control plane that answers this, and says what it was asked. */
async function asking(answer: unknown, ...argv: string[]) {
  const asked: string[] = [];
  const fetch: typeof globalThis.fetch = (url) => {
    asked.push(new URL(url as string).pathname + new URL(url as string).search);
    return Promise.resolve(Response.json(answer));
  };
  const ended = await runIn(fakeWorld({ fetch }), '--url', 'http://127.0.0.1:7402', '--token-file', tokenFile, ...argv);
  return { ...ended, asked };
}

test('users are listed as a table, in which nothing that a provider says moves the cursor', async () => {
  const { stdout, stderr, asked } = await asking({ users: [alice], next: 'usr_01' }, 'users', '--group', 'ops');
  expect(asked).toEqual(['/v1/users?group=ops&limit=100']);
  expect(stdout).toMatch(/^USER +NAME +E-MAIL +SIGNS IN AT +LAST +SESSIONS +CONNECTIONS +GROUPS/);
  expect(stdout).toMatch(/usr_01 +Alice.* acme .* 2 +1 +staff, ops/);
  expect(stdout).not.toContain('\u001b');
  expect(stderr).toContain('There are more');
});

test('one user is shown with where to read on, and as NDJSON for programs', async () => {
  const shown = await asking(alice, 'users', 'show', 'usr_01');
  expect(shown.asked).toEqual(['/v1/users/usr_01']);
  expect(shown.stdout).toContain('2: sallyport sessions --user usr_01');
  const lines = (await asking({ users: [alice], next: null }, '--json', 'users')).stdout.trim().split('\n');
  expect(JSON.parse(lines[1] ?? '')).toEqual({ type: 'user', value: alice });
});
