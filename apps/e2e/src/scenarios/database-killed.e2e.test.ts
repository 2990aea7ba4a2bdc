import { spawn } from 'node:child_process';
import { readFileSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, makeScratch, removeScratch } from '@sallyport/testing';
import type { SpawnedApp } from '@sallyport/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { READY, standaloneOnFreePorts } from '../system/spawn-standalone.js';

describe('npm start whose PostgreSQL is killed', { timeout: 240_000 }, () => {
  let scratch: string;
  let cluster: string;
  let healthUrl: string;
  let app: SpawnedApp;
  let spawnAgain: (readyPattern?: RegExp) => Promise<SpawnedApp>;
  beforeAll(async () => {
    scratch = makeScratch('killed');
    cluster = join(scratch, 'data', 'postgres');
    const standalone = await standaloneOnFreePorts(join(scratch, 'data'));
    healthUrl = standalone.healthUrl;
    spawnAgain = standalone.spawn;
  });
  // On the same data directory: only the first of them makes a cluster.
  beforeEach(async () => {
    app = await spawnAgain(READY);
  }, 120_000);
  afterEach(async () => void (await app?.stop()));
  afterAll(() => removeScratch(scratch));

  const lockFile = () => join(cluster, 'postmaster.pid');
  const killPostgres = () => process.kill(Number(readFileSync(lockFile(), 'utf8').split('\n')[0]), 'SIGKILL');
  /** Nothing left to say: all four services are ready, and not only not complaining yet. */
  const isReady = async () => {
    const { status, reasons } = (await (await fetch(`${healthUrl}/readyz`)).json()) as {
      status: string;
      reasons: string[];
    };
    return status === 'ready' && reasons.length === 0;
  };

  test('starts it again and says so, and everything is ready after it: at once after a start, and later', async () => {
    for (const round of [1, 2]) {
      killPostgres();
      await eventually(() => app.stderr().split('The embedded PostgreSQL is back.').length === round + 1, {
        timeoutMs: 60_000,
        until: 'the database is back',
      });
      expect(app.stderr()).toContain('sallyport: The embedded PostgreSQL ended by itself (SIGKILL');
      await eventually(isReady, { timeoutMs: 90_000, until: 'all are ready' });
    }
    expect(app.stderr()).not.toContain('unexpected failure');
  });

  test.each(['ended by itself', 'is back'])(
    'ends in order within seconds, as soon as it has said that the database %s',
    async (moment) => {
      killPostgres();
      await eventually(() => app.stderr().includes(moment), { timeoutMs: 60_000, until: moment });
      const began = performance.now();
      expect(await app.stop(60_000)).toEqual({ code: 0, signal: null });
      expect(performance.now() - began).toBeLessThan(12_000);
      expect(app.stderr()).not.toContain('not finished');
    },
  );

  test("together with it, after which its number is another process's, starts and leaves that process alone", async () => {
    const lock = readFileSync(lockFile(), 'utf8');
    await app.stop();
    const stranger = spawn('sleep', ['600'], { stdio: 'ignore' });
    try {
      writeFileSync(lockFile(), lock.replace(/^\d+/, String(stranger.pid)));
      writeFileSync(join(scratch, 'data', 'process.pid'), String(stranger.pid));
      // As a crash before the stranger's time left it.
      utimesSync(
        join(scratch, 'data', 'process.pid'),
        new Date(Date.now() - 3_600_000),
        new Date(Date.now() - 3_600_000),
      );
      app = await spawnAgain(READY);
      expect(app.stderr()).toContain(`its process ${stranger.pid} is another program now`);
      expect([stranger.exitCode, stranger.signalCode]).toEqual([null, null]);
      await app.stop();
      expect([stranger.exitCode, stranger.signalCode]).toEqual([null, null]);
    } finally {
      stranger.kill('SIGKILL');
    }
  });

  // The last one: it leaves no cluster to start.
  test('ends with a line and code 1 when it does not come up any more', async () => {
    renameSync(join(cluster, 'global'), join(cluster, 'global.away'));
    killPostgres();
    expect(await app.exited).toEqual({ code: 1, signal: null });
    expect(app.stderr()).toContain('sallyport: The embedded PostgreSQL could not be started again: ');
    expect(app.stderr()).toContain(
      'sallyport: The embedded PostgreSQL does not stay up: given up after 5 more starts.',
    );
  });
});
