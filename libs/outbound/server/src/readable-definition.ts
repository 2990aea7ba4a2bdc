import { z } from 'zod';
import { isUsableSchema } from './usable-schema.js';

/*
 * SDKs check a list as a whole: one member of one entry that they do not expect, and nobody sees anything. What is
 * checked here is what the official SDKs check, of every revision (their published schemas judge the tests); what they
 * do not look at passes.
 */

type JsonObject = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * A value that clients can read, itself where it is one; `undefined` where nothing can be made of it. Names in `lost`
 * what it left out.
 */
type Reading = (value: unknown, at: string, lost: string[]) => unknown;

/** A definition that every client can read, or the member because of which there is none. */
export type ReadDefinition =
  | {
      readonly definition: JsonObject & { readonly name: string };
      /** Members that were left out. */ readonly lost: readonly string[];
    }
  | { readonly unreadable: string };

function is(schema: z.ZodType): Reading {
  return (value, at, lost) => {
    if (schema.safeParse(value).success) return value;
    lost.push(at);
    return undefined;
  };
}

/**
 * An object of which these members are read, and the others pass. `null` is how many libraries write what is absent.
 */
function object(members: Readonly<Record<string, Reading>>, required: readonly string[] = []): Reading {
  return (value, at, lost) => {
    if (!isObject(value)) return is(z.never())(value, at, lost);
    const read: Record<string, unknown> = { ...value };
    for (const [name, reading] of Object.entries(members)) {
      if (!(name in value)) continue;
      const of = value[name] === null ? undefined : reading(value[name], at === '' ? name : `${at}.${name}`, lost);
      if (of === undefined) delete read[name];
      else read[name] = of;
    }
    if (required.some((name) => read[name] === undefined)) return is(z.never())(value, at, lost);
    return Object.keys(read).length === Object.keys(value).length &&
      Object.keys(read).every((name) => read[name] === value[name])
      ? value
      : read;
  };
}

function listOf(reading: Reading): Reading {
  return (value, at, lost) => {
    if (!Array.isArray(value)) return is(z.never())(value, at, lost);
    const read = value.map((element: unknown, index) => reading(element, `${at}[${index}]`, lost));
    return read.every((element, index) => element !== undefined && element === value[index])
      ? value
      : read.filter((element) => element !== undefined);
  };
}

const text = is(z.string());
const flag = is(z.boolean());
const anyObject = is(z.looseObject({}));
const icons = listOf(
  object({ src: text, mimeType: text, sizes: listOf(text), theme: is(z.enum(['light', 'dark'])) }, ['src']),
);
const shown = { title: text, description: text, icons, _meta: anyObject };

/** A subschema: `{}` says as much as nothing at all does. */
const subschema: Reading = (value, at, lost) => {
  if (isObject(value) || typeof value === 'boolean') return value;
  if (value !== null) lost.push(at);
  return {};
};
const properties: Reading = (value, at, lost) => {
  if (Array.isArray(value) && value.length === 0) return {}; // PHP's empty object
  if (!isObject(value)) return is(z.never())(value, at, lost);
  const read = Object.entries(value).map(([name, schema]) => [name, subschema(schema, `${at}.${name}`, lost)] as const);
  return read.every(([name, schema]) => schema === value[name]) ? value : Object.fromEntries(read);
};
const schemaMembers = { $schema: text, properties, required: listOf(text) };

/** Arguments are an object always: to say so of a schema that does not changes nothing it accepts. */
const inputSchema: Reading = (value, at, lost) => {
  const schema = object(schemaMembers)(value, at, lost);
  if (!isObject(schema)) return undefined;
  const { type } = schema;
  if (type === 'object') return schema;
  return type === undefined || type === null || (Array.isArray(type) && type.includes('object'))
    ? { ...schema, type: 'object' }
    : is(z.never())(value, at, lost);
};

const tool = object({
  ...shown,
  name: is(z.string().min(1).max(128)),
  inputSchema,
  outputSchema: object({ $schema: text }),
  annotations: object({
    title: text,
    readOnlyHint: flag,
    destructiveHint: flag,
    idempotentHint: flag,
    openWorldHint: flag,
  }),
  execution: object({ taskSupport: is(z.enum(['required', 'optional', 'forbidden'])) }),
});
const prompt = object({
  ...shown,
  name: is(z.string().min(1).max(128)),
  arguments: listOf(object({ name: text, title: text, description: text, required: flag }, ['name'])),
});
const annotations = object({
  audience: listOf(is(z.enum(['user', 'assistant']))),
  priority: is(z.number().min(0).max(1)),
  lastModified: is(z.iso.datetime({ offset: true })),
});
const resource = object({
  ...shown,
  name: text,
  uri: is(z.string().min(1)),
  uriTemplate: is(z.string().min(1)),
  mimeType: text,
  size: is(z.number()),
  annotations,
});

export const readTool = (value: unknown): ReadDefinition => read(value, tool, ['name', 'inputSchema']);
export const readPrompt = (value: unknown): ReadDefinition => read(value, prompt, ['name']);

/** A resource without a name is called by its title, or its URI. */
export function readResource(value: unknown, key: 'uri' | 'uriTemplate'): ReadDefinition {
  const titled =
    isObject(value) && typeof value['name'] !== 'string'
      ? { ...value, name: typeof value['title'] === 'string' ? value['title'] : value[key] }
      : value;
  return read(titled, resource, [key, 'name']);
}

function read(value: unknown, reading: Reading, required: readonly string[]): ReadDefinition {
  const lost: string[] = [];
  const definition = reading(value, '', lost);
  if (!isObject(definition)) return { unreadable: '' };
  const missing = required.find((member) => definition[member] === undefined);
  return missing === undefined
    ? { definition: definition as JsonObject & { readonly name: string }, lost }
    : { unreadable: missing };
}

/** `true` and `false` as objects: SDKs of 2025-11-25 and older know no other schemas of a property. */
const asObject = (schema: unknown): unknown => (typeof schema === 'boolean' ? (schema ? {} : { not: {} }) : schema);

/**
 * A tool in the words of 2025-11-25 and older: an output schema describes an object, and one that a client cannot
 * compile fails its whole list. @returns the tool itself where it is worded so already
 */
export function legacyTool(definition: JsonObject): JsonObject {
  const { inputSchema: input, outputSchema: output } = definition;
  const legacyInput = isObject(input) ? withObjects(input) : input;
  const legacyOutput = isObject(output) ? objectSchema(output) : undefined;
  if (legacyInput === input && legacyOutput === output) return definition;
  const { outputSchema: _output, ...rest } = definition;
  return { ...rest, inputSchema: legacyInput, ...(legacyOutput === undefined ? {} : { outputSchema: legacyOutput }) };
}

function withObjects(schema: JsonObject): JsonObject {
  const { properties: named } = schema;
  if (!isObject(named) || !Object.values(named).some((one) => typeof one === 'boolean')) return schema;
  return {
    ...schema,
    properties: Object.fromEntries(Object.entries(named).map(([name, one]) => [name, asObject(one)])),
  };
}

function objectSchema(schema: JsonObject): JsonObject | undefined {
  const readable = object(schemaMembers)(schema, '', []);
  if (!isObject(readable) || readable['type'] !== 'object' || !isUsableSchema(readable)) return undefined;
  return withObjects(readable);
}
