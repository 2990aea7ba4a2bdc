import type { ApiDescription, ApiOperation, JsonSchema } from '@sallyport/admin-api/openapi';
import { facts, html, type Html, type Page } from '@sallyport/pages';

export const REFERENCE_PATH = '/v1/reference';
const OPERATIONS = `${REFERENCE_PATH}/operations`;
const SCHEMAS = `${REFERENCE_PATH}/schemas`;
const COMPONENT = '#/components/schemas/';

interface Described {
  readonly path: string;
  readonly method: string;
  readonly operation: ApiOperation;
}

const operationsOf = ({ paths }: ApiDescription): readonly Described[] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );

/** The first page: every operation by what it is about, and every schema. */
export function referencePage(api: ApiDescription): Page {
  const operations = operationsOf(api);
  return {
    title: 'Reference of the API',
    body: html`<p>${api.info.description}</p>
<p>For programs: <a href="/v1/openapi.json">openapi.json</a>, version ${api.info.version}.</p>
${api.tags.map(
  ({ name }) => html`<h2>${name}</h2>
<ul>
${operations
  .filter(({ operation }) => operation.tags.includes(name))
  .map(
    ({ path, method, operation }) =>
      html`<li><a href="${OPERATIONS}/${operation.operationId}"><code>${method} ${path}</code></a><br>
${operation.summary}</li>\n`,
  )}</ul>
`,
)}<h2>Schemas</h2>
<ul>
${Object.keys(api.components.schemas).map((name) => html`<li>${schemaLink(name)}</li>\n`)}</ul>`,
  };
}

/** @returns undefined where there is no such operation */
export function operationPage(api: ApiDescription, name: string): Page | undefined {
  const found = operationsOf(api).find(({ operation }) => operation.operationId === name);
  if (found === undefined) return undefined;
  const { path, method, operation } = found;
  const { parameters = [], requestBody, responses } = operation;
  return {
    title: operation.operationId,
    body: html`<p><code>${method} ${path}</code></p>
<p>${operation.summary}</p>
${facts(['Permission', operation['x-permission']], ['Roles that have it', operation['x-roles'].join(', ')])}
${parameters.length > 0 && html`<h2>Parameters</h2>`}
${
  parameters.length > 0 &&
  facts(
    ...parameters.map(
      ({ name: parameter, in: where, required, schema }) =>
        [parameter, html`in the ${where}${required ? ', required' : ''}<br>${schemaInWords(schema)}`] as const,
    ),
  )
}
${requestBody !== undefined && html`<h2>Request</h2>${contentOf(requestBody.content)}`}
<h2>Answers</h2>
${Object.entries(responses).map(
  ([status, { description, content }]) =>
    html`<h3>${status}</h3><p>${description}</p>${content !== undefined && contentOf(content)}`,
)}
${back}`,
  };
}

/** @returns undefined where there is no such schema */
export function schemaPage({ components }: ApiDescription, name: string): Page | undefined {
  if (!Object.hasOwn(components.schemas, name)) return undefined;
  const schema = components.schemas[name] ?? {};
  return { title: name, body: html`${description(schema)}${fieldsOf(schema)}${whole(schema)}${back}` };
}

/** For what the reference does not have. */
export const missingPage: Page = {
  status: 404,
  title: 'Not in the reference',
  body: html`<p>There is no such entry.</p>
<p><a href="${REFERENCE_PATH}">All of the reference</a></p>`,
};

const back = html`<p><a href="${REFERENCE_PATH}">All of the reference</a></p>`;

const schemaLink = (name: string): Html => html`<a href="${SCHEMAS}/${name}"><code>${name}</code></a>`;

const contentOf = (content: Readonly<Record<string, { readonly schema: JsonSchema }>>): Html =>
  html`${Object.entries(content).map(
    ([type, { schema }]) => html`<p class="soft">${type}: ${schemaInWords(schema)}</p>${fieldsOf(schema)}`,
  )}`;

/** The fields of an object, each with what it may hold. */
function fieldsOf(schema: JsonSchema): Html {
  const properties = (schema['properties'] ?? {}) as Readonly<Record<string, JsonSchema>>;
  const required = new Set((schema['required'] ?? []) as readonly string[]);
  const fields = Object.entries(properties);
  if (fields.length === 0) return html``;
  return facts(
    ...fields.map(
      ([name, value]) =>
        [name, html`${schemaInWords(value)}${required.has(name) ? ', required' : ''}${description(value)}`] as const,
    ),
  );
}

/** What a schema says of itself. */
const description = ({ description: said }: JsonSchema): Html =>
  typeof said === 'string' ? html`<p class="soft">${said}</p>` : html``;

const whole = (schema: JsonSchema): Html =>
  html`<details><summary>JSON Schema</summary><pre><code>${JSON.stringify(schema, null, 2)}</code></pre></details>`;

/** What a schema allows, in a line: `a list of text`, `one of live, ended`, or a link where it has a name. */
function schemaInWords(schema: JsonSchema, depth = 0): Html {
  const { $ref: reference, type, enum: values, const: value, items, anyOf, oneOf } = schema;
  if (typeof reference === 'string') return schemaLink(reference.slice(COMPONENT.length));
  if (Array.isArray(values)) return html`one of ${values.map(String).join(', ')}`;
  if (value !== undefined) return html`<code>${JSON.stringify(value)}</code>`;
  const ways = anyOf ?? oneOf;
  if (Array.isArray(ways) && depth < 3)
    return html`${ways.map((way: JsonSchema, at) => html`${at > 0 && ' or '}${schemaInWords(way, depth + 1)}`)}`;
  if (type === 'array' && items !== undefined && depth < 3)
    return html`a list of ${schemaInWords(items as JsonSchema, depth + 1)}`;
  return html`${typeof type === 'string' ? type : 'anything'}`;
}
