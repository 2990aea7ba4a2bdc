import { defineConfig } from 'vitest/config';

const conditions = ['@sallyport/source', 'module', 'node'];
const shared = {
  // Vite 8 transforms with oxc, which reads decorator options only for files the nearest tsconfig includes; tests are not.
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
};
const sources = '{apps,libs}/**/src/**';

export default defineConfig({
  ...shared,
  test: {
    projects: [
      { ...shared, test: { name: 'unit', include: [`${sources}/*.test.ts`, 'tools/**/*.test.{ts,mjs}'], exclude: ['**/*.int.test.ts', '**/*.e2e.test.ts', '**/node_modules/**', '**/dist/**'], pool: 'threads', setupFiles: ['reflect-metadata'] } },
    ],
  },
});
