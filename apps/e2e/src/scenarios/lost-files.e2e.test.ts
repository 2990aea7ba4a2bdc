import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { makeScratch, removeScratch } from '@sallyport/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { READY, standaloneOnFreePorts } from '../system/spawn-standalone.js';

/** What becomes of a start without one file of the data directory: a sentence that names it, or a start that makes it anew. */
const REFUSED: Readonly<Record<string, RegExp>> = {
  'database-password':
    /The file \S+database-password is missing, and the database it opens, \S+, is there\. Nothing was changed\. Restore the file from a backup/,
  'keys/master.key':
    /The master key \S+master\.key is missing, and other keys .* are there\. Nothing was changed\. Restore the file from a backup/,
  'keys/configuration-signing.jwk':
    /The private key \S+configuration-signing\.jwk is missing, and its public half \S+ is there\. Nothing was changed\. Restore/,
  'keys/lease.jwk':
    /The private key \S+lease\.jwk is missing, and its public half \S+ is there\. Nothing was changed\. Restore/,
  'keys/lease-signing.jwk':
    /The private key \S+lease-signing\.jwk is missing, and its public half \S+ is there\. Nothing was changed\. Restore/,
  'keys/gateways/gateway-1.jwk':
    /The private key \S+gateway-1\.jwk is missing, and its public half \S+ is there\. Nothing was changed\. Restore/,
};

describe('npm start on a data directory that lost a file', { timeout: 300_000 }, () => {
  let scratch: string;
  let data: string;
  let kept: string;
  let standalone: Awaited<ReturnType<typeof standaloneOnFreePorts>>;
  let names: readonly string[];
  beforeAll(async () => {
    scratch = makeScratch('lost');
    [data, kept] = [join(scratch, 'data'), join(scratch, 'kept')];
    standalone = await standaloneOnFreePorts(data);
    await (await standalone.spawn(READY)).stop();
    names = Object.keys(files());
    cpSync(data, kept, {
      recursive: true,
      preserveTimestamps: true,
      filter: (path) => path !== join(data, 'postgres'),
    });
  }, 120_000);
  afterAll(() => removeScratch(scratch));

  /** All but the database's own and the spool's, which comes and goes. */
  const files = (): Record<string, string> =>
    Object.fromEntries(
      readdirSync(data, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && !/\/(postgres|spool)(\/|$)/.test(entry.parentPath.slice(scratch.length)))
        .map((entry) => [
          relative(data, join(entry.parentPath, entry.name)),
          readFileSync(join(entry.parentPath, entry.name), 'utf8'),
        ]),
    );
  const restore = () => {
    for (const name of readdirSync(data).filter((entry) => entry !== 'postgres'))
      rmSync(join(data, name), { recursive: true });
    cpSync(kept, data, { recursive: true, preserveTimestamps: true });
    for (const folder of ['keys', 'keys/gateways']) chmodSync(join(data, folder), 0o700);
  };

  test('has a file of each name below, and no name is left out', () => {
    for (const name of Object.keys(REFUSED)) expect(names).toContain(name);
    expect(names.filter((name) => /key|jwk|password|token/.test(name)).length).toBe(12);
  });

  test.each(Object.entries(REFUSED))(
    'refuses to start without %s, names it, and leaves the directory as it was',
    async (name, sentence) => {
      restore();
      rmSync(join(data, name));
      const before = files();
      const app = await standalone.spawn();
      expect(await app.exited).toMatchObject({ code: 1 });
      expect(app.stderr().trim()).toMatch(sentence);
      expect(files()).toEqual(before);
    },
  );

  test('starts without any other file, and is ready', async () => {
    for (const name of names.filter((one) => !(one in REFUSED))) {
      restore();
      rmSync(join(data, name));
      const app = await standalone.spawn(READY);
      await app.stop();
      if (name !== 'process.pid') expect(existsSync(join(data, name))).toBe(true);
      if (name === 'keys/gateway-state.key')
        expect(app.stderr()).toContain(
          'gateway-state.key was not there and is made anew: open MCP sessions start over.',
        );
      if (name === 'admin-token')
        expect(app.stderr()).toContain('admin-token was not there and is made anew: the old one is good no more.');
    }
  });

  test('and all its keys refuses to make others for a database that they would not open', async () => {
    restore();
    rmSync(join(data, 'keys'), { recursive: true });
    const app = await standalone.spawn();
    expect(await app.exited).toMatchObject({ code: 1 });
    expect(app.stderr().trim()).toMatch(
      /The master key \S+ is missing, and the database it belongs to is there\. Nothing was changed\./,
    );
    expect(readdirSync(join(data, 'keys'))).toEqual([]);
  });
});
