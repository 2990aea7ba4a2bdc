import { readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { scratchVariable } from './environment.js';
import { claim } from './free-port.js';
import { createFakeClock, eventually, findSecrets, freePorts, makeScratch, removeScratch, spawnApp } from './index.js';
import { findMemoryFolder } from './scratch.js';
import { createTestAuthority, startHttpsServer } from './test-authority.js';

const SECRET = 'xoxb-4815162342?&"=ü';

test('a secret is found as it is and in every dress it travels in (S30)', () => {
  const found = (content: string) => findSecrets({ log: content }, { token: SECRET }).map(({ form }) => form);
  expect(found('nothing here')).toEqual([]);
  expect(found(`Bearer ${SECRET}`)).toContain('plain');
  expect(found(JSON.stringify({ token: SECRET }))).toContain('json');
  expect(found(`?token=${encodeURIComponent(SECRET)}`)).toContain('url');
  expect(found(Buffer.from(SECRET).toString('hex'))).toContain('hex');
  for (const before of ['', 'a', 'ab', 'abc']) {
    expect(found(Buffer.from(`${before}${SECRET}:after`).toString('base64'))).toContain('base64');
    expect(found(Buffer.from(`${before}${SECRET}`).toString('base64url'))).toContain('base64url');
  }
});

test('a secret too short to mean anything is refused', () => {
  expect(() => findSecrets({}, { token: 'abc' })).toThrow(RangeError);
});

test('eventually returns what the attempt returned and throws its own last error', async () => {
  let tries = 0;
  expect(await eventually(() => (++tries < 3 ? undefined : tries), { intervalMs: 1 })).toBe(3);
  await expect(
    eventually(() => Promise.reject(new Error('not yet')), { timeoutMs: 10, intervalMs: 1 }),
  ).rejects.toThrow('not yet');
  await expect(eventually(() => false, { timeoutMs: 10, intervalMs: 1, until: 'it is there' })).rejects.toThrow(
    'waiting until it is there',
  );
});

test('a fake clock stands still until told otherwise', () => {
  const clock = createFakeClock(1_000);
  expect(clock()).toBe(1_000);
  clock.advance(500);
  expect(clock()).toBe(1_500);
});

test('free ports differ', async () => {
  expect(new Set(await freePorts(10)).size).toBe(10);
});

test('a test run writes into memory where the system has a place for it, and nowhere else without being told', () => {
  expect([findMemoryFolder('/proc'), findMemoryFolder('/nowhere')]).toEqual([undefined, undefined]);
  const memory = findMemoryFolder();
  if (process.platform !== 'linux') expect(memory).toBe(undefined);
  const before = process.env[scratchVariable];
  const place = makeScratch('place');
  process.env[scratchVariable] = place;
  const inside = makeScratch('inside');
  if (before === undefined) delete process.env[scratchVariable];
  else process.env[scratchVariable] = before;
  expect(dirname(inside)).toBe(place);
  expect(dirname(place)).toBe(before ?? tmpdir());
  removeScratch(place);
});

test("a port that was given out is nobody else's while its test runs, and is given out again when that is gone", async () => {
  const [port = 0] = await freePorts(1);
  expect(claim(port)).toBe(false);
  const file = join(tmpdir(), `sallyport-test-ports-${userInfo().uid}`, String(port));
  expect(readFileSync(file, 'utf8')).toBe(String(process.pid));
  writeFileSync(file, '4194305'); // above the largest process id there is
  expect(claim(port)).toBe(false);
  expect(claim(port)).toBe(true);
});

test('only who trusts the test authority can talk to its https server', async () => {
  const authority = await createTestAuthority();
  const server = await startHttpsServer(authority, (_, response) => response.end('hello'));
  const read = (options: { ca?: string }) =>
    new Promise<string>((resolve, reject) => {
      get(server.origin, { ...options, agent: false }, (response) =>
        response.setEncoding('utf8').on('data', resolve),
      ).on('error', reject);
    });
  expect(await read({ ca: authority.certificate })).toBe('hello');
  await expect(read({})).rejects.toThrow(/certificate/);
  await server.close();
});

test('a spawned process is awaited, heard and ended', async () => {
  const scratch = makeScratch('spawn');
  const entry = join(scratch, 'app.mjs');
  writeFileSync(
    entry,
    "process.on('SIGTERM', () => process.exit(7)); console.log('ready', Object.keys(process.env).sort().join()); console.error('warned'); setInterval(() => {}, 1000);",
  );
  const app = await spawnApp({ entry, env: { GIVEN: '1' }, readyPattern: /warned/ });
  expect(app.stdout()).toMatch(/^ready GIVEN,PATH/);
  expect(await app.stop()).toEqual({ code: 7, signal: null });
  const killed = await spawnApp({ entry, readyPattern: /ready/ });
  expect(await killed.kill()).toEqual({ code: null, signal: 'SIGKILL' });
  removeScratch(scratch);
});

test('a process that ends before it is ready fails with its output', async () => {
  const scratch = makeScratch('spawn');
  const entry = join(scratch, 'app.mjs');
  writeFileSync(entry, "console.error('no key'); process.exit(3);");
  await expect(spawnApp({ entry, readyPattern: /ready/ })).rejects.toThrow(/"code":3[^]*no key/);
  removeScratch(scratch);
});
