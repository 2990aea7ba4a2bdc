import type { z } from 'zod';
import { PERMISSIONS } from '../permission.js';
import { Problem } from '../problem.js';
import type { Route } from '../route.js';
import { routes } from '../routes.js';
import { SchemaDescriptions, type JsonSchema } from './named-schemas.js';

/** One parameter of an operation, in the path, the query or a header. */
export interface ApiParameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly schema: JsonSchema;
}

interface Content {
  readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>>;
}

/** An answer, by what it means. */
export interface ApiAnswer extends Partial<Content> {
  readonly description: string;
  readonly headers?: Readonly<Record<string, { readonly description: string; readonly schema: JsonSchema }>>;
}

/** One route, as OpenAPI has it. */
export interface ApiOperation {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: readonly string[];
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  /** What whoever asks must be permitted. */
  readonly 'x-permission': string;
  /** The roles of administrators that give it. */
  readonly 'x-roles': readonly string[];
  readonly parameters?: readonly ApiParameter[];
  readonly requestBody?: { readonly required: boolean } & Content;
  readonly responses: Readonly<Record<string, ApiAnswer>>;
}

/** The administrators' API as an OpenAPI 3.1 document. */
export interface ApiDescription {
  readonly openapi: '3.1.1';
  readonly info: {
    readonly title: string;
    readonly version: string;
    readonly description: string;
    readonly license: { readonly name: string; readonly identifier: string };
  };
  readonly servers: readonly { readonly url: string }[];
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, ApiOperation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, JsonSchema>>;
    readonly securitySchemes: Readonly<Record<string, object>>;
  };
}

const SECURITY = 'administrator';
/** Of a route that takes a body. */
const OF_BODIES: Readonly<Record<string, string>> = {
  413: 'The body is larger than the route takes.',
  415: 'The body is of another type than `application/json`.',
};
/** Of a route that takes an `Idempotency-Key`. */
const OF_KEYS: Readonly<Record<string, string>> = {
  409: 'The first request with this Idempotency-Key is still being answered.',
  422: 'The Idempotency-Key was used for another request.',
};
/** Besides what a route words itself. */
const EVERYWHERE: Readonly<Record<string, string>> = {
  401: 'Nobody showed who they are, or the token is not good (any more).',
  403: 'Whoever asks lacks the permission, which the problem names with the roles that give it.',
  431: 'The address and the headers are longer than the server reads: 16 KiB together.',
  503: 'A service behind the API does not answer; `Retry-After` says when to come again.',
};

/**
 * Describes every route by the schemas that validate it.
 * @param options.url the control plane's public address
 */
export function describeApi({ version, url }: { readonly version: string; readonly url: string }): ApiDescription {
  const schemas = new SchemaDescriptions();
  const paths: Record<string, Record<string, ApiOperation>> = {};
  for (const [name, route] of Object.entries<Route>(routes)) {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    (paths[path] ??= {})[route.method.toLowerCase()] = operationOf(name, route, schemas);
  }
  const tags = [...new Set(Object.values<Route>(routes).map(tagOf))].toSorted();
  return {
    openapi: '3.1.1',
    info: {
      title: 'Sallyport: the administrators’ API',
      version,
      description:
        'Every answer to an administrator says which revision of the configuration it was given at: ' +
        '`Sallyport-Revision`. Refusals are problems (RFC 9457) with a stable `type`.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url }],
    tags: tags.map((tag) => ({ name: tag })),
    paths: Object.fromEntries(Object.entries(paths).toSorted(([a], [b]) => (a < b ? -1 : 1))),
    components: {
      schemas: schemas.components(),
      securitySchemes: {
        [SECURITY]: {
          type: 'http',
          scheme: 'bearer',
          description:
            'A token of the authorization server for this API as its resource (RFC 8707); its metadata (RFC 9728) ' +
            'says where. Or, for emergencies, the administrator token.',
        },
      },
    },
  };
}

const tagOf = ({ path }: Route): string => path.split('/')[2] ?? '';

function operationOf(name: string, route: Route, schemas: SchemaDescriptions): ApiOperation {
  const parameters = [
    ...parametersIn('path', route.params, name, schemas),
    ...parametersIn('query', route.query, name, schemas),
    ...parametersIn('header', route.headers, name, schemas),
  ];
  return {
    operationId: name,
    summary: route.summary,
    tags: [tagOf(route)],
    security: [{ [SECURITY]: [] }],
    'x-permission': route.permission,
    'x-roles': PERMISSIONS[route.permission],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.body === undefined
      ? {}
      : { requestBody: { required: true, ...json(schemas.describe(route.body, 'input', `${name}Sent`)) } }),
    responses: { ...answersOf(name, route, schemas), ...problemsOf(route, schemas) },
  };
}

function parametersIn(
  where: ApiParameter['in'],
  schema: z.ZodType | undefined,
  name: string,
  schemas: SchemaDescriptions,
): ApiParameter[] {
  if (schema === undefined) return [];
  const described = schemas.describe(schema, 'input', `${name}Sent`);
  const required = new Set((described['required'] ?? []) as readonly string[]);
  const properties = (described['properties'] ?? {}) as Readonly<Record<string, JsonSchema>>;
  return Object.entries(properties).map(([parameter, value]) => ({
    name: parameter,
    in: where,
    required: where === 'path' || required.has(parameter),
    schema: value,
  }));
}

function answersOf(name: string, route: Route, schemas: SchemaDescriptions): Record<string, ApiAnswer> {
  const own = Object.entries(route.answerHeaders ?? {}).map(([header, description]) => [header, text(description)]);
  const headers = {
    'sallyport-revision': text('The revision of the configuration that the answer was given at.'),
    ...Object.fromEntries(own),
  };
  const answers = Object.entries<z.ZodType | undefined>(route.answers);
  return Object.fromEntries(
    (answers.length > 0 ? answers : [['200', undefined] as const]).map(([status, schema]) => [
      status,
      { description: route.summary, headers, content: contentOf(name, schema, route, schemas) },
    ]),
  );
}

const contentOf = (
  name: string,
  schema: z.ZodType | undefined,
  { streams = {} }: Route,
  schemas: SchemaDescriptions,
) => ({
  ...(schema && json(schemas.describe(schema, 'output', `${name}Answer`)).content),
  ...Object.fromEntries(
    Object.entries(streams).map(([type, description]) => [type, { schema: { type: 'string', description } }]),
  ),
});

const text = (description: string) => ({ description, schema: { type: 'string' } });

function problemsOf(route: Route, schemas: SchemaDescriptions): Record<string, ApiAnswer> {
  const isAsked = [route.params, route.query, route.headers, route.body].some((part) => part !== undefined);
  const mayHaveBody = route.method !== 'GET'; // and one that cannot be read is refused, wanted or not
  const said: Readonly<Record<string, string>> = {
    ...(isAsked || mayHaveBody ? { 400: 'The request is not what the route takes; `errors` says which fields.' } : {}),
    ...(route.body === undefined ? {} : OF_BODIES),
    ...(route.headers?.shape['idempotency-key'] === undefined ? {} : OF_KEYS),
    ...EVERYWHERE,
    ...route.problems,
  };
  const schema = schemas.describe(Problem, 'output', 'Problem');
  return Object.fromEntries(
    Object.entries(said).map(([status, description]) => [
      status,
      { description, content: { 'application/problem+json': { schema } } },
    ]),
  );
}

const json = (schema: JsonSchema): Content => ({ content: { 'application/json': { schema } } });
