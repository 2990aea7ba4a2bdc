import { isMap, isScalar, isSeq, parseDocument, type Node, type Pair, type Scalar, type YAMLMap } from 'yaml';
import type { Variable } from './environment.js';

/** A fragment of a JSON schema, draft 7. */
type Schema = Readonly<Record<string, unknown>>;

/** What the values' schema needs to know besides `values.yaml`. */
export interface ChartFacts {
  /** By the name a service has in the values: its settings that the chart does not set itself. */
  readonly settings: Readonly<Record<string, readonly Variable[]>>;
  /** The files in `templates` that make a resource, without their endings. */
  readonly resources: readonly string[];
}

const text = { type: 'string' };
const texts = { type: 'array', items: text };
const textByName = { type: 'object', additionalProperties: text };
const anything = { type: 'object' };
const things = { type: 'array', items: anything };
const oneOf = (...words: readonly string[]) => ({ enum: words });
const named = { type: 'array', items: { type: 'object', required: ['name'] } };
const closed = (properties: Readonly<Record<string, Schema>>) => ({
  type: 'object',
  additionalProperties: false,
  properties,
});
const quantities = { type: 'object', additionalProperties: { type: ['string', 'number'] } };
const number = { type: ['integer', 'null'], minimum: 0 };
const origin = { type: 'string', pattern: '^(https?://[^/?#@\\s]+)?$' };
const prefix = { type: 'string', pattern: '^([a-z0-9]+(-[a-z0-9]+)*)?$', maxLength: 36 };

/** The types that a default does not tell, by the ends of the names; the first that fits counts. */
const types: readonly (readonly [RegExp, Schema])[] = [
  [/^(nameOverride|fullnameOverride)$/, prefix],
  [/^urls\./, origin],
  [/\.pullPolicy$/, oneOf('Always', 'IfNotPresent', 'Never')],
  [/^logLevel$/, oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent')],
  [/\.whenUnsatisfiable$/, oneOf('DoNotSchedule', 'ScheduleAnyway')],
  [/\.service\.type$/, oneOf('ClusterIP', 'NodePort', 'LoadBalancer')],
  [/^gateway\.workers$/, { oneOf: [{ type: 'integer', minimum: 1, maximum: 64 }, { const: 'auto' }] }],
  [/\.maxUnavailable$/, { type: ['integer', 'string'] }],
  [/(^|\.)(annotations|gatewayAnnotations|labels|nodeSelector)$/, textByName],
  [/\.extraEnv$|\.extraVolumes$|\.extraVolumeMounts$|\.parentRefs$/, named],
  [/\.(tolerations|hostAliases|publicFrom|metricsFrom|to|extraEgress)$|^extraObjects$/, things],
  [/\.(affinity|behavior)$/, anything],
  [/\.resources$/, closed({ requests: quantities, limits: quantities, claims: things })],
  [/\.(pullSecrets|keys)$|^trustedProxies$/, texts],
  [
    /^podSecurityContext$/,
    closed({
      runAsNonRoot: { type: 'boolean' },
      runAsUser: number,
      runAsGroup: number,
      fsGroup: number,
      fsGroupChangePolicy: oneOf('OnRootMismatch', 'Always'),
      supplementalGroups: { type: 'array', items: number },
      supplementalGroupsPolicy: oneOf('Merge', 'Strict'),
      seccompProfile: closed({ type: text, localhostProfile: text }),
      appArmorProfile: closed({ type: text, localhostProfile: text }),
      seLinuxOptions: textByName,
      sysctls: things,
    }),
  ],
];

/** The keys of a map and their values, with the comment that stands before each. */
function entriesOf(map: YAMLMap): { name: string; value: Node; comment: string }[] {
  return (map.items as Pair<Scalar<string>, Node>[]).map(({ key, value }, index) => {
    if (value === null) throw new Error(`${key.value} has no default`);
    const comment = key.commentBefore ?? (index === 0 ? map.commentBefore : undefined) ?? '';
    return { name: key.value, value, comment: comment.replace(/\n\s*#?/g, ' ').trim() };
  });
}

function rootOf(values: string): YAMLMap {
  const root = parseDocument(values).contents;
  if (!isMap(root)) throw new Error('values.yaml is no map');
  return root;
}

function operations(resources: readonly string[]): Schema {
  const operation = {
    ...closed({ op: oneOf('add', 'replace', 'remove'), path: { type: 'string', pattern: '^/' }, value: {} }),
    required: ['op', 'path'],
  };
  return closed(Object.fromEntries(resources.map((name) => [name, { type: 'array', items: operation }])));
}

function settingsOf(variables: readonly Variable[]): Schema {
  const value = { type: ['string', 'number', 'boolean'] };
  return closed(
    Object.fromEntries(variables.map(({ name, description }) => [name, { ...value, description }] as const)),
  );
}

function typeOf(path: string, node: Node, facts: ChartFacts): Schema {
  const [service = ''] = path.split('.');
  if (path === 'patches') return operations(facts.resources);
  if (path.endsWith('.settings')) return settingsOf(facts.settings[service] ?? []);
  if (/^[a-zA-Z]+\.pod$/.test(path)) return { $ref: '#/properties/pods' };
  const known = types.find(([pattern]) => pattern.test(path))?.[1];
  if (known !== undefined) return known;
  if (isMap(node) && node.items.length > 0)
    return closed(
      Object.fromEntries(
        entriesOf(node).map(({ name, value, comment }) => {
          const schema = typeOf(`${path}.${name}`, value, facts);
          return [name, '$ref' in schema || comment === '' ? schema : { description: comment, ...schema }];
        }),
      ),
    );
  const [item] = isSeq(node) ? (node.items as Node[]) : [];
  if (item !== undefined) return { type: 'array', items: typeOf(`${path}.0`, item, facts) };
  if (isScalar(node) && typeof node.value === 'string') return text;
  if (isScalar(node) && typeof node.value === 'boolean') return { type: 'boolean' };
  if (isScalar(node) && typeof node.value === 'number') return { type: 'integer', minimum: 0 };
  throw new Error(`${path}: its default does not say its type; name it in chart-values.ts`);
}

/** The schema that Helm holds a user's values to: a name that values.yaml does not have fails. */
export function renderValuesSchema(values: string, facts: ChartFacts): string {
  const properties = Object.fromEntries(
    entriesOf(rootOf(values)).map(({ name, value, comment }) => [
      name,
      { ...(comment === '' ? {} : { description: comment }), ...typeOf(name, value, facts) },
    ]),
  );
  // A chart that has this one inside hands its `global` down.
  const schema = closed({ global: anything, ...properties });
  return `${JSON.stringify({ $schema: 'http://json-schema.org/draft-07/schema#', ...schema }, null, 2)}\n`;
}

interface Row {
  readonly path: string;
  readonly value: string;
  readonly what: string;
}

function rowsOf(prefixOfPath: string, map: YAMLMap): Row[] {
  return entriesOf(map).flatMap(({ name, value, comment }): Row[] => {
    const path = `${prefixOfPath}${name}`;
    const inside = isMap(value) && value.items.length > 0 && !types.some(([pattern]) => pattern.test(path));
    if (inside) return [...(comment === '' ? [] : [{ path, value: '', what: comment }]), ...rowsOf(`${path}.`, value)];
    const shown = isScalar(value) && value.value === '' ? '' : `\`${JSON.stringify(value.toJSON())}\``;
    return [{ path, value: shown, what: comment }];
  });
}

/** The chart's page: every value, its default, and what it is for. */
export function renderChartReadme(values: string): string {
  return [
    '# The Helm chart of Sallyport',
    '',
    'How to install with it: [docs/install-helm.md](../../../docs/install-helm.md). Why it is as it is:',
    '[decision 0072](../../../docs/decisions/0072-a-gateway-is-enrolled-by-its-number.md).',
    '',
    '## Values',
    '',
    'Made from the comments of `values.yaml` (`npm test -- unit tools/documents -u`), as is the schema that refuses any other name.',
    '',
    '| value | default | what |',
    '|---|---|---|',
    ...rowsOf('', rootOf(values)).map(
      ({ path, value, what }) => `| \`${path}\` | ${value.replaceAll('|', '\\|')} | ${what.replaceAll('|', '\\|')} |`,
    ),
    '',
  ].join('\n');
}
