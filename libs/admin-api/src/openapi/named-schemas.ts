import { Document } from '@sallyport/configuration';
import { z } from 'zod';
import { Actor } from '../actor.js';
import { StoredEvent } from '../events/event-routes.js';
import { Problem } from '../problem.js';

/** What a schema describes: a request, before defaults are filled in, or an answer. */
export type Direction = 'input' | 'output';

/** A JSON Schema of draft 2020-12, which is the dialect of OpenAPI 3.1. */
export type JsonSchema = { readonly [member: string]: unknown };

/** Schemas that are described once and referred to by name. Defaults make a document sent another than one answered. */
const NAMED: readonly (readonly [name: string, schema: z.ZodType])[] = [
  ['Document', Document],
  ...Document.options.map((kind) => [kind.shape.kind.value, kind] as const),
  ['Problem', Problem],
  ['StoredEvent', StoredEvent],
  ['Actor', Actor],
];

/** What schemas say of themselves, and the names of those that have one here. */
class NamesAndDescriptions extends z.core.$ZodRegistry<z.core.GlobalMeta> {
  override get<S extends z.core.$ZodType>(schema: S): z.core.$replace<z.core.GlobalMeta, S> | undefined {
    const said = z.globalRegistry.get(schema);
    const named = super.get(schema);
    return said === undefined ? named : { ...said, ...named };
  }
}

function registryOf(direction: Direction) {
  const registry = new NamesAndDescriptions();
  for (const [name, schema] of NAMED) registry.add(schema, { id: direction === 'input' ? `${name}Sent` : name });
  return registry;
}
const REGISTRIES = { input: registryOf('input'), output: registryOf('output') };

/** Describes schemas, and keeps what they refer to for `components`. */
export class SchemaDescriptions {
  readonly #components = new Map<string, JsonSchema>();

  /** @param own a name for what only this schema has, such as a recursive part */
  describe(schema: z.ZodType, direction: Direction, own: string): JsonSchema {
    const { $schema: _dialect, ...described } = z.toJSONSchema(schema, {
      io: direction,
      metadata: REGISTRIES[direction],
    }) as JsonSchema;
    const { $defs: defined = {}, ...rest } = described;
    const nameOf = (name: string): string =>
      name.startsWith('__') ? `${own}${name.replace(/^_+schema/, 'Part')}` : name;
    for (const [name, value] of Object.entries(defined as Readonly<Record<string, JsonSchema>>))
      this.#components.set(nameOf(name), referring(withoutId(value), nameOf) as JsonSchema);
    return referring(rest, nameOf) as JsonSchema;
  }

  /** In the order of their names. */
  components(): Readonly<Record<string, JsonSchema>> {
    return Object.fromEntries([...this.#components].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }
}

const withoutId = ({ id: _id, $id: _address, ...schema }: JsonSchema): JsonSchema => schema;

const DEFINED = '#/$defs/';

/** The same schema, whose references lead to `components`. */
function referring(value: unknown, nameOf: (name: string) => string): unknown {
  if (Array.isArray(value)) return value.map((part) => referring(part, nameOf));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([member, part]) =>
      member === '$ref' && typeof part === 'string' && part.startsWith(DEFINED)
        ? [member, `#/components/schemas/${nameOf(part.slice(DEFINED.length))}`]
        : [member, referring(part, nameOf)],
    ),
  );
}
