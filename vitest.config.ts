import { defineConfig } from 'vitest/config';

// Not `module`: what a package says of itself to bundlers, Node cannot always load.
const conditions = ['@sallyport/source', 'node'];
const shared = {
  // Vite 8 transforms with oxc, which reads decorator options only for files the nearest tsconfig includes; tests are not.
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
};
const sources = '{apps,libs}/**/src/**';
const exclude = ['**/node_modules/**', '**/dist/**'];
const withPostgres = { globalSetup: './libs/testing/src/global-setup.ts' };
const suite = { ...shared, extends: false as const };

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
          setupFiles: ['reflect-metadata', './tools/testing/deny-network.ts'],
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
      {
        ...suite,
        test: {
          name: 'int',
          include: [`${sources}/*.int.test.ts`],
          exclude,
          ...withPostgres,
          pool: 'forks',
          setupFiles: ['reflect-metadata'],
          testTimeout: 30_000,
          hookTimeout: 120_000,
        },
      },
      {
        ...suite,
        test: {
          name: 'e2e',
          include: ['apps/e2e/src/**/*.e2e.test.ts'],
          exclude,
          ...withPostgres,
          pool: 'forks',
          fileParallelism: false, // each file starts a whole deployment
          setupFiles: ['reflect-metadata'],
          testTimeout: 60_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
