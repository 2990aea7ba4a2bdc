import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { renderChartReadme, renderValuesSchema } from './chart-values.js';
import { environmentSchema, variablesOf } from './environment.js';

const root = process.cwd();
const chart = join(root, 'deploy', 'helm', 'sallyport');
const read = (path: string) => readFileSync(path, 'utf8');

/** The services by their names in the values. */
const services = {
  gateway: 'gateway',
  authorizationServer: 'authorization-server',
  controlPlane: 'control-plane',
  tokenRefreshWorker: 'token-refresh-worker',
};

const templates = globSync('*', { cwd: join(chart, 'templates') }).toSorted();
const defines = new Map(
  templates.flatMap((file) =>
    [
      ...read(join(chart, 'templates', file)).matchAll(/\{\{- define "([^"]+)" -\}\}([\s\S]*?)(?=\{\{- define |$)/g),
    ].map(([, name = '', body = '']) => [name, body] as const),
  ),
);

/** The variables that a named template sets, those of the templates it includes among them. */
function variablesSet(template: string): string[] {
  const body = defines.get(template) ?? '';
  const own = [...body.matchAll(/^- name: (\S+)$/gm)].map(([, name = '']) => name);
  const included = [...body.matchAll(/include "(sallyport\.environment\.[^"]+)"/g)];
  return [...own, ...included.flatMap(([, name = '']) => variablesSet(name))];
}

/** What the chart sets that other programs read: the pod's number, PostgreSQL's client, Node.js. */
const ofOthers = new Set(['POD_INDEX', 'PGPASSWORD', 'NODE_EXTRA_CA_CERTS']);

const described = await Promise.all(
  Object.entries(services).map(async ([key, app]) => {
    const exported = (await import(join(root, 'apps', app, 'src', 'config.ts'))) as Record<string, unknown>;
    const variables = variablesOf(environmentSchema(app, exported));
    const set = variablesSet(`sallyport.environment.${app}`).filter((name) => !ofOthers.has(name));
    return { key, app, variables, set: [...new Set(set)] };
  }),
);

test.each(described)('the chart gives $app only settings that it has, and each that it requires (R71)', (service) => {
  const known = service.variables.map(({ name }) => name);
  expect(service.set.length).toBeGreaterThan(8);
  expect(service.set.filter((name) => !known.includes(name))).toEqual([]);
  const required = service.variables.filter((variable) => variable.required).map(({ name }) => name);
  expect(required.filter((name) => !service.set.includes(name))).toEqual([]);
});

test('the schema of the values is made of values.yaml and of the settings of the services', async () => {
  const schema = renderValuesSchema(read(join(chart, 'values.yaml')), {
    settings: Object.fromEntries(
      described.map(({ key, variables, set }) => [key, variables.filter(({ name }) => !set.includes(name))]),
    ),
    resources: templates
      .filter((file) => file.endsWith('.yaml') && file !== 'extra-objects.yaml')
      .map((file) => basename(file, '.yaml')),
  });
  await expect(schema).toMatchFileSnapshot(join(chart, 'values.schema.json'));
});

test('the page of the chart has every value', async () => {
  await expect(renderChartReadme(read(join(chart, 'values.yaml')))).toMatchFileSnapshot(join(chart, 'README.md'));
});

test.each(['alerts.yaml', 'dashboard.json'])('%s of the chart is the one of deploy/observability', async (file) => {
  const source = read(join(root, 'deploy', 'observability', file));
  await expect(source).toMatchFileSnapshot(join(chart, 'files', file));
});

test('the chart is of this version, and has no resource definitions and no chart of others inside', () => {
  const { version } = z.object({ version: z.string() }).parse(JSON.parse(read(join(root, 'package.json'))));
  const metadata = parse(read(join(chart, 'Chart.yaml'))) as Record<string, unknown>;
  expect(metadata).toMatchObject({ version, appVersion: version });
  expect(metadata).not.toHaveProperty('dependencies');
  expect(globSync('{crds,charts}', { cwd: chart })).toEqual([]);
});
