import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { citedIds, manifestFaults, renderRequirements, RequirementManifest } from './requirement-manifest.js';

const root = process.cwd();
const manifest = RequirementManifest.parse(JSON.parse(readFileSync(join(root, 'apps/e2e/requirements.json'), 'utf8')));

function citedInTests(): Map<string, string[]> {
  const cited = new Map<string, string[]>();
  for (const file of globSync(['{apps,libs}/**/src/**/*.{test,contract}.ts', 'apps/e2e/src/scenarios/*.ts'], {
    cwd: root,
    exclude: ['**/node_modules/**'],
  }).toSorted()) {
    for (const id of new Set(citedIds(readFileSync(join(root, file), 'utf8'))))
      cited.set(id, [...(cited.get(id) ?? []), file]);
  }
  return cited;
}

test('the manifest holds every requirement once, in order', () => {
  const ids = (prefix: string, count: number) => Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`);
  expect(Object.keys(manifest.requirements)).toEqual([...ids('R', 86), ...ids('B', 32), ...ids('S', 35)]);
  expect(Object.keys(manifest.nonGoals)).toEqual(ids('N', 4));
});

test('every requirement has a test or a stated gap, and no stated gap has a test', () => {
  expect(manifestFaults(manifest, citedInTests())).toEqual([]);
});

test('docs/requirements.md says what the manifest says', async () => {
  await expect(renderRequirements(manifest)).toMatchFileSnapshot(join(root, 'docs/requirements.md'));
});

test('ids are read from titles only, and only from parentheses', () => {
  const source = `
    // not a title (R1)
    test('a call is decided every time (R30, S5)', async () => { expect('R2').toBe('(R3)'); });
    describe("groups count too (B17)", () => {});
    test.each([['(R4)', 1]])('a row of a table: %s (S6; R10)', (name) => name);
    test('no id here: R11', () => {});
  `;
  expect(citedIds(source)).toEqual(['R30', 'S5', 'B17', 'S6', 'R10']);
});

test('an uncovered requirement, a gap that passes and an unknown id are each reported', () => {
  const small: RequirementManifest = {
    requirements: {
      R1: { title: 'one' },
      R2: { title: 'two', gap: 'not built', milestone: 'later' },
      R3: { title: 'three', remaining: 'the rest' },
    },
    nonGoals: {},
  };
  expect(
    manifestFaults(
      small,
      new Map([
        ['R2', ['a.test.ts']],
        ['R3', ['a.test.ts']],
        ['R99', ['b.test.ts']],
      ]),
    ),
  ).toEqual([
    'R99 is cited in b.test.ts and is no requirement',
    'R1 has neither a test nor an entry as a gap',
    'R2 is listed as a gap and has a test in a.test.ts: strike the gap',
  ]);
});
