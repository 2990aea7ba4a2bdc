import { join } from 'node:path';
import { bin, compile, emit, generateDatabaseClient } from './build.mjs';
import { become, CommandFailed, mustRun, run } from './process.mjs';
import { inSeconds, selectSteps } from './steps.mjs';

/** @typedef {(root: string, args: readonly string[]) => Promise<void>} Command */

/** Nx as a plain program: no background process, no account, its cache inside the workspace. */
const nxEnvironment = {
  NX_DAEMON: 'false',
  NX_NO_CLOUD: 'true',
  NX_TUI: 'false',
  NX_CACHE_DIRECTORY: '.nx/cache',
  NX_WORKSPACE_DATA_DIRECTORY: '.nx/workspace-data',
};

/**
 * Node keeps what it compiled of the modules beside them, and the next start reads it.
 * @param {string} root @param {string} entry a built file @param {readonly string[]} args
 */
async function becomeApp(root, entry, args) {
  process.env['NODE_COMPILE_CACHE'] ??= join(root, 'node_modules', '.cache', 'node-compile-cache');
  await become(process.execPath, ['--enable-source-maps', join(root, entry), ...args]);
}

/** What the product is tested and measured with. @param {string} entry @returns {Command} */
const startApp = (entry) => async (root, args) => {
  await compile(root);
  await becomeApp(root, entry, args);
};

/** Commands of those who run the product: they need no more installed than that. */
export const runsProduct = new Set(['start', 'demo', 'cli']);

/** @param {...string} projects of vitest.config.ts @returns {Command} */
const vitest =
  (...projects) =>
  async (root, args) => {
    await generateDatabaseClient(root);
    await mustRun(bin(root, 'vitest'), ['run', ...projects.flatMap((project) => ['--project', project]), ...args]);
  };

/** @type {Record<import('./steps.mjs').StepName, Command>} */
const steps = {
  format: (root, args) => mustRun(bin(root, 'oxfmt'), ['--check', ...args]),
  types: async (root) => {
    await compile(root);
    await mustRun(bin(root, 'tsc'), ['-p', 'tsconfig.spec.json']);
  },
  lint: async (root, args) => {
    await generateDatabaseClient(root);
    await mustRun(bin(root, 'oxlint'), ['--type-aware', '--deny-warnings', ...args]);
  },
  boundaries: vitest('boundaries'),
  unit: vitest('unit'),
  int: async (root, args) => {
    await compile(root); // some of them start a built process
    await vitest('int', 'int-alone')(root, args);
  },
  e2e: async (root, args) => {
    await compile(root); // the scenarios start the built processes
    await vitest('e2e', 'e2e-alone')(root, args);
  },
};

/** @param {string} root @param {readonly string[]} args */
async function runSteps(root, args) {
  const selected = selectSteps(args);
  const began = performance.now();
  for (const name of selected.steps) {
    const stepBegan = performance.now();
    process.stdout.write(`\n── ${name} ${'─'.repeat(60 - name.length)}\n`);
    try {
      await steps[name](root, selected.rest);
    } catch (error) {
      process.stdout.write(`\n✗ ${name} failed after ${inSeconds(performance.now() - stepBegan)}\n`);
      throw error;
    }
    process.stdout.write(`✓ ${name} ${inSeconds(performance.now() - stepBegan)}\n`);
  }
  process.stdout.write(`\n✓ ${selected.steps.join(', ')}: ${inSeconds(performance.now() - began)}\n`);
}

/** @type {Record<string, Command>} */
export const commands = {
  start: async (root, args) => {
    await generateDatabaseClient(root);
    await emit(root, 'apps/standalone');
    await becomeApp(root, 'apps/standalone/dist/main.js', args);
  },
  cli: async (root, args) => {
    await emit(root, 'apps/cli');
    process.chdir(process.env['INIT_CWD'] ?? root); // where `npm run` was typed: paths are meant from there
    await become(process.execPath, ['--enable-source-maps', join(root, 'apps/cli/dist/main.js'), ...args]);
  },
  pack: async (root, args) => {
    const { pack } = await import('./pack.mjs'); // the bundler is there once everything is installed
    await pack(root, args);
  },
  demo: async (root, args) => {
    await emit(root, 'apps/demo');
    await becomeApp(root, 'apps/demo/dist/main.js', args);
  },
  bench: startApp('apps/bench/dist/main.js'),
  trail: startApp('apps/bench/dist/trail/main.js'),
  conformance: startApp('apps/e2e/dist/runs/conformance/main.js'),
  fuzz: startApp('apps/e2e/dist/runs/fuzz/main.js'),
  faults: startApp('apps/e2e/dist/runs/faults/main.js'),
  foreign: startApp('apps/e2e/dist/runs/foreign/main.js'),
  agents: startApp('apps/e2e/dist/runs/agents/main.js'),
  artefacts: startApp('apps/e2e/dist/runs/artefacts/main.js'),
  secrets: async (root) => {
    await compile(root);
    await mustRun(process.execPath, [join(root, 'tools', 'make-secrets.mjs')]);
  },
  test: runSteps,
  check: async (root, args) => {
    if (args.length > 0)
      throw new CommandFailed('npm run check takes no arguments; npm test -- types runs one part.', 2);
    await runSteps(root, ['format', 'types', 'lint', 'boundaries']);
  },
  format: (root, args) => mustRun(bin(root, 'oxfmt'), args),
  build: async (root, args) => {
    const code = await run(bin(root, 'nx'), ['run-many', '-t', 'build', ...args], { ...process.env, ...nxEnvironment });
    if (code !== 0) throw new CommandFailed('', code);
  },
};
