import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * One schema of OCSF as its repository has it: events, objects, profiles and a dictionary, in which attributes have
 * their types. Extensions are left out.
 * @typedef {Record<string, any>} Json
 * @typedef {{ version: string, categories: Json, dictionary: Json, events: Map<string, Json>, objects: Map<string, Json>,
 *   profiles: Map<string, Json> }} Source
 */

/** @param {string} path @returns {Json} */
const read = (path) => JSON.parse(readFileSync(path, 'utf8'));

/** Every document of a folder by its name. @param {string} folder */
function readAll(folder) {
  /** @type {Map<string, Json>} */
  const found = new Map();
  for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!path.endsWith('.json')) continue;
    const document = read(join(folder, path));
    found.set(document['name'], document);
  }
  return found;
}

/** @param {string} checkout a work tree of github.com/ocsf/ocsf-schema @returns {Source} */
export const readSource = (checkout) => ({
  version: read(join(checkout, 'version.json'))['version'],
  categories: read(join(checkout, 'categories.json'))['attributes'],
  dictionary: read(join(checkout, 'dictionary.json')),
  events: readAll(join(checkout, 'events')),
  objects: readAll(join(checkout, 'objects')),
  profiles: readAll(join(checkout, 'profiles')),
});

/**
 * JSON Schema (2020-12) of some classes and of whatever they are made of. An attribute that does not exist is refused; one
 * that a profile adds is there only where `metadata.profiles` names it, and one of other profiles never. `captions`, a
 * keyword of ours, has what the attribute beside an enumeration says for each of its values.
 * @param {Source} source @param {readonly string[]} classes @param {readonly string[]} profiles
 */
export function compileSchema(source, classes, profiles) {
  /** @type {Json} */
  const $defs = {};
  const context = { source, profiles: new Set(profiles), $defs };
  const schemas = classes.map((name) => onlyIf(selects(source, name), classSchema(context, name)));
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    required: ['class_uid'],
    properties: { class_uid: { enum: classes.map((name) => uidOf(source, name).classUid) } },
    allOf: schemas,
    $defs,
  };
}

/** @param {Json} condition @param {Json} schema */
const onlyIf = (condition, schema) => ({
  if: condition,
  // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
  then: schema,
});

/** @param {Source} source @param {string} name */
const selects = (source, name) => ({
  properties: { class_uid: { const: uidOf(source, name).classUid } },
  required: ['class_uid'],
});

/** @param {Source} source @param {string} name */
function uidOf(source, name) {
  const event = inherited(source, source.events, name);
  const category = source.categories[event['category']];
  return { category, classUid: category['uid'] * 1000 + event['uid'], caption: event['caption'] };
}

/** A class or object with what it extends and includes. @param {Source} source @param {Map<string, Json>} among @param {string} name @returns {Json} */
function inherited(source, among, name) {
  const own = among.get(name);
  if (own === undefined) throw new Error(`${name} is not in OCSF ${source.version}`);
  const { extends: parentName, ...rest } = own;
  const parent = parentName === undefined ? { attributes: {} } : inherited(source, among, parentName);
  const attributes = merged(merged(parent['attributes'], includedBy(source, own)), withoutIncludes(own['attributes']));
  return { ...parent, ...rest, attributes };
}

/** What an `$include` brings: attributes of profiles, marked as such. @param {Source} source @param {Json} document */
function includedBy(source, { attributes }) {
  /** @type {Json} */
  const included = {};
  for (const path of attributes['$include'] ?? []) {
    const profile = source.profiles.get(path.replace(/^profiles\/|\.json$/g, ''));
    if (profile === undefined) throw new Error(`${path} is not a profile of OCSF ${source.version}`);
    for (const [name, attribute] of Object.entries(profile['attributes']))
      included[name] = { ...attribute, profile: profile['name'] };
  }
  return included;
}

/** @param {Json} attributes */
const withoutIncludes = ({ $include, ...attributes }) => attributes;

/** Attributes one by one, and their enumerations too. @param {Json} below @param {Json} above */
function merged(below, above) {
  /** @type {Json} */
  const result = { ...below };
  for (const [name, attribute] of Object.entries(above)) {
    const under = result[name] ?? {};
    result[name] = { ...under, ...attribute };
    if (under.enum ?? attribute.enum) result[name].enum = { ...under.enum, ...attribute.enum };
  }
  return result;
}

/** @typedef {{ source: Source, profiles: ReadonlySet<string>, $defs: Json }} Context */

/** @param {Context} context @param {string} name */
function classSchema(context, name) {
  const { category, classUid, caption } = uidOf(context.source, name);
  const event = inherited(context.source, context.source.events, name);
  const schema = recordSchema(context, event);
  const activities = Object.entries(schema.properties['activity_id'].captions.of);
  const types = activities.map(([id, activity]) => [classUid * 100 + Number(id), `${caption}: ${activity}`]);
  Object.assign(schema.properties, {
    category_uid: captioned('category_name', { [category['uid']]: category['caption'] }),
    class_uid: captioned('class_name', { [classUid]: caption }),
    type_uid: captioned('type_name', Object.fromEntries(types)),
  });
  schema['allOf'] = activities.map(([id]) =>
    onlyIf(
      { properties: { activity_id: { const: Number(id) } } },
      { properties: { type_uid: { const: classUid * 100 + Number(id) } } },
    ),
  );
  return schema;
}

/** @param {string} sibling @param {Record<string, string>} of */
const captioned = (sibling, of) => ({
  type: 'integer',
  enum: Object.keys(of).map(Number),
  captions: { sibling, of },
});

/** @param {Context} context @param {Json} document a class or an object @returns {Json} */
function recordSchema(context, { attributes, constraints }) {
  /** @type {Json} */
  const properties = {};
  /** @type {string[]} */
  const required = [];
  /** @type {Json} */
  const dependentSchemas = {};
  for (const [name, attribute] of Object.entries(attributes)) {
    const { profile } = attribute;
    if (typeof profile === 'string') {
      if (!context.profiles.has(profile)) continue;
      dependentSchemas[name] = names(profile);
    } else if (attribute.requirement === 'required') required.push(name);
    properties[name] = attributeSchema(context, name, attribute);
  }
  const schema = { type: 'object', additionalProperties: false, properties, required, dependentSchemas };
  return { ...schema, ...constrained(constraints) };
}

/** The event names the profile. @param {string} profile */
const names = (profile) => ({
  properties: { metadata: { properties: { profiles: { contains: { const: profile } } }, required: ['profiles'] } },
});

/** @param {Json | undefined} constraints */
function constrained(constraints = {}) {
  const { at_least_one: some, just_one: one, ...others } = constraints;
  if (Object.keys(others).length > 0) throw new Error(`constraints of another kind: ${Object.keys(others).join()}`);
  /** @param {string} name */
  const has = (name) => ({ required: [name] });
  return { ...(some && { anyOf: some.map(has) }), ...(one && { oneOf: one.map(has) }) };
}

/** @param {Context} context @param {string} name @param {Json} attribute @returns {Json} */
function attributeSchema(context, name, attribute) {
  const known = context.source.dictionary['attributes'][name];
  if (known === undefined) throw new Error(`${name} is not in the dictionary`);
  const { type, is_array: isArray, enum: values, sibling } = merged({ [name]: known }, { [name]: attribute })[name];
  const one = valueSchema(context, type);
  if (values) Object.assign(one, enumerated(one, values, isArray ? undefined : sibling));
  return isArray ? { type: 'array', items: one } : one;
}

/** @param {Json} schema @param {Json} values @param {string | undefined} sibling */
function enumerated(schema, values, sibling) {
  if (schema['type'] !== 'integer') return { enum: Object.keys(values) };
  const of = Object.fromEntries(Object.entries(values).map(([id, { caption }]) => [id, caption]));
  return sibling ? captioned(sibling, of) : { enum: Object.keys(of).map(Number) };
}

/** @param {Context} context @param {string} type @returns {Json} */
function valueSchema(context, type) {
  const { source, $defs } = context;
  const scalar = source.dictionary['types']['attributes'][type];
  if (scalar !== undefined) return scalarSchema(type, scalar);
  if (type === 'object') return { type: 'object' };
  if ($defs[type] === undefined) {
    $defs[type] = {}; // objects contain each other
    $defs[type] = recordSchema(context, inherited(source, source.objects, type));
  }
  return { $ref: `#/$defs/${type}` };
}

/** @type {Record<string, Json>} */
const JSON_TYPES = {
  boolean_t: { type: 'boolean' },
  float_t: { type: 'number' },
  integer_t: { type: 'integer' },
  json_t: {},
  long_t: { type: 'integer' },
  string_t: { type: 'string' },
};

/** @param {string} name @param {Json} type */
function scalarSchema(name, { type = name, regex, max_len: maxLength, range }) {
  const base = JSON_TYPES[type];
  if (base === undefined) throw new Error(`${name} is no type of JSON`);
  const [minimum, maximum] = range ?? [];
  return {
    ...base,
    ...(regex && { pattern: regex }),
    ...(maxLength && { maxLength }),
    ...(range && { minimum, maximum }),
  };
}
