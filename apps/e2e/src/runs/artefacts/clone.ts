import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { readTestEnvironment, repositoryRoot } from '@sallyport/testing';
import { npm, runProgram } from '../../system/command-line.js';
import { standaloneOnFreePorts } from '../../system/spawn-standalone.js';
import { mebibytes, mib } from './folder-size.js';
import { startUntilReady } from './start-until-ready.js';
import { wayToRegistry } from './way-to-registry.js';

const MOST_INSTALLED_MIB = 800;
/** Of what only tests need, each as it would be found. */
const NOT_FOR_USERS = ['vitest', 'nx', 'oxlint', 'playwright-core', '@aws-sdk', '@google-cloud', '@azure'];

/**
 * The clone as a newcomer has it: what was committed last, with an empty cache; its two commands, and the command line.
 * @param scratch an empty folder @param say is told what was measured
 */
export async function tryClone(scratch: string, say: (line: string) => void): Promise<void> {
  const clone = join(scratch, 'clone');
  const cloned = await runProgram('git', ['clone', '--quiet', '--depth=1', `file://${repositoryRoot}`, clone]);
  assert.equal(cloned.exitCode, 0, cloned.stderr);
  const { env: ports } = await standaloneOnFreePorts(join(clone, '.sallyport'));
  // The machine's own Node, as a newcomer has it: not the one that npm installed here.
  const path = readTestEnvironment().path.split(delimiter);
  const PATH = path.filter((folder) => !folder.includes('node_modules')).join(delimiter);
  const env = { ...ports, ...wayToRegistry(), PATH, HOME: scratch, npm_config_cache: join(scratch, 'clone-cache') };
  const options = { cwd: clone, env };

  const started = await startUntilReady('npm', ['start'], options);
  try {
    const modules = join(clone, 'node_modules');
    say(`  npm start is ready after ${started.seconds.toFixed(0)} s: ${mib(mebibytes(modules))} installed`);
    assert.ok(mebibytes(modules) < MOST_INSTALLED_MIB, `no more than ${MOST_INSTALLED_MIB} MiB installed`);
    const surplus = NOT_FOR_USERS.filter((name) => existsSync(join(modules, name)));
    assert.deepEqual(surplus, [], 'what only tests need is not installed');
    const told = await npm(['run', 'demo'], options);
    assert.equal(told.exitCode, 0, told.stdout + told.stderr);
    const status = await npm(['run', '-s', 'cli', '--', 'status'], options);
    assert.equal(status.exitCode, 0, status.stdout + status.stderr);
  } finally {
    await started.stop('SIGTERM');
  }
}
