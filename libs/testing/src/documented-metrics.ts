import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parser } from '@prometheus-io/lezer-promql';
import { parse } from 'yaml';
import { z } from 'zod';
import { repositoryRoot as root } from './environment.js';

export interface DocumentedMetric {
  /** As Prometheus has it, without `_bucket`, `_sum` and `_count`. */
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** `all`, or the processes that have it. */
  readonly processes: readonly string[];
  readonly labels: readonly string[];
}

/** The table of docs/telemetry.md, which is the list of all metrics. */
export function documentedMetrics(): readonly DocumentedMetric[] {
  const page = readFileSync(join(root, 'docs', 'telemetry.md'), 'utf8');
  const rows = page.matchAll(/^\| `([a-z_]+)` +\| (counter|gauge|histogram) +\| ([a-z, -]+?) +\| ([^|]*?) +\|/gm);
  return [...rows].map(([, name = '', type = '', processes = '', labels = '']) => ({
    name,
    type: type as DocumentedMetric['type'],
    processes: processes.split(', '),
    labels: [...labels.matchAll(/`([a-z_]+)`/g)].map(([, label = '']) => label),
  }));
}

const INSTRUMENT = /\b(counter|gauge|histogram|createObservableGauge)\(\s*'([a-z_.]+)'/g;

/** The instruments that the product's source makes, by their names in Prometheus. */
export function instrumentsInSource(): ReadonlyMap<string, DocumentedMetric['type']> {
  const files = globSync(['apps/*/src/**/*.ts', 'libs/**/src/**/*.ts'], { cwd: root }).filter(
    (file) => !/\.test\.ts$|\/(test|testing|dist|node_modules|generated)\//.test(file),
  );
  const made = files.flatMap((file) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(INSTRUMENT)].map(([, kind = '', name = '']) => {
      const type = kind === 'createObservableGauge' ? 'gauge' : (kind as DocumentedMetric['type']);
      return [`${name.replaceAll('.', '_')}${type === 'counter' ? '_total' : ''}`, type] as const;
    }),
  );
  return new Map(made);
}

export interface ReadQuery {
  readonly query: string;
  readonly isValid: boolean;
  readonly metrics: readonly string[];
  readonly labels: readonly string[];
}

/** What PromQL's own grammar reads in a query. What Grafana fills in stands for five minutes. */
export function readQuery(text: string): ReadQuery {
  const query = text.replaceAll(/\$__\w+/g, '5m');
  const metrics = new Set<string>();
  const labels = new Set<string>();
  let isValid = true;
  parser.parse(query).iterate({
    enter: ({ type, from, to, node }) => {
      if (type.isError) isValid = false;
      const word = query.slice(from, to);
      if (type.name === 'Identifier' && node.parent?.type.name === 'VectorSelector') metrics.add(word);
      if (type.name === 'LabelName') labels.add(word);
    },
  });
  return { query, isValid, metrics: [...metrics], labels: [...labels] };
}

const Dashboard = z.object({
  panels: z.array(z.object({ targets: z.array(z.object({ expr: z.string() })).default([]) })),
});
const Alerts = z.object({
  groups: z.array(z.object({ rules: z.array(z.object({ alert: z.string(), expr: z.string() })) })),
});

const observability = (file: string) => readFileSync(join(root, 'deploy', 'observability', file), 'utf8');

/** Of the dashboard's panels. */
export const dashboardQueries = (): readonly string[] =>
  Dashboard.parse(JSON.parse(observability('dashboard.json'))).panels.flatMap(({ targets }) =>
    targets.map(({ expr }) => expr),
  );

/** Of the alert rules. */
export const alertQueries = (): readonly string[] =>
  Alerts.parse(parse(observability('alerts.yaml'))).groups.flatMap(({ rules }) => rules.map(({ expr }) => expr));
