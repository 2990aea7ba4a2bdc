import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { digest } from './installation.mjs';
import { mustRun, quietly } from './process.mjs';

/** Program in node_modules/.bin. @param {string} root @param {string} name */
export const bin = (root, name) => join(root, 'node_modules', '.bin', name);

/**
 * Generates the Prisma client when it does not match the schema: a second start must not pay for it.
 * @param {string} root
 */
export async function generateDatabaseClient(root) {
  const generated = join(root, 'libs', 'platform', 'database', 'src', 'generated');
  const stamp = join(generated, '.made-from');
  const sources = ['prisma/schema.prisma', 'prisma.config.ts', 'node_modules/prisma/package.json'];
  const wanted = digest(sources.map((path) => readFileSync(join(root, path), 'utf8')).join('\0'));
  if (existsSync(join(generated, 'client.ts')) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  await mustRun(bin(root, 'prisma'), ['generate', '--no-hints'], {
    ...process.env,
    PRISMA_HIDE_UPDATE_MESSAGE: '1',
    CHECKPOINT_DISABLE: '1',
  });
  writeFileSync(stamp, wanted);
}

/** Type-checks and emits everything that changed. `tsc -b` over the whole tree is faster than any cache in front of it. @param {string} root */
export async function compile(root) {
  await generateDatabaseClient(root);
  await mustRun(bin(root, 'tsc'), ['-b']);
}

/**
 * Emits one program and what it stands on, unchecked: who runs it changed nothing, or lets the tests check it, and types
 * of what only tests need may not be there. What the compiler says goes to stderr: stdout is the program's own.
 * @param {string} root @param {string} project its folder
 */
export async function emit(root, project) {
  await mustRun(bin(root, 'tsc'), ['-b', '--noCheck', join(root, project)], process.env, quietly);
}
