import type { ApiDescription, ApiOperation, ApiParameter, JsonSchema } from '@sallyport/admin-api/openapi';
import fc from 'fast-check';
import { rawTexts, texts, values } from '../fuzz/hostile-texts.js';
import { valueOf, type KnownNames } from './value-of-schema.js';

/** One operation of the description, with where it is. */
export interface Described {
  /** E.g. `GET`. */
  readonly method: string;
  /** As OpenAPI writes it, e.g. `/v1/connections/{id}`. */
  readonly template: string;
  readonly operation: ApiOperation;
}

/** A request as it is sent, but for who sends it. */
export interface ApiRequest {
  /** With the query, percent-encoded. */
  readonly path: string;
  /** The parameters of its path are such that it may match no route, or another one. */
  readonly isOddlyPlaced: boolean;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export const operationsOf = ({ paths }: ApiDescription): readonly Described[] =>
  Object.entries(paths).flatMap(([template, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), template, operation })),
  );

/** What may be made where a text is wanted, and is none of the schema's. */
const hostileText = fc.oneof(
  fc.constantFrom(...texts),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.constantFrom('x'.repeat(70), 'x'.repeat(3_000), '\ud800', 'é'.repeat(40)),
);
const wild: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(...values),
  hostileText,
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom('x'.repeat(100_000), Number.MAX_SAFE_INTEGER, 1e308, -0.5),
);

const BROKEN_BODIES: readonly string[] = [
  '',
  ' ',
  '{',
  '{"a":}',
  'null',
  '[]',
  '0',
  '"x"',
  '\u0000',
  '\ufeff{}',
  '{"__proto__":{"force":true}}',
  '{"constructor":{"prototype":{}}}',
  '{"reason":"a","reason":1}',
  '{"reason":"\\ud800"}',
  '{"reason":"\\u0000"}',
  `{"reason":${'['.repeat(20_000)}${']'.repeat(20_000)}}`,
  `{"reason":${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}}`,
  `{${Array.from({ length: 5_000 }, (_, at) => `"m${at}":1`).join(',')}}`,
];
const CONTENT_TYPES: readonly string[] = [
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/json; charset=utf-16',
  'application/jsonx',
  'x',
  ';',
];

/** Requests to an operation: valid, nearly valid and wild ones. */
export function requestsTo(
  { template, operation }: Described,
  { api, known }: { readonly api: ApiDescription; readonly known: KnownNames },
): fc.Arbitrary<ApiRequest> {
  const schemas = api.components.schemas;
  const valued = (schema: JsonSchema, name?: string) => valueOf(schema, { schemas, known, name });
  const { parameters = [], requestBody } = operation;
  const of = (where: ApiParameter['in']) => parameters.filter((parameter) => parameter.in === where);
  const text = ({ name, schema }: ApiParameter) =>
    fc.oneof({ weight: 8, arbitrary: valued(schema, name).map(String) }, hostileText);
  const all = (where: ApiParameter['in']) =>
    fc.tuple(...of(where).map((one) => text(one).map((value) => [one, value] as const)));
  const body = requestBody === undefined ? unexpectedBodies : bodiesOf(valued(schemaOf(requestBody.content)));
  const query = fc.tuple(...of('query').map((one) => queryPart(one, text(one)))).map((parts) => parts.flat());
  return fc
    .record({
      path: all('path'),
      query,
      more: fc.oneof({ weight: 9, arbitrary: fc.constant('') }, hostileQuery),
      headers: all('header'),
      body,
    })
    .map(({ path, query: pairs, more, headers, body: sent }) => ({
      path: `${filled(template, path)}${queryText(pairs, more)}`,
      isOddlyPlaced: path.some(([, value]) => isOddInPath(value)),
      headers: { ...Object.fromEntries(headers.map(([{ name }, value]) => [name, inHeader(value)])), ...sent.headers },
      ...(sent.body !== undefined && { body: harmless(sent.body) }),
    }));
}

const schemaOf = (content: Readonly<Record<string, { readonly schema: JsonSchema }>>): JsonSchema =>
  content['application/json']?.schema ?? {};

interface Body {
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}
const json = (value: unknown): Body => ({
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(value),
});
const none: Body = { headers: {} };
const broken = fc
  .constantFrom(...BROKEN_BODIES)
  .map((body) => ({ headers: { 'content-type': 'application/json' }, body }));

const unexpectedBodies: fc.Arbitrary<Body> = fc.oneof({ weight: 6, arbitrary: fc.constant(none) }, broken);

function bodiesOf(valid: fc.Arbitrary<unknown>): fc.Arbitrary<Body> {
  const spoilt = fc
    .tuple(valid, wild, fc.nat(), fc.boolean())
    .map(([value, other, at, isAdded]) => spoil(value, other, at, isAdded));
  const typed = fc
    .tuple(valid, fc.constantFrom(...CONTENT_TYPES))
    .map(([value, type]) => ({ headers: { 'content-type': type }, body: JSON.stringify(value) }));
  return fc.oneof(
    { weight: 5, arbitrary: valid.map(json) },
    { weight: 5, arbitrary: spoilt.map(json) },
    { weight: 1, arbitrary: wild.map(json) },
    { weight: 2, arbitrary: broken },
    { weight: 1, arbitrary: typed },
    { weight: 1, arbitrary: fc.constant(none) },
  );
}

/** The same value, with one part replaced, or one member more. */
export function spoil(value: unknown, other: unknown, at: number, isAdded: boolean): unknown {
  if (typeof value !== 'object' || value === null) return other;
  const members = Object.entries(value);
  if (isAdded && !Array.isArray(value)) return { ...value, notDeclared: other };
  const chosen = members[at % Math.max(1, members.length)];
  if (chosen === undefined) return other;
  const [name, part] = chosen;
  const spoilt = spoil(part, other, Math.floor(at / members.length), isAdded);
  if (Array.isArray(value)) return value.map((one: unknown, index) => (String(index) === name ? spoilt : one));
  return { ...value, [name]: spoilt };
}

/** Left out, once, or twice. */
const queryPart = ({ name, required }: ApiParameter, value: fc.Arbitrary<string>): fc.Arbitrary<[string, string][]> =>
  fc
    .oneof(
      { weight: 6, arbitrary: fc.tuple(value) },
      { weight: 1, arbitrary: fc.tuple(value, value) },
      { weight: required ? 1 : 4, arbitrary: fc.constant([]) },
    )
    .map((all) => all.map((one) => [name, one]));

const hostileQuery = fc.oneof(
  fc.constantFrom(...rawTexts).map((text) => encodeURI(text.toWellFormed())),
  fc.constantFrom('__proto__=x', 'constructor=x', 'a[b][c]=1', '&&==', 'limit', 'limit=1&limit=2', 'notDeclared=1'),
);

function queryText(pairs: readonly [string, string][], more: string): string {
  const text = [new URLSearchParams([...pairs]).toString(), more].filter(Boolean).join('&');
  return text === '' ? '' : `?${text}`;
}

const filled = (template: string, parameters: readonly (readonly [ApiParameter, string])[]): string =>
  parameters.reduce(
    (path, [{ name }, value]) => path.replace(`{${name}}`, () => encodeURIComponent(value.toWellFormed())),
    template,
  );

/** Where nothing stands in place of a parameter, the address is another one. */
const isOddInPath = (value: string): boolean => value === '';

const inHeader = (value: string): string =>
  value
    .replaceAll(/[^\x20-\x7e]/g, '?')
    .slice(0, 4_000)
    .trim();

/** What would end the walk: nobody is to be locked out by force. */
const harmless = (body: string): string => body.replaceAll('"force":true', '"force":false');
