import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Document, SecretSource } from '@sallyport/configuration';
import { KINDS, parseDeclaration, schemaOf, warningsOf } from '@sallyport/declaration';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { renderKind, renderKinds, undescribed } from './kind-reference.js';

const folder = join(process.cwd(), 'docs', 'reference');
const examples = readFileSync(join(process.cwd(), 'tools', 'documents', 'kind-examples.yaml'), 'utf8');
const documents = examples.split(/^---$/m);
const schemas = KINDS.map((kind) => [kind, schemaOf(kind) ?? {}] as const);
/** The examples of one kind, as they are written. */
const examplesOf = (kind: string) => documents.filter((text) => new RegExp(`^kind: ${kind}$`, 'm').test(text));

test('the examples are one configuration that is valid as a whole, and warns of nothing', () => {
  const { documents: parsed } = parseDeclaration(examples, 'kind-examples.yaml');
  expect(parsed).toHaveLength(documents.length);
  expect(warningsOf(parsed)).toEqual([]);
  expect(KINDS.filter((kind) => examplesOf(kind).length === 0)).toEqual([]);
});

test('every kind, every type of it and every field has a description', () => {
  expect(schemas.flatMap(([kind, schema]) => undescribed(kind, schema))).toEqual([]);
});

test('a field, a variant or a kind without a description is found', () => {
  const spec = z.strictObject({
    said: z.string().describe('It is said.'),
    unsaid: z.array(z.strictObject({ inner: SecretSource })),
    way: z.discriminatedUnion('as', [z.strictObject({ as: z.literal('a').describe('The way.') })]).describe('Ways.'),
  });
  expect(undescribed('Kind', z.toJSONSchema(spec, { io: 'input' }))).toEqual([
    'Kind',
    'Kind.unsaid',
    'Kind.unsaid[].inner',
    'Kind.way (`as: a`)',
  ]);
});

test.each(schemas)('docs/reference/%s.md has every field of the kind, and an example', async (kind, schema) => {
  await expect(
    renderKind(
      kind,
      schema,
      examplesOf(kind)
        .map((text) => text.trim())
        .join('\n---\n'),
    ),
  ).toMatchFileSnapshot(join(folder, `${kind}.md`));
});

test('docs/reference/README.md lists the kinds, and there is no page besides', async () => {
  await expect(renderKinds(schemas)).toMatchFileSnapshot(join(folder, 'README.md'));
  expect(Document.options.map(({ shape }) => shape.kind.value).toSorted()).toEqual([...KINDS].toSorted());
  expect(readdirSync(folder).toSorted()).toEqual(['README.md', ...KINDS.map((kind) => `${kind}.md`)].toSorted());
});
