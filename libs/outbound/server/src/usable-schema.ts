const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isSchema = (value: unknown): boolean => isObject(value) || typeof value === 'boolean';
const isNumber = (value: unknown): boolean => typeof value === 'number';
const isBoolean = (value: unknown): boolean => typeof value === 'boolean';
const isText = (value: unknown): value is string => typeof value === 'string';
const isListOf =
  (of: (value: unknown) => boolean) =>
  (value: unknown): boolean =>
    Array.isArray(value) && value.length > 0 && value.every(of);
const isNamed =
  (of: (value: unknown) => boolean) =>
  (value: unknown): boolean =>
    isObject(value) && Object.values(value).every(of);

const TYPES: ReadonlySet<unknown> = new Set(['null', 'boolean', 'object', 'array', 'number', 'string', 'integer']);
const isType = (type: unknown): boolean => TYPES.has(type);

/** JSON Schema's keywords, by what they take; a compiler gives up at another value, also at those of drafts 3 and 4. */
const KEYWORDS: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  ['type', (value: unknown) => isType(value) || isListOf(isType)(value)],
  ['pattern', isPattern],
  [
    'patternProperties',
    (value: unknown) => isNamed(isSchema)(value) && isObject(value) && Object.keys(value).every(isPattern),
  ],
  ['required', (value: unknown) => Array.isArray(value) && value.every(isText)],
  ['items', (value: unknown) => isSchema(value) || (Array.isArray(value) && value.every(isSchema))],
  ['format', isText],
  ['$ref', isText],
  ['enum', Array.isArray],
  ['uniqueItems', isBoolean],
  ...[
    'multipleOf',
    'maximum',
    'exclusiveMaximum',
    'minimum',
    'exclusiveMinimum',
    'maxLength',
    'minLength',
    'maxItems',
    'minItems',
    'maxContains',
    'minContains',
    'maxProperties',
    'minProperties',
  ].map((keyword) => [keyword, isNumber] as const),
  ...['not', 'if', 'then', 'else', 'contains', 'additionalItems', 'additionalProperties', 'propertyNames'].map(
    (keyword) => [keyword, isSchema] as const,
  ),
  ...['allOf', 'anyOf', 'oneOf'].map((keyword) => [keyword, isListOf(isSchema)] as const),
  ...['properties', '$defs', 'definitions', 'dependentSchemas'].map((keyword) => [keyword, isNamed(isSchema)] as const),
]);
/** Their members are names of schemas. */
const NAMING: ReadonlySet<string> = new Set([
  'properties',
  'patternProperties',
  '$defs',
  'definitions',
  'dependentSchemas',
]);
/** What stands below these is data. */
const DATA: ReadonlySet<string> = new Set(['const', 'enum', 'default', 'examples', 'required']);
const MAX_DEPTH = 64;

/** Whether a client that compiles this JSON Schema when it lists tools gets through. */
export function isUsableSchema(root: unknown): boolean {
  const visit = (schema: unknown, depth: number): boolean => {
    if (depth > MAX_DEPTH) return false;
    if (Array.isArray(schema)) return schema.every((element) => visit(element, depth + 1));
    if (!isObject(schema)) return true;
    const { $ref: reference, $id: id, nullable, type } = schema;
    if (isText(reference) && !leadsSomewhere(root, reference)) return false;
    // Another base, which clients read in different ways.
    if ((id !== undefined && depth > 0) || '$dynamicRef' in schema) return false;
    if (nullable !== undefined && type === undefined) return false;
    return Object.entries(schema).every(([keyword, value]) => {
      if (KEYWORDS.get(keyword)?.(value) === false) return false;
      if (DATA.has(keyword)) return true;
      return NAMING.has(keyword) && isObject(value)
        ? Object.values(value).every((named) => visit(named, depth + 1))
        : visit(value, depth + 1);
    });
  };
  return visit(root, 0);
}

function isPattern(pattern: unknown): boolean {
  if (!isText(pattern)) return false;
  try {
    RegExp(pattern, 'u');
    return true;
  } catch {
    return false; // no regular expression: the only thing it throws for
  }
}

/** Whether a JSON Pointer is one into the schema (RFC 6901 section 6). */
function leadsSomewhere(root: unknown, reference: string): boolean {
  if (reference !== '#' && !reference.startsWith('#/')) return false;
  let place = root;
  for (const part of reference.split('/').slice(1)) {
    const name = unescaped(part);
    if (name === undefined || typeof place !== 'object' || place === null || !Object.hasOwn(place, name)) return false;
    place = (place as Record<string, unknown>)[name];
  }
  return true;
}

function unescaped(part: string): string | undefined {
  try {
    return decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
  } catch {
    return undefined; // `%` without its digits
  }
}
