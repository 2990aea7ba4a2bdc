import { SECRET } from '@sallyport/configuration';

/** A JSON Schema of draft 2020-12, as `schemaOf` makes it. */
export type Schema = Readonly<Record<string, unknown>>;

/** A field of a kind, at a path such as `spec.tools[].match`. */
interface Field {
  readonly path: string;
  readonly schema: Schema;
  readonly isRequired: boolean;
  /** The variants it belongs to, such as `` `as: basic` ``, where its neighbours have other fields. */
  readonly of: readonly string[];
}

/** A part that several fields share, such as a public key: it has a title, and a section of its own. */
type Parts = Map<string, Schema>;

const DURATION = /\[smhd\]\$$/;
const list = (value: unknown): readonly Schema[] => (Array.isArray(value) ? (value as Schema[]) : []);
const properties = (schema: Schema) => Object.entries((schema['properties'] ?? {}) as Readonly<Record<string, Schema>>);
const variantsOf = (schema: Schema): readonly Schema[] => list(schema['oneOf']);
const descriptionOf = (schema: Schema): string =>
  typeof schema['description'] === 'string' ? schema['description'] : '';
const code = (text: string): string => `\`${text}\``;
const cell = (text: string): string => text.replaceAll('|', '\\|');
const anchor = (title: string): string => `#${title.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}`;

/** The field that tells variants apart: it has fixed values in each. */
function discriminatorOf(variants: readonly Schema[]): string | undefined {
  return properties(variants[0] ?? {})
    .map(([name]) => name)
    .find((name) => variants.every((variant) => valuesOf(propertyOf(variant, name)).length > 0));
}
const propertyOf = (schema: Schema, name: string): Schema =>
  properties(schema).find(([property]) => property === name)?.[1] ?? {};
const valuesOf = (schema: Schema): readonly unknown[] =>
  schema['const'] === undefined ? ((schema['enum'] ?? []) as readonly unknown[]) : [schema['const']];

/** `` `type: static` ``; of several values `` `authentication: client_secret_basic` or `client_secret_post` ``. */
function nameOfVariant(variants: readonly Schema[], variant: Schema): string {
  const key = discriminatorOf(variants) ?? '';
  const [first, ...others] = valuesOf(propertyOf(variant, key)).map(String);
  return [`${key}: ${first ?? ''}`, ...others].map(code).join(' or ');
}

/** Every field inside a schema. A part with a title is not entered, but noted. */
function fieldsIn(schema: Schema, path: string, parts: Parts, of: readonly string[] = []): Field[] {
  const required = new Set((schema['required'] ?? []) as readonly string[]);
  const variants = variantsOf(schema);
  const key = discriminatorOf(variants);
  return [
    ...properties(schema).flatMap(([name, value]) => {
      const field = { path: `${path}${name}`, schema: value, isRequired: required.has(name), of };
      return [field, ...fieldsBelow(value, field.path, parts, of)];
    }),
    ...variants.flatMap((variant) =>
      fieldsIn(variant, path, parts, [nameOfVariant(variants, variant)]).filter(
        (field) => field.path !== `${path}${key}`,
      ),
    ),
  ];
}

function fieldsBelow(schema: Schema, path: string, parts: Parts, of: readonly string[]): Field[] {
  const { title, items } = schema;
  if (typeof title === 'string') {
    parts.set(title, schema);
    return [];
  }
  return items === undefined
    ? fieldsIn(schema, `${path}.`, parts, of)
    : fieldsBelow(items as Schema, `${path}[]`, parts, of);
}

/** `a list of text`, `duration`, `one of …`: what is written there. */
function typeOf(schema: Schema): string {
  const { title, type, format, pattern, items, anyOf, additionalProperties: values } = schema;
  if (typeof title === 'string')
    return `[${title.toLowerCase()}](${schema[SECRET] === true ? 'README.md' : ''}${anchor(title)})`;
  const fixed = valuesOf(schema);
  if (fixed.length > 0) return fixed.map((value) => code(String(value))).join(', ');
  const variants = variantsOf(schema);
  if (variants.length > 0) return variants.map((variant) => nameOfVariant(variants, variant)).join(', ');
  if (Array.isArray(anyOf)) return list(anyOf).map(typeOf).join(' or ');
  if (type === 'array') return `list of ${typeOf((items ?? {}) as Schema)}`;
  if (type === 'object') return typeof values === 'object' ? 'map' : 'object';
  if (type !== 'string') return String(type);
  if (format === 'uri') return 'URL';
  if (format === 'date-time') return 'time (RFC 3339)';
  return typeof pattern === 'string' && DURATION.test(pattern) ? 'duration' : 'text';
}

const between = (least: number | undefined, most: number | undefined, unit: string): string[] => {
  if (least === undefined) return most === undefined ? [] : [`at most ${most}${unit}`];
  if (most !== undefined) return [`${least} to ${most}${unit}`];
  return [least === 1 && unit !== '' ? 'not empty' : `at least ${least}${unit}`];
};

/** What limits a value besides its type. */
function boundsOf(schema: Schema): string {
  const { pattern, items } = schema;
  const { minLength, maxLength, minItems, maxItems, minimum, maximum } = schema as Readonly<Record<string, number>>;
  if (typeof schema['title'] === 'string' || valuesOf(schema).length > 0) return '';
  const each = items === undefined ? '' : boundsOf(items as Schema);
  return [
    ...between(minItems, maxItems, ' entries'),
    ...between(minLength, maxLength, ' characters'),
    ...between(minimum, maximum, ''),
    ...(typeof pattern === 'string' && schema['format'] === undefined && !DURATION.test(pattern)
      ? [code(pattern)]
      : []),
    ...(each === '' ? [] : [`each ${each}`]),
  ].join(', ');
}

const defaultOf = ({ schema, isRequired }: Field): string =>
  schema['default'] === undefined ? (isRequired ? 'required' : '') : code(JSON.stringify(schema['default']));

/** Variants that have the same field share a line. */
function onceEach(fields: readonly Field[]): Field[] {
  const lines = new Map<string, Field>();
  for (const field of fields) {
    const key = JSON.stringify([field.path, field.schema, field.isRequired]);
    lines.set(key, { ...field, of: [...(lines.get(key)?.of ?? []), ...field.of] });
  }
  return [...lines.values()];
}

/** A table of fields, in the order in which the schema has them. */
function tableOf(fields: readonly Field[]): string[] {
  return [
    '| field | type | default | bounds | what it is for |',
    '| --- | --- | --- | --- | --- |',
    ...onceEach(fields).map((field) =>
      [
        '',
        code(field.path),
        typeOf(field.schema),
        defaultOf(field),
        boundsOf(field.schema),
        `${field.of.length === 0 ? '' : `With ${field.of.join(', ')}: `}${descriptionOf(field.schema)}`,
        '',
      ]
        .map(cell)
        .join(' | ')
        .trim(),
    ),
  ];
}

/** A section for each type of document that a kind has, else one for all its fields. */
function sectionsOf(spec: Schema, parts: Parts): string[] {
  const variants = variantsOf(spec);
  if (variants.length === 0) return ['## Fields', '', ...tableOf(fieldsIn(spec, 'spec.', parts))];
  return variants.flatMap((variant, at) => [
    ...(at > 0 ? [''] : []),
    `## ${nameOfVariant(variants, variant)}`,
    '',
    descriptionOf(variant),
    '',
    ...tableOf(fieldsIn(variant, 'spec.', parts)),
  ]);
}

/** The sections of what several fields share, and of what these share in turn. */
function sectionsOfParts(parts: Parts): string[] {
  const lines: string[] = [];
  const done: Parts = new Map();
  for (let [next] = parts; next !== undefined; [next] = [...parts].filter(([title]) => !done.has(title))) {
    const [title, schema] = next;
    done.set(title, schema);
    if (schema[SECRET] !== true) lines.push('', `## ${title}`, '', ...tableOfPart(schema, parts));
  }
  return lines;
}

function tableOfPart(schema: Schema, parts: Parts): string[] {
  const variants = variantsOf(schema);
  if (variants.length === 0) return tableOf(fieldsIn(schema, '', parts));
  return [
    ...variants.map((variant) => `- ${nameOfVariant(variants, variant)}: ${descriptionOf(variant)}`),
    '',
    ...tableOf(fieldsIn(schema, '', parts)),
  ];
}

/** The page of one kind. @param example YAML */
export function renderKind(kind: string, schema: Schema, example: string): string {
  const parts: Parts = new Map();
  return [
    `# ${kind}`,
    '',
    descriptionOf(schema),
    '',
    '[All kinds](README.md)',
    '',
    '## Example',
    '',
    '```yaml',
    example.trim(),
    '```',
    '',
    '## Name',
    '',
    ...tableOf([{ path: 'name', schema: propertyOf(schema, 'name'), isRequired: true, of: [] }]),
    '',
    ...sectionsOf(propertyOf(schema, 'spec'), parts),
    ...sectionsOfParts(parts),
    '',
  ].join('\n');
}

/** The page that lists the kinds. */
export function renderKinds(kinds: readonly (readonly [kind: string, schema: Schema])[]): string {
  return `# Kinds of documents

What may reach what is configured by documents: each has a \`kind\`, a \`name\` and a \`spec\`. A page for each kind lists every field with
its type, its default, its bounds and what it is for, and has an example. [Configuration as code](../configuration-as-code.md) says how
documents are kept and applied.

These pages come from the schemas that check documents (\`libs/decision/configuration/src/documents.ts\`);
\`npm test -- unit tools/documents -u\` makes them anew. The same as JSON Schema, for editors: \`sallyport schema KIND\`, or
\`GET /v1/schemas/KIND\` of the control plane, which also has pages of its API at \`/v1/reference\`.

| kind | what it is |
| --- | --- |
${kinds.map(([kind, schema]) => `| [\`${kind}\`](${kind}.md) | ${cell(descriptionOf(schema))} |`).join('\n')}

## Words

A **duration** is a number and a unit: \`90s\`, \`15m\`, \`12h\` or \`14d\`. A field without a default and without \`required\` may be left out; what that
means, its description says. In a path, \`[]\` is each entry of a list. A field that is not listed is refused.

## Secret

A secret is not written in a document. A field of this type says where it is read, when the document is written:

- \`{ env: NAME }\`: an environment variable
- \`{ file: path }\`: a file
- \`{ stored: true }\`: it was given with the document, through the API or the command line

It is kept sealed ([the vault](../vault.md)), and no answer ever has it. All other fields are read by whoever may read documents.
`;
}

/** Paths of fields, and variants, that no description says anything of. */
export function undescribed(kind: string, schema: Schema): string[] {
  const seen: string[] = [];
  const visit = (part: Schema, at: string): void => {
    for (const [name, value] of properties(part)) {
      if (descriptionOf(value) === '') seen.push(`${at}.${name}`);
      visit(value, `${at}.${name}`);
    }
    const variants = variantsOf(part);
    for (const variant of variants) {
      const name = `${at} (${nameOfVariant(variants, variant)})`;
      if (descriptionOf(variant) === '') seen.push(name);
      visit(variant, name);
    }
    for (const way of list(part['anyOf'])) visit(way, at);
    for (const inner of [part['items'], part['additionalProperties']])
      if (typeof inner === 'object' && inner !== null) visit(inner as Schema, `${at}[]`);
  };
  if (descriptionOf(schema) === '') seen.push(kind);
  visit(schema, kind);
  return [...new Set(seen)];
}
