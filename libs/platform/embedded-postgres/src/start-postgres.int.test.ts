import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, makeScratch, removeScratch } from '@sallyport/testing';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findProcess } from './find-process.js';
import { KeptPostgres } from './keep-postgres.js';
import { isServerOf } from './lock-file.js';
import { startPostgres } from './start-postgres.js';
import type { EmbeddedPostgres } from './start-postgres.js';

let scratch: string;
let directory: string;
const closers: (() => Promise<unknown>)[] = [];
beforeEach(() => {
  scratch = makeScratch('embedded');
  directory = join(scratch, 'data');
});
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
  removeScratch(scratch);
});

const say = (sentences: string[]) => (sentence: string) => void sentences.push(sentence);
async function start(sentences: string[] = []): Promise<EmbeddedPostgres> {
  const server = await startPostgres({ directory, port: await freePort(), password: 'secret', say: say(sentences) });
  closers.push(() => server.stop());
  return server;
}
async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url.replace(/\?.*/, '') });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query('SELECT 1')).rowCount === 1;
  } finally {
    await client.end();
  }
}

describe('a lock file that outlived its server', { timeout: 120_000 }, () => {
  test("names another process now: that one gets no signal, its end is nobody's doing, and the database starts", async () => {
    const first = await start();
    const lock = readFileSync(join(directory, 'postmaster.pid'), 'utf8');
    await first.stop();
    const stranger = spawn('sleep', ['600'], { stdio: 'ignore' });
    closers.push(async () => stranger.kill('SIGKILL'));
    await once(stranger, 'spawn');
    writeFileSync(join(directory, 'postmaster.pid'), lock.replace(/^\d+/, String(stranger.pid)));
    const said: string[] = [];
    const second = await start(said);
    expect(await answers(second.url)).toBe(true);
    expect([stranger.exitCode, stranger.signalCode, findProcess(stranger.pid ?? 0).state]).toEqual([
      null,
      null,
      'found',
    ]);
    expect(said).toEqual([expect.stringContaining(`its process ${stranger.pid} is another program now`)]);
  });

  test('names its server when only we were killed: that one is stopped, and another takes its place', async () => {
    const first = await start();
    const said: string[] = [];
    const second = await start(said);
    expect(await first.ended).toMatch(/^exit code 0/);
    expect(second.pid).not.toBe(first.pid);
    expect(await answers(second.url)).toBe(true);
    expect(said).toEqual([]);
  });

  test('is proved by user, start, program and directory, all four', () => {
    const found = {
      pid: 7,
      uid: 101,
      startedAtMs: 1_000_000,
      command: '/opt/bin/postgres -D /data/postgres -p 7432 -c x=y',
    };
    const isOurs = (change: Partial<typeof found> = {}) =>
      isServerOf('/data/postgres', 1_000_000, 101, { ...found, ...change });
    expect(isOurs()).toBe(true);
    expect(isOurs({ startedAtMs: 1_005_000 })).toBe(true);
    for (const change of [
      { uid: 0 },
      { startedAtMs: 1_060_000 },
      { startedAtMs: 0 },
      { command: '/bin/sh -D /data/postgres -p 7432' },
      { command: '/opt/bin/postgres -D /data/postgres-of-another -p 7432' },
      { command: '/opt/bin/postgres -D /other -p 7432' },
    ])
      expect(isOurs(change)).toBe(false);
  });
});

describe('a cluster whose making is cut off', { timeout: 120_000 }, () => {
  const isBegun = (file: string) =>
    readdirSync(scratch, { recursive: true }).some((name) => String(name).endsWith(file));

  test('is no cluster: the next start makes another, and leaves nothing of the first', async () => {
    const first = startPostgres({ directory, port: await freePort(), password: 'secret' }).then(
      () => 'started',
      String,
    );
    await expect.poll(() => isBegun('PG_VERSION'), { interval: 5, timeout: 60_000 }).toBe(true);
    process.kill(Number(execFileSync('pgrep', ['-f', `initdb -D ${scratch}`], { encoding: 'utf8' })), 'SIGKILL');
    expect(await first).toContain('could not be initialised');
    const second = await start();
    expect(await answers(second.url)).toBe(true);
    expect(readdirSync(scratch).filter((name) => name.startsWith('data'))).toEqual(['data']);
  });
});

test('a folder that is no empty one is refused with the reason', async () => {
  mkdirSync(directory);
  writeFileSync(join(directory, 'of-somebody-else'), '');
  await expect(startPostgres({ directory, port: await freePort(), password: 'secret' })).rejects.toThrow(
    /could not be initialised \(.*exists but is not empty/,
  );
});

describe('an embedded PostgreSQL that is kept', { timeout: 120_000 }, () => {
  const kept = async (options: { attempts?: number; firstPauseMs?: number } = {}) => {
    const said: string[] = [];
    let givenUp: (sentence: string) => void = () => undefined;
    const ended = new Promise<string>((resolve) => (givenUp = resolve));
    const server = new KeptPostgres({
      directory,
      port: await freePort(),
      password: 'secret',
      say: say(said),
      onGivenUp: givenUp,
      firstPauseMs: 10,
      ...options,
    });
    closers.push(() => server.stop());
    return { server, said, ended, url: await server.start() };
  };
  const pidNow = () => Number(readFileSync(join(directory, 'postmaster.pid'), 'utf8').split('\n')[0]);

  test('is started again when it is killed, and says both', async () => {
    const { said, url } = await kept();
    process.kill(pidNow(), 'SIGKILL');
    await expect.poll(() => said.at(-1), { timeout: 60_000 }).toBe('The embedded PostgreSQL is back.');
    expect(said[0]).toMatch(/^The embedded PostgreSQL ended by itself \(SIGKILL.*\): it is started again\.$/);
    expect(await answers(url)).toBe(true);
  });

  test('that does not come up again is given up after so many starts, each with a sentence', async () => {
    const { said, ended } = await kept({ attempts: 2 });
    const pid = pidNow();
    writeFileSync(join(directory, 'global', 'pg_control'), 'damaged');
    process.kill(pid, 'SIGKILL');
    expect(await ended).toBe('The embedded PostgreSQL does not stay up: given up after 2 more starts.');
    expect(
      said.filter((sentence) => sentence.startsWith('The embedded PostgreSQL could not be started again: ')),
    ).toHaveLength(2);
  });

  test('is stopped while it waits to be started again, without that wait, and stays stopped', async () => {
    const { server, said } = await kept({ firstPauseMs: 3_600_000 });
    process.kill(pidNow(), 'SIGKILL');
    await expect.poll(() => said.length, { timeout: 60_000 }).toBe(1);
    await server.stop();
    expect(said).toHaveLength(1);
  });

  test('is stopped in the middle of its start', async () => {
    const server = new KeptPostgres({
      directory,
      port: await freePort(),
      password: 'secret',
      say: () => undefined,
      onGivenUp: () => undefined,
    });
    const starting = server.start().then(
      () => 'started',
      (error: unknown) => String(error),
    );
    await server.stop();
    expect(await starting).not.toBe('started');
  });
});
