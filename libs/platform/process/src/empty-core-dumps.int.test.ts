import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeScratch, removeScratch } from '@sallyport/testing';
import { afterAll, expect, test } from 'vitest';
import { emptyCoreDumps } from './empty-core-dumps.js';

const scratch = makeScratch('core');
afterAll(() => removeScratch(scratch));

test('a process that dies with a core dump leaves no secret in it, however high the limit (S30)', async () => {
  const module = join(import.meta.dirname, '../dist/empty-core-dumps.js');
  const dumpOf = async (name: string, prepare: string): Promise<Buffer | undefined> => {
    const directory = join(scratch, name);
    mkdirSync(directory);
    // Put together while it runs, so that only its memory has the whole of it.
    const program = `import { emptyCoreDumps } from ${JSON.stringify(module)}; ${prepare}; globalThis.kept = Buffer.from(['a', 'secret', 'in', 'memory'].join('-').repeat(3)); process.abort();`;
    await new Promise<void>((resolve) =>
      execFile(
        '/bin/sh',
        ['-c', 'ulimit -c unlimited; exec "$0" --input-type=module --eval "$1"', process.execPath, program],
        { cwd: directory },
        () => resolve(),
      ),
    );
    const [file] = readdirSync(directory);
    return file === undefined ? undefined : readFileSync(join(directory, file));
  };
  const unprotected = await dumpOf('unprotected', '');
  const dumped = await dumpOf('protected', 'emptyCoreDumps()');
  // Where the system hands dumps to a collector of its own, neither is a file here, and the filter is what there is to see.
  expect(unprotected?.includes('a-secret-in-memory') ?? true).toBe(true);
  expect(dumped?.includes('a-secret-in-memory') ?? false).toBe(false);
  expect(dumped === undefined).toBe(unprotected === undefined);
});

test('where the process may not choose, the limit counts, and a limit that allows them is told (S30)', () => {
  const proc = join(scratch, 'proc');
  mkdirSync(proc);
  mkdirSync(join(proc, 'coredump_filter')); // nothing that can be written
  const limits = (soft: string) =>
    writeFileSync(
      join(proc, 'limits'),
      `Limit                     Soft Limit           Hard Limit           Units     \nMax core file size        ${soft.padEnd(20)} unlimited            bytes     \n`,
    );
  limits('0');
  expect(emptyCoreDumps(proc)).toBeUndefined();
  limits('unlimited');
  expect(emptyCoreDumps(proc)).toContain('ulimit -c 0');
  expect(emptyCoreDumps(join(scratch, 'nowhere'))).toContain('ulimit -c 0');
  expect(emptyCoreDumps()).toBeUndefined();
  expect(readFileSync('/proc/self/coredump_filter', 'utf8')).toMatch(/^0+\s*$/);
});
