import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CREDENTIAL_PROVIDER_TYPES, Document } from '@sallyport/configuration';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

const page = readFileSync(join(process.cwd(), 'docs', 'credential-providers.md'), 'utf8');
const documents = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, block = '']) => Document.parse(parse(block)));

test('every kind of credential provider has a block on the page about them, and each can be used as it is (R43)', () => {
  const types = documents.flatMap((document) => (document.kind === 'CredentialProvider' ? [document.spec.type] : []));
  expect([...new Set(types)].toSorted()).toEqual([...CREDENTIAL_PROVIDER_TYPES].toSorted());
});
