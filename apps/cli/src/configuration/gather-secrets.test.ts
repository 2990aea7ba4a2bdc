import { expect, test } from 'vitest';
import { fakeWorld } from '../test/fake-world.js';
import { gatherSecrets, noteOfMissing } from './gather-secrets.js';

test('a secret that is not on this machine is left out, and people read where it was looked for', async () => {
  const world = fakeWorld({ variables: { HERE: 'value', EMPTY: '' } });
  const { values, missing } = await gatherSecrets(world, {
    'TrustProvider/a/clientSecret': { env: 'HERE' },
    'TrustProvider/b/clientSecret': { env: 'EMPTY' },
    'TrustProvider/c/clientSecret': { file: '/nowhere/secret' },
  });
  expect(values).toEqual({ 'TrustProvider/a/clientSecret': 'value' });
  expect(missing.map(noteOfMissing)).toEqual([
    'TrustProvider/b/clientSecret is not here: the environment variable EMPTY is not set. The system keeps the value it ' +
      'has, if it has one.',
    'TrustProvider/c/clientSecret is not here: /nowhere/secret is missing or empty. The system keeps the value it has, if ' +
      'it has one.',
  ]);
});
