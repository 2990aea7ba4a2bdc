import {
  alertQueries,
  dashboardQueries,
  documentedMetrics,
  instrumentsInSource,
  readQuery,
} from '@sallyport/testing/documented-metrics';
import { expect, test } from 'vitest';

const documented = new Map(documentedMetrics().map((metric) => [metric.name, metric]));
const queries = [...dashboardQueries(), ...alertQueries()];

test('docs/telemetry.md lists exactly the metrics that there are (R77)', () => {
  const listed = [...documented.values()].map(({ name, type }) => `${name} ${type}`);
  const made = [...instrumentsInSource()].map(([name, type]) => `${name} ${type}`);
  expect(listed.toSorted()).toEqual(made.toSorted());
});

test('no metric has a label that names a user', () => {
  const labels = [...documented.values()].flatMap((metric) => metric.labels);
  expect(labels.filter((label) => /user|sub|email|session|sid/.test(label))).toEqual([]);
});

test('there are queries to check', () => {
  expect(dashboardQueries().length).toBeGreaterThan(20);
  expect(alertQueries().length).toBeGreaterThan(10);
});

test.each(queries)('a query is PromQL over metrics and labels that there are: %s', (query) => {
  const { isValid, metrics, labels } = readQuery(query);
  expect(isValid).toBe(true);
  expect(metrics.length).toBeGreaterThan(0);
  const known = metrics.map((name) => documented.get(name) ?? documented.get(name.replace(/_(bucket|sum|count)$/, '')));
  expect(known).not.toContain(undefined);
  const allowed = new Set(['le', 'instance', ...known.flatMap((metric) => metric?.labels ?? [])]);
  expect(labels.filter((label) => !allowed.has(label))).toEqual([]);
});

test('a query that is none, and metrics and labels in one, are found', () => {
  expect(readQuery('sum(rate(a_total[5m])').isValid).toBe(false);
  expect(readQuery('sum by (x) (rate(a_total{y="1"}[$__rate_interval])) / b')).toMatchObject({
    isValid: true,
    metrics: ['a_total', 'b'],
    labels: ['x', 'y'],
  });
});
