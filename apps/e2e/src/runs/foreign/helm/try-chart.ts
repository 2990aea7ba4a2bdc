import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { makeScratch, removeScratch, repositoryRoot } from '@sallyport/testing';
import { parse } from 'yaml';
import { prepareProgram, runProgram } from '../peer-program.js';
import {
  at,
  chartFolder,
  KUBERNETES,
  nested,
  overlaid,
  renderText,
  resourcesOf,
  valueNames,
  type Rendered,
  type Values,
} from './render-chart.js';
import { refusals } from './refusals.js';
import { rules } from './rules.js';
import type { Switch } from './switch.js';
import { switches } from './switches.js';

export const HELM = 'helm';
/** Rendered side by side. */
const AT_ONCE = 3;

/**
 * What checkov would have otherwise: limits of processor time, which slow a pod that could go on (11); images pulled at
 * each start (15) and named by digest (43), which are a user's choice; the URL of the database as a file (35), which a
 * service reads from its environment; probes of what runs once (8, 9).
 */
const NOT_ASKED = ['CKV_K8S_8', 'CKV_K8S_9', 'CKV_K8S_11', 'CKV_K8S_15', 'CKV_K8S_35', 'CKV_K8S_43'];

/** What came of the chart. `missing`: there is no Go or no Python. */
export type ChartOutcome =
  | { readonly type: 'tried'; readonly passed: number; readonly problems: readonly string[]; readonly seconds: number }
  | { readonly type: 'missing' | 'failed'; readonly reason: string };

/** Renders the chart of deploy/helm by Helm itself, with the least values, with nearly all, and with each alone. */
export async function tryChart(): Promise<ChartOutcome> {
  const preparation = await prepareProgram(HELM);
  if (preparation.type !== 'ready') return preparation;
  const began = performance.now();
  const place = (await runProgram(HELM, ['place'], {})).output.trim();
  const checks = checksOf(place);
  const problems: string[] = [];
  const waiting = Object.entries(checks);
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [title, check] = next;
      await check().catch((error: unknown) =>
        problems.push(`${title}: ${error instanceof Error ? error.message : String(error)}`),
      );
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return {
    type: 'tried',
    passed: Object.keys(checks).length - problems.length,
    problems,
    seconds: (performance.now() - began) / 1000,
  };
}

type Checks = Readonly<Record<string, () => Promise<void>>>;

const example = (name: string) =>
  parse(readFileSync(join(repositoryRoot, 'deploy', 'helm', 'examples', `${name}.yaml`), 'utf8')) as Values;

function checksOf(place: string): Checks {
  const helm = join(place, 'bin', 'helm');
  const [least, most] = [example('minimal'), example('full')];
  const remembered = new Map<string, Promise<Rendered>>();
  const render = (values: Values): Promise<Rendered> => {
    const key = JSON.stringify(values);
    const known = remembered.get(key) ?? renderText(helm, values).then(resourcesOf);
    remembered.set(key, known);
    return known;
  };
  return {
    'each value is tried': async () => {
      const named = valueNames(readFileSync(join(chartFolder, 'values.yaml'), 'utf8'));
      assert.deepEqual(
        named.filter((name) => !(name in switches)),
        [],
        'values without a switch',
      );
      assert.deepEqual(
        Object.keys(switches).filter((name) => !named.includes(name)),
        [],
        'switches without a value',
      );
    },
    ...byTitle(
      Object.entries(rules),
      ([title]) => title,
      async ([, rule]) => rule(await render(least)),
    ),
    ...byTitle(
      Object.entries(rules),
      ([title]) => `${title}, with nearly all values`,
      async ([, rule]) => rule(await render(most)),
    ),
    ...byTitle(
      Object.entries(switches),
      ([name]) => name,
      ([name, one]) => trySwitch(name, one, least, render),
    ),
    ...byTitle(
      refusals,
      ({ title }) => `refused: ${title}`,
      async ({ values, says }) => {
        await assert.rejects(renderText(helm, overlaid(least, values)), says);
      },
    ),
    'each resource can be patched': () => tryPatches(most, render),
    'the alerts and the dashboard are the ones of deploy/observability': () => tryObservability(most, render),
    ...validations(place, { least, most }),
  };
}

const byTitle = <T>(list: readonly T[], title: (one: T) => string, check: (one: T) => Promise<void>): Checks =>
  Object.fromEntries(list.map((one) => [title(one), () => check(one)]));

/** What a value is for is there when it is set, and not before. */
async function trySwitch(
  name: string,
  { to, beside = {}, shows = [], makes = [], drops = [] }: Switch,
  least: Values,
  render: (values: Values) => Promise<Rendered>,
): Promise<void> {
  assert.ok(shows.length + makes.length + drops.length > 0, 'a switch must show something');
  const values = overlaid(least, beside);
  const [before, after] = [await render(values), await render(overlaid(values, nested(name, to)))];
  for (const [resource, pointer, value] of shows) {
    assert.ok(after.has(resource), `there is no ${resource}`);
    assert.deepEqual(at(after.get(resource), pointer), value, `${resource} ${pointer}`);
    assert.notDeepEqual(at(before.get(resource), pointer), value, `${resource} ${pointer} was so before`);
  }
  for (const resource of makes) assert.ok(!before.has(resource) && after.has(resource), `${resource} is not made`);
  for (const resource of drops) assert.ok(before.has(resource) && !after.has(resource), `${resource} is not dropped`);
}

async function tryPatches(most: Values, render: (values: Values) => Promise<Rendered>): Promise<void> {
  const files = globSync('*.yaml', { cwd: join(chartFolder, 'templates') })
    .map((file) => basename(file, '.yaml'))
    .filter((name) => name !== 'extra-objects');
  assert.ok(files.length > 30);
  const operation = { op: 'add', path: '/metadata/finalizers', value: ['example.com/patched'] };
  const patches = Object.fromEntries(files.map((name) => [name, [operation]]));
  const documents = { configuration: { existingConfigMap: '', documents: 'kind: Role\n' } };
  const rendered = await render({ ...overlaid(most, documents), patches, extraObjects: [] });
  assert.equal(rendered.size, files.length, 'resources and templates');
  for (const [key, resource] of rendered)
    assert.deepEqual(at(resource, '/metadata/finalizers'), ['example.com/patched'], key);
}

async function tryObservability(most: Values, render: (values: Values) => Promise<Rendered>): Promise<void> {
  const read = (file: string) => readFileSync(join(repositoryRoot, 'deploy', 'observability', file), 'utf8');
  const rendered = await render(most);
  assert.deepEqual(at(rendered.get('PrometheusRule/metrics'), '/spec'), parse(read('alerts.yaml')));
  assert.equal(at(rendered.get('ConfigMap/dashboard'), '/data/sallyport.json'), read('dashboard.json'));
}

/** What others have to say of what is rendered: Helm's own linter, the schemas of Kubernetes, yamllint and checkov. */
function validations(place: string, values: Readonly<Record<string, Values>>): Checks {
  const run = promisify(execFile);
  const program = (name: string) => join(place, 'python', 'bin', name);
  const helm = join(place, 'bin', 'helm');
  const schemas = Object.values(KUBERNETES).map(
    (kubernetes) =>
      [
        `the schemas of Kubernetes ${kubernetes}`,
        async () => {
          for (const [name, given] of Object.entries(values))
            await inFile(`${name}.yaml`, await renderText(helm, given, kubernetes), (file) =>
              run(join(place, 'bin', 'kubeconform'), [
                '-strict',
                ...[
                  '-schema-location',
                  join(place, 'schemas', `v${kubernetes}`, '{{.ResourceKind}}{{.KindSuffix}}.json'),
                ],
                ...['-schema-location', join(place, 'schemas', 'custom', '{{.ResourceKind}}{{.KindSuffix}}.json')],
                file,
              ]),
            );
        },
      ] as const,
  );
  return {
    ...Object.fromEntries(schemas),
    'helm lint': async () => {
      for (const given of Object.values(values))
        await inFile('values.yaml', JSON.stringify(given), (file) =>
          run(helm, ['lint', chartFolder, '--strict', '--kube-version', KUBERNETES.newest, '--values', file]),
        );
    },
    yamllint: async () => {
      const config =
        '{extends: default, rules: {line-length: {max: 160}, document-start: disable, braces: {max-spaces-inside: 1}, comments: {min-spaces-from-content: 1}}}';
      const files = ['Chart.yaml', 'values.yaml'].map((file) => join(chartFolder, file));
      const examples = globSync('*.yaml', { cwd: join(chartFolder, '..', 'examples') });
      await run(program('yamllint'), [
        '--strict',
        '-d',
        config,
        ...files,
        ...examples.map((file) => join(chartFolder, '..', 'examples', file)),
      ]);
    },
    checkov: async () => {
      for (const [name, given] of Object.entries(values))
        await inFile(`${name}.yaml`, await renderText(helm, given), (file) =>
          run(program('checkov'), [
            ...['--file', file, '--framework', 'kubernetes', '--compact', '--quiet', '--skip-download'],
            ...['--skip-check', NOT_ASKED.join(',')],
          ]),
        );
    },
  };
}

/** @throws Error with all that the program printed */
async function inFile(name: string, text: string, run: (file: string) => Promise<unknown>): Promise<void> {
  const scratch = makeScratch('chart');
  try {
    const file = join(scratch, name);
    writeFileSync(file, text);
    await run(file);
  } catch (error) {
    if (error instanceof Error && 'stdout' in error)
      throw new Error(`${name}: ${String(error.stdout)}`, { cause: error });
    throw error;
  } finally {
    removeScratch(scratch);
  }
}
