import { expect, test } from 'vitest';
import { readPlanFile, writePlanFile } from './plan-file.js';

const base = { epoch: 'epoch-1', revision: 7 };
const saved = {
  url: 'https://control.example',
  plan: { base, set: 'platform', changes: [], unchanged: 1, left: [], warnings: [] },
  changeSet: { set: 'platform', base, documents: [{ kind: 'Role', name: 'reader', spec: { scopes: ['a'] } }] },
  secrets: { 'TrustProvider/corp/clientSecret': { env: 'IDP_SECRET' } },
};

test('a saved plan is read as it was written', () => {
  expect(readPlanFile(writePlanFile(saved), 'plan')).toMatchObject(saved);
});

test('what is no saved plan is left to others, and one of another version is refused: 3', () => {
  expect(readPlanFile('kind: Role\n', 'a.yaml')).toBeUndefined();
  expect(readPlanFile('{ kind: Role }', 'a.yaml')).toBeUndefined();
  expect(readPlanFile('{ "kind": "Role" }', 'a.json')).toBeUndefined();
  const newer = writePlanFile(saved).replace('"version":1', '"version":2');
  expect(() => readPlanFile(newer, 'plan')).toThrow('is no plan that this version can carry out');
});
