import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeScratch, removeScratch } from '@sallyport/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readVerdicts } from './verdict.js';

let folder: string;
beforeEach(() => {
  folder = makeScratch('verdict');
});
afterEach(() => removeScratch(folder));

const save = (scenario: string, statuses: readonly string[]): void => {
  mkdirSync(join(folder, scenario), { recursive: true });
  writeFileSync(
    join(folder, scenario, 'checks.json'),
    JSON.stringify(
      statuses.map((status) => ({ id: 'check', status, errorMessage: status === 'FAILURE' ? 'because' : undefined })),
    ),
  );
};

test('a scenario passes when something was checked and nothing failed', () => {
  save('server-tools-list-2026-11-21T03-06-28-805Z', ['SUCCESS', 'INFO']);
  save('server-server-stateless-2026-11-21T03-06-28-806Z', ['SUCCESS']);
  save('auth/basic-cimd-2026-11-21T03-06-28-807Z', ['SUCCESS']);
  expect(readVerdicts(folder)).toEqual(
    new Map([
      ['auth/basic-cimd', undefined],
      ['server-stateless', undefined],
      ['tools-list', undefined],
    ]),
  );
});

test('a scenario that failed, was skipped or checked nothing does not pass, and says why', () => {
  save('failed', ['SUCCESS', 'FAILURE']);
  save('skipped', ['SKIPPED']);
  save('untouched', []);
  expect(Object.fromEntries(readVerdicts(folder))).toEqual({
    failed: 'check: because',
    skipped: 'nothing was checked',
    untouched: 'nothing was checked',
  });
});
