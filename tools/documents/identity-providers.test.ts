import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { problemsOfTrustProvider } from '@sallyport/authorization';
import { Document, TRUST_PROVIDER_PRESETS } from '@sallyport/configuration';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

const page = readFileSync(join(process.cwd(), 'docs', 'identity-providers.md'), 'utf8');
const documents = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, block = '']) => Document.parse(parse(block)));
const providers = documents.flatMap((document) => (document.kind === 'TrustProvider' ? [document] : []));

test('every block of the page about identity providers can be used as it is, one per preset (R7)', () => {
  expect(providers.map(({ spec }) => spec.preset ?? 'generic').toSorted()).toEqual(
    [...TRUST_PROVIDER_PRESETS].toSorted(),
  );
  expect(providers.flatMap(({ spec }) => problemsOfTrustProvider(spec))).toEqual([]);
});
