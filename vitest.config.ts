import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// Not `module`: what a package says of itself to bundlers, Node cannot always load.
const conditions = ['@sallyport/source', 'node'];
const shared = {
  // Vite 8 transforms with oxc, which reads decorator options only for files the nearest tsconfig includes; tests are not.
  oxc: { decorator: { legacy: true } },
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
};
const sources = '{apps,libs}/**/src/**';
const exclude = ['**/node_modules/**', '**/dist/**'];
const withPostgres = { globalSetup: './libs/testing/src/global-setup.ts' };
const suite = { ...shared, extends: false as const };

/** Vitest leaves one core to itself, which sleeps while tests run: of two, half would do nothing. */
const cores = Math.max(2, availableParallelism());
/** Files that measure what the machine does: nothing runs beside them, and their process is their own. */
const measuring = {
  int: [
    'apps/control-plane/src/test/overload.int.test.ts',
    'apps/gateway/src/test/{expression-budget,real-disk,revocation-under-load,servers-as-they-are}.int.test.ts',
    'libs/platform/messaging/src/nats/nats-messaging.int.test.ts',
  ],
  e2e: ['apps/e2e/src/**/{closing-sessions,large-set,overload,sign-ins}.e2e.test.ts'],
};
/** Of a condition that is awaited: one that holds costs nothing, and what must hold sooner says so itself. */
const expect = { poll: { timeout: 60_000 } };
const int = {
  ...withPostgres,
  expect,
  pool: 'forks' as const,
  setupFiles: ['reflect-metadata', './tools/testing/seed-properties.ts'],
  testTimeout: 120_000, // ends what hangs, and nothing that is only slow on a machine that is busy
  hookTimeout: 240_000,
};
const e2e = {
  ...withPostgres,
  expect,
  pool: 'forks' as const,
  setupFiles: ['reflect-metadata'],
  testTimeout: 240_000,
  hookTimeout: 240_000,
};

export default defineConfig({
  ...shared,
  test: {
    projects: [
      {
        ...suite,
        test: {
          name: 'unit',
          include: [`${sources}/*.test.ts`, 'tools/**/*.test.ts'],
          exclude: [...exclude, '**/*.int.test.ts', '**/*.e2e.test.ts', 'tools/boundaries/**'],
          pool: 'threads',
          isolate: false, // loading modules anew for each file took as long as the tests
          maxWorkers: cores,
          setupFiles: ['reflect-metadata', './tools/testing/deny-network.ts', './tools/testing/seed-properties.ts'],
          testTimeout: 30_000, // a machine that is busy takes seconds to load an app's configuration
        },
      },
      {
        ...suite,
        test: {
          name: 'boundaries',
          include: ['tools/boundaries/*.test.ts'],
          exclude,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      // A worker keeps the modules it has loaded: files share them, and no more. While one waits, which they do a lot, another works.
      {
        ...suite,
        test: {
          name: 'int',
          include: [`${sources}/*.int.test.ts`],
          exclude: [...exclude, ...measuring.int],
          ...int,
          isolate: false,
          maxWorkers: cores + 1,
        },
      },
      { ...suite, test: { name: 'int-alone', include: measuring.int, exclude, ...int, fileParallelism: false } },
      // Each file starts a whole deployment, which waits as much as it works.
      {
        ...suite,
        test: {
          name: 'e2e',
          include: ['apps/{e2e,bench}/src/**/*.e2e.test.ts'],
          exclude: [...exclude, ...measuring.e2e],
          ...e2e,
          maxWorkers: 3,
        },
      },
      { ...suite, test: { name: 'e2e-alone', include: measuring.e2e, exclude, ...e2e, fileParallelism: false } },
    ],
  },
});
