import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { rules, violationsOf } from './rules.js';
import { shapeRules, shapeViolationsOf } from './shape.js';
import { writerViolationsOf } from './table-writers.js';
import { readWorkspace } from './workspace.js';

/** A small workspace that breaks every rule once, read by the same code as the real one. */
const canary = join(dirname(fileURLToPath(import.meta.url)), 'fixtures', 'canary');
const manifests = globSync('{apps,libs}/*/package.json', { cwd: canary }).map((path) => ({
  root: dirname(path),
  ...(JSON.parse(readFileSync(join(canary, path), 'utf8')) as {
    name: string;
    dependencies: Record<string, string>;
    nx: { tags: string[] };
  }),
}));
const workspace = readWorkspace(canary, {
  graph: {
    nodes: Object.fromEntries(manifests.map(({ name, root, nx }) => [name, { data: { root, tags: nx.tags } }])),
    dependencies: Object.fromEntries(
      manifests.map(({ name, dependencies }) => [
        name,
        Object.keys(dependencies)
          .filter((target) => target.startsWith('@sallyport/'))
          .map((target) => ({ target })),
      ]),
    ),
  },
});
const told = (violations: readonly { project: string; rule: string; message: string }[]) =>
  violations
    .map(({ project, rule, message }) => `${project.replace('@sallyport/', '')}: ${rule}: ${message}`)
    .toSorted();

test('every boundary rule is broken by the canary, and nothing else is reported', () => {
  expect(told(violationsOf(workspace))).toEqual([
    'back-door: a lib is entered by one of its doors: libs/back-door/src/index.ts imports ../../untagged/src/index.js',
    'back-door: a lib is entered by one of its doors: libs/back-door/src/index.ts imports ' +
      '@sallyport/kernel/src/index.js',
    'back-door: only tests enter by a testing door: libs/back-door/src/index.ts imports @sallyport/kernel/testing',
    'gateway: a layer imports from none above it: apps/gateway/src/protocol/upward.ts imports from request-path',
    'gateway: a layer imports from none above it: drawer is none of its layers',
    'gateway: the data plane reaches no database and no authorization server: @sallyport/gateway → ' +
      '@sallyport/middle → @sallyport/database → @prisma/client',
    "greedy: an app is nobody else's library: depends on the app @sallyport/gateway",
    'impure-domain: a domain lib is pure: depends on @sallyport/middle',
    'impure-domain: a domain lib is pure: depends on node:fs in libs/impure-domain/src/index.ts',
    'impure-kernel: the kernel stands on nothing: depends on zod',
    'second-queue: a technology has one home: uses bullmq, whose home is tech:bullmq',
    'tested: the product does not stand on its tests: depends on @sallyport/testing',
    'undeclared: what is declared is imported: never imports yaml',
    'undeclared: what is imported is declared: libs/undeclared/src/index.ts imports undici',
    'unreferenced: references equal declared projects: declares @sallyport/kernel without a reference in tsconfig.json',
    'unreferenced: references equal declared projects: references @sallyport/domain in tsconfig.json without ' +
      'declaring it',
    'untagged: every project says what it is: has 0 "type:" tags, wants one',
    'wide-door: a door of a lib is small: @sallyport/wide-door exports 41 names, more than 40',
    'wide-door: a door shows no test doubles, unless it is one for tests: @sallyport/wide-door exports from ' +
      './testing/memory-store.js',
    'wide-door: files do not import in a circle: libs/wide-door/src/circle.ts → libs/wide-door/src/names.ts → ' +
      'libs/wide-door/src/circle.ts',
  ]);
  expect(new Set(violationsOf(workspace).map(({ rule }) => rule))).toEqual(new Set(Object.keys(rules)));
});

test('every shape rule is broken by the canary', () => {
  const violations = shapeViolationsOf(workspace);
  expect(told(violations)).toEqual([
    'back-door: a type is not talked round: libs/back-door/src/index.ts',
    'impure-domain: exports are listed by name: libs/impure-domain/src/index.ts',
    'tested: a folder or file is named for what it does: libs/tested/src/token.service.ts',
    'tested: decorators stay in controllers and modules: libs/tested/src/token.service.ts',
    'tested: no line of the product is wider than 120 columns: libs/tested/src/token.service.ts',
    'tested: no test is left out: libs/tested/src/token.test.ts',
  ]);
  expect(new Set(violations.map(({ rule }) => rule))).toEqual(new Set(shapeRules));
});

test('a second writer of a table and a table without one are found', () => {
  expect(told(writerViolationsOf(workspace, readFileSync(join(canary, 'schema.prisma'), 'utf8')))).toEqual(
    [
      'second-queue: a table has one writer: libs/second-queue/src/index.ts writes Connection, which is ' +
        "token-refresh-worker's",
      'prisma/schema.prisma: a table has one writer: Nobody names no writer',
    ].toSorted(),
  );
});

test('the linter finds circles of files, types included, and functions and files that are too long', () => {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-shapes-'));
  try {
    const lines = (count: number) => Array.from({ length: count }, (_, line) => `  void ${line};`).join('\n');
    const files = {
      'circle-a.ts': `import type { B } from './circle-b.js';\nexport interface A {\n  readonly b: B;\n}\n`,
      'circle-b.ts': `import type { A } from './circle-a.js';\nexport interface B {\n  readonly a: A;\n}\n`,
      'long-function.ts': `export function long(): void {\n${lines(79)}\n}\n`,
      'just-right.ts': `export function right(): void {\n${lines(78)}\n}\n`,
      'long-file.ts': `${lines(401)}\nexport {};\n`,
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
    const oxlint = join(process.cwd(), 'node_modules', '.bin', 'oxlint');
    const { stdout } = spawnSync(oxlint, ['-c', join(process.cwd(), '.oxlintrc.json'), '-f', 'unix', directory], {
      encoding: 'utf8',
    });
    const found = [...stdout.matchAll(/([\w-]+\.ts):.*\((no-cycle|max-lines(?:-per-function)?)\)/g)];
    expect(found.map(([, file, rule]) => `${file} ${rule}`).toSorted()).toEqual([
      'circle-a.ts no-cycle',
      'circle-b.ts no-cycle',
      'long-file.ts max-lines',
      'long-function.ts max-lines-per-function',
    ]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
