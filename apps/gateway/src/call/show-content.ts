import { isJsonObject } from '@sallyport/mcp-relay';
import type { JsonObject } from '@sallyport/mcp-relay';

/** `shape`: types and sizes. `redacted`: values too, of what a schema describes and nobody calls secret. */
export type ShownLevel = 'shape' | 'redacted';

const REDACTED = '[redacted]';
const MAX_DEPTH = 32;
/** Schemas that one value may have to satisfy: a schema that refers to more of them describes nothing. */
const MAX_BRANCHES = 64;
const MAX_SHAPES = 32;
/** Parts of names that stand for something secret, without case and punctuation. */
const SECRET_NAMES = [
  ...['password', 'passwd', 'passphrase', 'secret', 'token', 'apikey', 'accesskey', 'privatekey', 'credential'],
  ...['authorization', 'cookie', 'session', 'otp', 'cvv', 'cvc', 'ssn', 'iban', 'cardnumber'],
];

/**
 * A value with as much in it as the trail may have (S30). What no schema describes, by name, is told by type and size
 * alone: neither its values nor the names of its members, which may be data themselves. What the schema or its own name
 * calls secret (`format: password`, `writeOnly`, `x-sensitive`) is not told at all.
 * @param schema JSON Schema of the value, where there is one
 */
export function showContent(value: unknown, schema: unknown, level: ShownLevel): unknown {
  const root = isJsonObject(schema) ? schema : {};
  return shown(value, isJsonObject(schema) ? branchesOf(schema, root) : [], { root, level, depth: 0 });
}

interface Walk {
  readonly root: JsonObject;
  readonly level: ShownLevel;
  readonly depth: number;
}

function shown(value: unknown, schemas: readonly JsonObject[], walk: Walk): unknown {
  if (schemas.some(isSecret)) return REDACTED;
  if (schemas.length === 0 || walk.depth >= MAX_DEPTH) return sizeOf(value);
  const inner = { ...walk, depth: walk.depth + 1 };
  if (Array.isArray(value)) return shownArray(value, schemas, inner);
  if (isJsonObject(value)) return shownObject(value, schemas, inner);
  return walk.level === 'redacted' ? value : sizeOf(value);
}

function shownArray(values: readonly unknown[], schemas: readonly JsonObject[], walk: Walk): unknown {
  const items = schemas.flatMap(({ items: item }) => described(item, walk.root));
  const isTold = items.length > 0 && (walk.level === 'redacted' || values.length <= MAX_SHAPES);
  return isTold ? values.map((value) => shown(value, items, walk)) : sizeOf(values);
}

function shownObject(object: JsonObject, schemas: readonly JsonObject[], walk: Walk): unknown {
  const told: [string, unknown][] = [];
  let others = 0;
  for (const [name, value] of Object.entries(object)) {
    const own = schemas.flatMap(({ properties }) =>
      isJsonObject(properties) && Object.hasOwn(properties, name) ? described(properties[name], walk.root) : [],
    );
    if (own.length === 0) others += 1;
    else told.push([name, isSecretName(name) ? REDACTED : shown(value, own, walk)]);
  }
  if (told.length === 0) return sizeOf(object);
  return Object.fromEntries(others === 0 ? told : [...told, ['…', `${others} more`]]);
}

/** Schemas that describe something, of a member of a schema. */
const described = (schema: unknown, root: JsonObject): readonly JsonObject[] =>
  schema === true ? [{}] : isJsonObject(schema) ? branchesOf(schema, root) : [];

/** The schema and all that it refers to or is combined of; none where that is too much to go through. */
function branchesOf(schema: JsonObject, root: JsonObject): readonly JsonObject[] {
  const branches = new Set([schema]);
  for (const branch of branches) {
    const { $ref: reference, allOf, anyOf, oneOf, then, else: otherwise } = branch;
    const more = [referredTo(reference, root), then, otherwise, ...[allOf, anyOf, oneOf].flatMap(listOf)];
    for (const one of more) if (isJsonObject(one)) branches.add(one);
    if (branches.size > MAX_BRANCHES) return [];
  }
  return [...branches];
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** Within the same schema (RFC 6901); what is elsewhere is nobody's to fetch. */
function referredTo(reference: unknown, root: JsonObject): unknown {
  if (typeof reference !== 'string' || !reference.startsWith('#/')) return undefined;
  let at: unknown = root;
  for (const part of reference.slice(2).split('/')) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (!isJsonObject(at) || !Object.hasOwn(at, name)) return undefined;
    at = at[name];
  }
  return at;
}

const isSecret = (schema: JsonObject): boolean =>
  schema['format'] === 'password' || schema['writeOnly'] === true || schema['x-sensitive'] === true;

function isSecretName(name: string): boolean {
  const plain = name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
  return SECRET_NAMES.some((word) => plain.includes(word));
}

function sizeOf(value: unknown): string {
  if (typeof value === 'string') return `string(${value.length})`;
  if (Array.isArray(value)) return `array(${value.length})`;
  if (isJsonObject(value)) return `object(${Object.keys(value).length})`;
  return value === null ? 'null' : typeof value;
}
