import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeScratch, removeScratch } from '@sallyport/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readVerdict } from './verdict.js';

let folder: string;
beforeEach(() => {
  folder = makeScratch('verdict');
});
afterEach(() => removeScratch(folder));

const save = (scenario: string, statuses: readonly string[]): void => {
  mkdirSync(join(folder, scenario));
  writeFileSync(join(folder, scenario, 'checks.json'), JSON.stringify(statuses.map((status) => ({ id: 'check', status, errorMessage: status === 'FAILURE' ? 'because' : undefined }))));
};

test('a scenario passes when something was checked and nothing failed', () => {
  save('one', ['SUCCESS', 'INFO']);
  save('two', ['SUCCESS']);
  expect(readVerdict(folder)).toEqual({ passed: 2, problems: [] });
});

test('a scenario that failed, was skipped or checked nothing does not pass, and says why', () => {
  save('failed', ['SUCCESS', 'FAILURE']);
  save('skipped', ['SKIPPED']);
  save('untouched', []);
  expect(readVerdict(folder)).toEqual({ passed: 0, problems: ['failed: check: because', 'skipped: nothing was checked', 'untouched: nothing was checked'] });
});
