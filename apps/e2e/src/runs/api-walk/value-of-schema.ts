import type { ApiDescription, JsonSchema } from '@sallyport/admin-api/openapi';
import fc from 'fast-check';

const COMPONENT = '#/components/schemas/';
/** How often one named schema may hold itself. */
const MAX_DEPTH = 3;
const MAX_LENGTH = 40;

/** Texts that name something that is there, by the member or parameter they stand in, e.g. `server`. */
export type KnownNames = Readonly<Record<string, readonly [string, ...string[]]>>;

interface Place {
  readonly schemas: ApiDescription['components']['schemas'];
  readonly known: KnownNames;
  /** Of the member or parameter. */
  readonly name?: string | undefined;
  /** The named schemas this is in. */
  readonly within: readonly string[];
}

/**
 * Makes values that a JSON Schema takes. What no schema says, such as that one member forbids another, it does not
 * heed: such a request is refused, and that is an answer, too.
 */
export const valueOf = (schema: JsonSchema, place: Omit<Place, 'within'>): fc.Arbitrary<unknown> =>
  made(schema, { ...place, within: [] });

function made(schema: JsonSchema, place: Place): fc.Arbitrary<unknown> {
  const { $ref: reference, const: only, enum: values, type } = schema;
  if (typeof reference === 'string') return referredTo(reference.slice(COMPONENT.length), place);
  if (only !== undefined) return fc.constant(only);
  if (Array.isArray(values)) return fc.constantFrom(...(values as unknown[]));
  const ways = schemasIn(schema['anyOf'] ?? schema['oneOf']);
  if (ways.length > 0) return fc.oneof(...ways.map((way) => made(way, place)));
  const parts = schemasIn(schema['allOf']);
  if (parts.length > 0)
    return fc.tuple(...parts.map((part) => made(part, place))).map((all) => Object.assign({}, ...all) as unknown);
  switch (type) {
    case 'object':
      return objects(schema, place);
    case 'array':
      return fc.array(made((schema['items'] ?? {}) as JsonSchema, place), {
        minLength: Math.min(Number(schema['minItems'] ?? 0), 3),
        maxLength: 3,
      });
    case 'string':
      return texts(schema, place);
    case 'integer':
      return integers(schema);
    case 'number':
      return fc.double({ ...bounds(schema), noNaN: true });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

const schemasIn = (value: unknown): readonly JsonSchema[] => (Array.isArray(value) ? (value as JsonSchema[]) : []);

function referredTo(name: string, place: Place): fc.Arbitrary<unknown> {
  const depth = place.within.filter((outer) => outer === name).length;
  if (depth >= MAX_DEPTH) return fc.constant(null);
  return made(place.schemas[name] ?? {}, { ...place, within: [...place.within, name] });
}

function objects(schema: JsonSchema, place: Place): fc.Arbitrary<unknown> {
  const properties = Object.entries((schema['properties'] ?? {}) as Readonly<Record<string, JsonSchema>>);
  const required = new Set((schema['required'] ?? []) as readonly string[]);
  const fields = fc.record(
    Object.fromEntries(properties.map(([name, value]) => [name, made(value, { ...place, name })])),
    { requiredKeys: properties.map(([name]) => name).filter((name) => required.has(name)), noNullPrototype: true },
  );
  const more = schema['additionalProperties'];
  if (typeof more !== 'object' || more === null) return fields;
  const names = made((schema['propertyNames'] ?? { type: 'string', minLength: 1 }) as JsonSchema, place).map(String);
  const others = fc.dictionary(names, made(more as JsonSchema, place), { maxKeys: 3, noNullPrototype: true });
  return fc.tuple(others, fields).map((all) => Object.assign({}, ...all) as unknown);
}

/** Small ones mostly, and the least and the greatest that the schema takes. */
function integers(schema: JsonSchema): fc.Arbitrary<number> {
  const { minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER } = schema;
  const edges = fc.constantFrom(Number(minimum), Number(maximum));
  return fc.oneof({ weight: 4, arbitrary: fc.integer(bounds(schema)) }, { weight: 1, arbitrary: edges });
}

function bounds({ minimum = -1_000, maximum = 1_000 }: JsonSchema): { min: number; max: number } {
  const min = Math.max(Number(minimum), -1_000_000);
  return { min, max: Math.max(min, Math.min(Number(maximum), 1_000_000)) };
}

function texts(schema: JsonSchema, { known, name = '' }: Place): fc.Arbitrary<string> {
  const names = Object.hasOwn(known, name) ? known[name] : undefined;
  const any = anyText(schema);
  return names === undefined ? any : fc.oneof(any, fc.constantFrom(...names));
}

function anyText({ format, pattern, minLength = 0, maxLength = MAX_LENGTH }: JsonSchema): fc.Arbitrary<string> {
  if (format === 'date-time')
    return fc
      .date({ min: new Date('2020-01-01'), max: new Date('2040-01-01'), noInvalidDate: true })
      .map((date) => date.toISOString());
  if (format === 'uri') return fc.webUrl();
  if (typeof pattern === 'string') return textsLike(pattern);
  const least = Number(minLength);
  return fc.string({ minLength: least, maxLength: Math.max(least, Math.min(Number(maxLength), MAX_LENGTH)) });
}

const byPattern = new Map<string, fc.Arbitrary<string>>();

/** One of a few texts that match: to make one takes longer than all the rest. */
function textsLike(pattern: string): fc.Arbitrary<string> {
  const known = byPattern.get(pattern);
  if (known !== undefined) return known;
  const some = fc.constantFrom(...fc.sample(fc.stringMatching(new RegExp(pattern), { size: 'xsmall' }), 30));
  byPattern.set(pattern, some);
  return some;
}
