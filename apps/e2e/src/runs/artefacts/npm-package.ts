import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { repositoryRoot } from '@sallyport/testing';
import { npm, recordsOf, runProgram, type Ended } from '../../system/command-line.js';
import { standaloneOnFreePorts } from '../../system/spawn-standalone.js';
import { filesIn, mebibytes, mib } from './folder-size.js';
import { startUntilReady } from './start-until-ready.js';
import { wayToRegistry } from './way-to-registry.js';

/** What a user's part may take once it is installed (operations: well under 400 MB). */
const MOST_INSTALLED_MIB = 120;

/**
 * The npm package as somebody gets it: packed, installed in an empty folder with an empty cache, started, its
 * demonstration run, stopped, started again.
 * @param scratch an empty folder @param say is told what was measured
 */
export async function tryNpmPackage(scratch: string, say: (line: string) => void): Promise<void> {
  const packed = await runProgram(process.execPath, [join(repositoryRoot, 'tools/run.mjs'), 'pack', scratch]);
  assert.equal(packed.exitCode, 0, packed.stderr);
  const tarball = packed.stdout.trim().split('\n').at(-1) ?? '';
  const sum = createHash('sha256').update(readFileSync(tarball)).digest('hex');
  assert.equal(readFileSync(`${tarball}.sha256`, 'utf8').split(' ')[0], sum);

  const home = join(scratch, 'home');
  mkdirSync(home);
  writeFileSync(join(home, 'package.json'), '{ "private": true }');
  const began = performance.now();
  const install = ['install', '--cache', join(scratch, 'cache'), '--no-audit', '--no-fund', tarball];
  const installed = await npm(install, { cwd: home, env: { ...wayToRegistry(), HOME: scratch } });
  assert.equal(installed.exitCode, 0, installed.stderr);
  const seconds = (performance.now() - began) / 1000;
  const modules = join(home, 'node_modules');
  const size = mebibytes(modules);
  say(`  ${mib(statSync(tarball).size / 2 ** 20)} packed; installed in ${seconds.toFixed(1)} s: ${mib(size)}`);
  assert.ok(size < MOST_INSTALLED_MIB, `no more than ${MOST_INSTALLED_MIB} MiB installed`);

  const program = join(modules, '.bin', 'sallyport');
  const before = digestOf(join(modules, 'sallyport'));
  const { env: ports } = await standaloneOnFreePorts(join(home, '.sallyport'));
  const env = { ...ports, HOME: scratch };
  const sallyport = (...args: string[]) => runProgram(program, args, { cwd: home, env });
  const first = await startUntilReady(program, ['start'], { cwd: home, env });
  try {
    say(`  ready ${first.seconds.toFixed(1)} s after its first start`);
    assert.match(first.output(), /npx sallyport demo/);
    succeeded(await sallyport('demo'), /Done in/);
    const verified = await sallyport('verify', '--json');
    assert.equal(verified.exitCode, 0, verified.stdout + verified.stderr);
    const [status] = recordsOf((await sallyport('status', '--json')).stdout);
    assert.equal(status?.type, 'status');
  } finally {
    const ended = await first.stop();
    assert.equal(ended.exitCode, 0, ended.stderr);
  }
  const second = await startUntilReady(program, ['start'], { cwd: home, env });
  say(`  ready ${second.seconds.toFixed(1)} s after its second`);
  assert.equal((await second.stop()).exitCode, 0);

  assert.deepEqual(readdirSync(home).toSorted(), ['.sallyport', 'node_modules', 'package-lock.json', 'package.json']);
  assert.equal(digestOf(join(modules, 'sallyport')), before, 'the package is as it was installed');
  await refusesOldNode(program, home, say);
}

/** The Node that npm runs on may be older than what the package needs: whoever has no other one is told so. */
async function refusesOldNode(program: string, cwd: string, say: (line: string) => void): Promise<void> {
  const node = process.env['npm_node_execpath'] ?? '';
  const { stdout: version } = await runProgram(node === '' ? 'node' : node, ['-p', 'process.versions.node']);
  if (Number(version.split('.')[0]) >= 22) return say(`  not tried: an older Node (npm runs on ${version.trim()})`);
  const path = [join(node, '..'), '/usr/bin', '/bin'].join(delimiter);
  for (const command of ['start', 'status']) {
    const refused = await runProgram(program, [command], { cwd, env: { PATH: path } });
    assert.equal(refused.exitCode, 1);
    assert.match(refused.stderr, /^sallyport \w+ needs Node\.js 2[24] or newer, and this is [\d.]+: .*\n$/);
  }
  say(`  refuses Node ${version.trim()} in one sentence`);
}

function succeeded({ exitCode, stdout, stderr }: Ended, words: RegExp): void {
  assert.equal(exitCode, 0, `${stdout}\n${stderr}`);
  assert.match(stdout, words);
}

function digestOf(folder: string): string {
  const hash = createHash('sha256');
  for (const file of filesIn(folder)) hash.update(`${file}\0`).update(readFileSync(file));
  return hash.digest('hex');
}
