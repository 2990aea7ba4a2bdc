import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createProgram } from '../../apps/cli/src/create-program.js';
import { EXIT, EXIT_WORDS } from '../../apps/cli/src/exit-code.js';
import { JSON_FORMAT } from '../../apps/cli/src/terminal/output.js';
import { fakeWorld } from '../../apps/cli/src/test/fake-world.js';
import { renderCliReference } from './cli-reference.js';

test('docs/cli.md lists every command, argument, option and exit code', async () => {
  const neither = () => Promise.reject(new Error('it is only described'));
  const world = fakeWorld({ local: { start: neither, demo: neither } });
  const program = createProgram({ world, ended: () => {}, failed: () => {} });
  const exitCodes = (Object.keys(EXIT) as (keyof typeof EXIT)[]).map((name) => [EXIT[name], EXIT_WORDS[name]] as const);
  await expect(renderCliReference(program, exitCodes, JSON_FORMAT)).toMatchFileSnapshot(
    join(process.cwd(), 'docs/cli.md'),
  );
});
