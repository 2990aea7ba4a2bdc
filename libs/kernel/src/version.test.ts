import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { PRODUCT_VERSION } from './index.js';

test('every process says the version that the repository has', () => {
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  expect(PRODUCT_VERSION).toBe(version);
});
