import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { eventually, makeScratch, removeScratch, repositoryRoot } from '@sallyport/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { npm, recordsOf, runProgram, sallyport, type CommandLineOptions } from '../system/command-line.js';
import { startStandalone } from '../system/start-standalone.js';

type Standalone = Awaited<ReturnType<typeof startStandalone>>;

describe('the command line, against the system as `npm start` runs it', () => {
  let system: Standalone;
  let scratch: string;
  /** As in the folder of the running system: nothing is said, everything is found. */
  let here: CommandLineOptions;
  beforeAll(async () => {
    system = await startStandalone();
    scratch = makeScratch('command-line');
    here = { env: { SALLYPORT_DATA_DIR: dirname(system.keys) } };
  });
  afterAll(async () => {
    await system?.stop();
    removeScratch(scratch);
  });

  test('finds the running system by its data directory, and says what is in force (R69)', async () => {
    const ended = await sallyport(['status'], here);
    expect(ended).toMatchObject({ exitCode: 0, stderr: '' });
    expect(ended.stdout).toContain(`${system.controlPlaneUrl}  (started in ${dirname(system.keys)}, version `);
    expect(ended.stdout).toMatch(/^configuration +revision \d+$/m);
    expect(ended.stdout).toMatch(/^gateway +gateway-1 +(ready|degraded) +\d+ /m);
  });

  test('every list is a table for people and NDJSON for programs (R69)', async () => {
    for (const command of ['connections', 'sessions', 'agents', 'keys', 'vault', 'events', 'status']) {
      const people = await sallyport([command], here);
      expect([command, people.exitCode, people.stdout.includes('\u001b')]).toEqual([command, 0, false]);
      const programs = await sallyport([command, '--json'], here);
      expect([command, programs.exitCode, programs.stderr]).toEqual([command, 0, '']);
      expect(programs.stdout).toMatch(/^\{"type":"version","version":"[\d.]+","format":1\}\n/);
      for (const record of recordsOf(programs.stdout)) expect(Object.keys(record)).toEqual(['type', 'value']);
    }
  });

  test('a key is rotated, and one that is not there is said (R69)', async () => {
    const rotated = await sallyport(['keys', 'rotate', '--purpose', 'access-token', '--reason', 'e2e', '--json'], here);
    expect(rotated.exitCode).toBe(0);
    const keys = recordsOf(rotated.stdout).map(({ value }) => value);
    expect(keys.filter(({ purpose }) => purpose === 'access-token').length).toBeGreaterThan(1);
    const missing = await sallyport(['keys', 'withdraw', 'no-such-key'], here);
    expect(missing).toMatchObject({ exitCode: 1, stdout: '', stderr: 'error: There is no such signing key.\n' });
  });

  test('exit codes are the contract: 1 unreachable or missing, 3 not valid, 5 refused (R69)', async () => {
    const wrong = join(scratch, 'wrong-token');
    writeFileSync(wrong, 'sp_admin_wrong_wrong_wrong_wrong_wrong');
    const codes = await Promise.all([
      sallyport(['--url', system.controlPlaneUrl, '--token-file', wrong, 'status']),
      sallyport(['--url', system.controlPlaneUrl, '--token-file', '-', 'status'], { stdin: system.adminToken }),
      sallyport(['--url', 'http://127.0.0.1:1', '--token-file', wrong, 'status']),
      sallyport(['revoke', '--user', 'usr_nobody'], here),
      sallyport(['revoke'], here),
      sallyport(['nonsense'], here),
      sallyport(['status'], { cwd: scratch }),
    ]);
    expect(codes.map(({ exitCode }) => exitCode)).toEqual([5, 0, 1, 1, 3, 3, 3]);
    for (const { exitCode, stdout, stderr } of codes.filter(({ exitCode: code }) => code !== 0)) {
      expect([exitCode, stdout]).toEqual([exitCode, '']);
      expect(stderr).toMatch(/^error: .+/);
    }
    expect(JSON.stringify(codes)).not.toContain(system.adminToken);
  });

  test('Ctrl-C ends it with 130, and a reader that has had enough is no failure (R69)', async () => {
    const interrupted = await sallyport(['events', 'tail', '--type', 'configuration.changed'], {
      ...here,
      watch: (_stdout, kill) => kill('SIGINT'),
    });
    expect(interrupted).toMatchObject({ exitCode: 130, signal: null });
    expect(interrupted.stdout).toContain('configuration.changed');
    const program = join(repositoryRoot, 'apps/cli/dist/main.js');
    const piped = await runProgram(
      'bash',
      ['-c', 'set -o pipefail; "$0" "$1" schema | head -c 20', process.execPath, program],
      here,
    );
    expect(piped).toMatchObject({ exitCode: 0, stderr: '' });
  });

  test('an export is a file that is whole, goes on where it broke off, and proves itself (R77, B13)', async () => {
    const given = { ...here, cwd: scratch };
    const ended = await sallyport(['events', 'export', '--out', 'trail.ndjson', '--json'], given);
    expect(ended).toMatchObject({ exitCode: 0, stderr: '' });
    const id = String(recordsOf(ended.stdout).at(-1)?.value['id']);
    const whole = readFileSync(join(scratch, 'trail.ndjson'), 'utf8');
    expect(readdirSync(scratch)).not.toContain('trail.ndjson.part');
    const { stdout: keys } = await sallyport(['audit', 'keys'], given);
    writeFileSync(join(scratch, 'keys.txt'), keys);
    await eventually(async () => {
      await sallyport(['events', 'export', '--out', 'proved.ndjson'], given);
      const verified = await sallyport(['audit', 'verify', '--export', 'proved.ndjson', '--key', 'keys.txt'], given);
      return verified.exitCode === 0 && /^\d+ events are as \d+ checkpoints say/m.test(verified.stdout);
    });
    // Broken off in the middle of a line, somewhere.
    writeFileSync(join(scratch, 'half.ndjson.part'), whole.slice(0, Math.floor(whole.length / 2)));
    const resumed = await sallyport(['events', 'export', '--resume', id, '--out', 'half.ndjson'], given);
    expect(resumed).toMatchObject({ exitCode: 0, stdout: `half.ndjson has the export ${id}.\n` });
    expect(readFileSync(join(scratch, 'half.ndjson'), 'utf8')).toBe(whole);
    const csv = await sallyport(['events', 'export', '--format', 'csv', '--type', 'configuration.*'], given);
    expect(csv.stdout).toMatch(/^sequence,at,type,.*\r\n\d+,[^,]+,configuration\.changed,/);
    const wrong = await sallyport(['events', 'export', '--resume', id, '--format', 'csv', '--out', 'x.csv'], given);
    expect(wrong).toMatchObject({ exitCode: 3, stderr: expect.stringContaining(`The export ${id} is in ndjson.`) });
  });

  test('bash completes commands, options and their choices (R69)', async () => {
    const { stdout: script } = await sallyport(['completion', 'bash']);
    const complete = async (...words: string[]): Promise<string[]> => {
      const asked =
        `${script}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _sallyport; ` +
        'printf "%s\\n" "${COMPREPLY[@]}"; complete -p sallyport >&2';
      const { stdout, stderr } = await runProgram('bash', ['-c', asked, 'bash', 'sallyport', ...words], {
        cwd: scratch,
      });
      expect(stderr).toBe('complete -o bashdefault -o filenames -F _sallyport sallyport\n');
      return stdout.trimEnd().split('\n');
    };
    expect(await complete('conn')).toEqual(['connections']);
    expect(await complete('connections', '')).toEqual(expect.arrayContaining(['list', 'remove', 'invite']));
    expect(await complete('revoke', '--cr')).toEqual(['--credential-provider']);
    expect(await complete('revoke', '--connections', '')).toEqual(['unused', 'all', 'none']);
    expect(await complete('completion', '')).toEqual(['bash', 'zsh', 'fish']);
  });

  test('in a clone nothing but its own words is on stdout, from any folder (R69)', async () => {
    const ended = await npm(['run', '-s', 'cli', '--', '--version'], { cwd: join(repositoryRoot, 'docs') });
    expect(ended).toMatchObject({ exitCode: 0 });
    expect(ended.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test('the packed program runs in an empty folder, with nothing from a registry (R69)', async () => {
    const packed = await runProgram(process.execPath, [join(repositoryRoot, 'tools/run.mjs'), 'pack', scratch]);
    const tarball = packed.stdout.trim().split('\n').at(-1) ?? '';
    expect(packed.exitCode, packed.stderr).toBe(0);
    const empty = join(scratch, 'empty');
    mkdirSync(empty);
    writeFileSync(join(empty, 'package.json'), '{ "private": true }');
    const alone = ['--offline', '--omit=optional', '--cache', join(scratch, 'cache'), '--no-audit', '--no-fund'];
    const installed = await npm(['install', ...alone, tarball], { cwd: empty });
    expect(installed.exitCode, installed.stderr).toBe(0);
    expect(readdirSync(join(empty, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual(['sallyport']);
    const bin = join(empty, 'node_modules/.bin/sallyport');
    const version = await runProgram(bin, ['--version'], { cwd: empty });
    expect(version).toMatchObject({ exitCode: 0, stderr: '' });
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    const status = await runProgram(bin, ['status', '--json'], { cwd: empty, ...here });
    expect(status).toMatchObject({ exitCode: 0, stderr: '' });
    expect(recordsOf(status.stdout)).toMatchObject([{ type: 'status' }]);
    const added = await runProgram(bin, ['add', system.demo.urls.notes], { cwd: empty, ...here });
    expect(added.exitCode, added.stderr).toBe(0);
    expect(added.stdout).toContain('type: mcp-user-oauth');
  });
});
