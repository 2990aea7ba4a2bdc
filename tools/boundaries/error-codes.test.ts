import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const REGISTRY = 'libs/kernel/src/error-codes.ts';
const codes = [...readFileSync(REGISTRY, 'utf8').matchAll(/^ {2}\| '([a-z_]+)'/gm)].map(([, code = '']) => code);
const sources = globSync(['{apps,libs}/**/src/**/*.ts', 'tools/*.mjs'], {
  exclude: ['**/*.test.ts', '**/generated/**'],
})
  .filter((path) => path !== REGISTRY)
  .map((path) => readFileSync(path, 'utf8'))
  .filter((text) => text.includes('Error'));
const unthrown = (of: readonly string[]) =>
  of.filter((code) => !sources.some((text) => new RegExp(`['\\s{]${code}['?:]`).test(text)));

test('every code of the registry is one that something throws, and is there once', () => {
  expect(codes.length).toBeGreaterThan(90);
  expect(unthrown(codes)).toEqual([]);
  expect(codes.filter((code, index) => codes.indexOf(code) !== index)).toEqual([]);
  expect(unthrown(['nobody_throws_this'])).toEqual(['nobody_throws_this']);
});
