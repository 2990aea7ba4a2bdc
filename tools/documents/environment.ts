import { z } from 'zod';

export interface Variable {
  readonly name: string;
  readonly required: boolean;
  /** As one would write it: parsing this gives the default. Undefined where there is none. */
  readonly example: string | undefined;
  readonly description: string;
}

/** What settings of the same name say in every process, unless a schema says it better. */
const usual: Readonly<Record<string, string>> = {
  SALLYPORT_HOST: 'Address to listen on',
  SALLYPORT_PORT: 'Port to listen on; 0 picks a free one',
  SALLYPORT_HEALTH_HOST: 'Address of `/healthz`, `/readyz` and `/metrics`',
  SALLYPORT_HEALTH_PORT: 'Port of `/healthz`, `/readyz` and `/metrics`',
  SALLYPORT_LOG_LEVEL: 'How much is logged',
  SALLYPORT_TRUSTED_PROXIES: 'Addresses whose forwarded headers count, comma-separated',
  SALLYPORT_ALLOWED_ORIGINS: 'Origins of browser applications that may call, comma-separated',
};

/** The environment schema of an app: the one zod object among the exports of its config.ts. */
export function environmentSchema(app: string, exported: Readonly<Record<string, unknown>>): z.ZodObject {
  const schemas = Object.values(exported).filter((value) => value instanceof z.ZodObject);
  const [schema] = schemas;
  if (schema === undefined || schemas.length > 1)
    throw new Error(
      `apps/${app}/src/config.ts must export exactly one zod object, its environment; it exports ${schemas.length}`,
    );
  return schema;
}

export function variablesOf(schema: z.ZodObject): Variable[] {
  return Object.entries(schema.shape).map(([name, field]) => {
    const layers = unwrap(field);
    const description = layers.map((layer) => layer.description).find((text) => text !== undefined) ?? usual[name];
    if (description === undefined) throw new Error(`${name} has no .describe(): say what it is for`);
    const withDefault = layers.find((layer) => layer instanceof z.ZodDefault);
    const example =
      withDefault === undefined
        ? undefined
        : written(name, withDefault.def.innerType as z.ZodType, withDefault.def.defaultValue);
    return { name, required: !schema.shape[name].safeParse(undefined).success, example, description };
  });
}

/** The schema and what it wraps, outermost first. */
function unwrap(schema: unknown): z.ZodType[] {
  if (
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodNullable
  )
    return [schema, ...unwrap(schema.def.innerType)];
  if (schema instanceof z.ZodPipe) return [schema, ...unwrap(schema.def.in)];
  return schema instanceof z.ZodType ? [schema] : [];
}

/** A text that the schema parses to its own default: what the page shows is what the process would accept. */
function written(name: string, schema: z.ZodType, value: unknown): string {
  const forms = Array.isArray(value)
    ? [value.join(',')]
    : typeof value === 'number'
      ? [...durations(value), String(value)]
      : [String(value)];
  const form = forms.find(
    (text) => text === '' || JSON.stringify(schema.safeParse(text).data) === JSON.stringify(value),
  );
  if (form === undefined) throw new Error(`${name}: its default ${JSON.stringify(value)} cannot be written as text`);
  return form;
}

const durations = (milliseconds: number) =>
  (['d', 'h', 'm', 's'] as const)
    .map((unit) => ({ unit, count: milliseconds / { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000 }[unit] }))
    .filter(({ count }) => Number.isInteger(count) && count > 0)
    .map(({ unit, count }) => `${count}${unit}`);

export interface AppVariables {
  readonly app: string;
  readonly summary: string;
  readonly variables: readonly Variable[];
}

const intro = [
  '# Configuration',
  '',
  'Each process reads its own settings from its environment, once, at its start. An unknown variable with our prefix, a',
  'missing one or a bad value stops the start with a line that names it. Secrets come as files: a variable that ends in',
  '`_FILE` holds a path. *What* may reach *what* is not here but in documents, such as `sallyport.yaml`:',
  '[every kind and every field](reference/README.md).',
  '',
  'This page and `.env.example` are made from the schemas in `apps/*/src/config.ts`; `npm test -- unit tools/documents -u`',
  'makes them anew.',
];

export function renderConfiguration(apps: readonly AppVariables[]): string {
  const sections = apps.flatMap(({ app, summary, variables }) => [
    '',
    `## ${app}`,
    '',
    summary,
    '',
    '| variable | default | what |',
    '|---|---|---|',
    ...variables.map(
      ({ name, required, example, description }) =>
        `| \`${name}\` | ${required ? '**required**' : example === undefined || example === '' ? '' : `\`${example}\``} | ${description.replaceAll('|', '\\|')} |`,
    ),
  ]);
  return [...intro, ...sections, ''].join('\n');
}

export function renderEnvironmentExample(apps: readonly AppVariables[]): string {
  const sections = apps.flatMap(({ app, variables }) => [
    '',
    `# --- ${app} ---`,
    ...variables.flatMap(({ name, required, example, description }) => [
      `# ${description}`,
      `#${name}=${example ?? ''}${required ? '   # required' : ''}`,
    ]),
  ]);
  return [
    '# Every setting of every process, with its default. Nothing here is needed for `npm start`.',
    '# Made from apps/*/src/config.ts; see docs/configuration.md.',
    ...sections,
    '',
  ].join('\n');
}
