import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { eventually, findBinary, freePort, repositoryRoot, startPrivateServer, type Binary } from '@sallyport/testing';
import { dashboardQueries, readQuery } from '@sallyport/testing/documented-metrics';
import { z } from 'zod';
import { adminClient, writeWhoamiPolicy } from '../../../system/administrator.js';
import type { Check, Deployment, Receiver } from './receiver.js';

export const PROMETHEUS = 'prometheus';
/** Its metrics are there while there is one. */
const STREAM = { kind: 'LogStream', name: 'console', spec: { start: 'beginning', sink: { stdout: {} } } };
const alerts = join(repositoryRoot, 'deploy', 'observability', 'alerts.yaml');
const alertTests = join(repositoryRoot, 'apps', 'e2e', 'foreign', 'prometheus', 'alerts.test.yaml');

/** Prometheus as Debian has it, which is told what to scrape once the deployment is there. */
export async function preparePrometheus(folder: string): Promise<Receiver> {
  const binary = await findBinary('prometheus');
  const promtool = { ...binary, path: join(dirname(binary.path), 'promtool') };
  const { output } = await run(binary, ['--version']);
  let stop = () => Promise.resolve();
  const scrape: Check = {
    what: 'every query of the dashboard has data',
    async run(deployment) {
      const { url, server } = await startServer(binary, folder, deployment);
      stop = () => server.stop();
      await scrapesAll(url, deployment);
      await answersDashboard(url, deployment);
    },
  };
  return {
    name: `Prometheus ${/version ([\d.]+)/.exec(output)?.[1] ?? '?'}`,
    documents: [STREAM],
    ports: [],
    env: {},
    checks: [
      { what: 'promtool check metrics', run: (deployment) => checkMetrics(promtool, deployment) },
      { what: 'promtool check rules', run: () => passes(promtool, ['check', 'rules', '--lint-fatal', alerts]) },
      { what: 'promtool test rules', run: () => passes(promtool, ['test', 'rules', alertTests]) },
      scrape,
    ],
    stop: () => stop(),
  };
}

async function startServer(binary: Binary, folder: string, { system }: Deployment) {
  const targets = system.processes().map(({ healthUrl }) => new URL(healthUrl).host);
  const configuration = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    scrape_configs: [{ job_name: 'sallyport', static_configs: [{ targets }] }],
    rule_files: [alerts],
  };
  const file = join(folder, 'prometheus.yml');
  writeFileSync(file, JSON.stringify(configuration));
  const port = await freePort();
  const server = await startPrivateServer(
    binary,
    [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--web.console.libraries=/nonexistent',
      '--web.console.templates=/nonexistent',
    ],
    { ready: /Server is ready to receive web requests/, scratch: folder },
  );
  return { url: `http://127.0.0.1:${port}`, server };
}

const Targets = z.object({
  data: z.object({ activeTargets: z.array(z.object({ health: z.string(), lastError: z.string() })) }),
});

async function scrapesAll(url: string, { system }: Deployment): Promise<void> {
  await eventually(
    async () => {
      const { data } = Targets.parse(await (await fetch(`${url}/api/v1/targets`)).json());
      const wanted = system.processes().map(() => ({ health: 'up', lastError: '' }));
      assert.deepEqual(data.activeTargets, wanted);
      return true;
    },
    { timeoutMs: 30_000, intervalMs: 200 },
  );
}

const Answer = z.object({
  status: z.literal('success'),
  data: z.object({ result: z.array(z.object({ value: z.tuple([z.number(), z.string()]) })) }),
});

/** While agents come and call, and policies change, each query has a value that is a number. */
async function answersDashboard(url: string, { system, enterAnew }: Deployment): Promise<void> {
  const client = adminClient(system);
  const queries = dashboardQueries().map((text) => readQuery(text).query);
  assert.ok(queries.length > 0);
  await eventually(
    async () => {
      await enterAnew();
      await writeWhoamiPolicy(client, {});
      const answers = await Promise.all(queries.map((query) => ask(url, query)));
      const empty = queries.filter((_, at) => answers[at]?.some((value) => value !== 'NaN') !== true);
      assert.deepEqual(empty, []);
      return true;
    },
    { timeoutMs: 60_000, intervalMs: 1_000 },
  );
}

async function ask(url: string, query: string): Promise<readonly string[]> {
  const response = await fetch(`${url}/api/v1/query`, { method: 'POST', body: new URLSearchParams({ query }) });
  return Answer.parse(await response.json()).data.result.map(({ value: [, value] }) => value);
}

async function checkMetrics(promtool: Binary, { system }: Deployment): Promise<void> {
  for (const { name, healthUrl } of system.processes()) {
    const metrics = await (await fetch(`${healthUrl}/metrics`)).text();
    await passes(promtool, ['check', 'metrics'], metrics).catch((error: unknown) => assert.fail(`${name}: ${error}`));
  }
}

async function passes(binary: Binary, args: readonly string[], stdin = ''): Promise<void> {
  const { code, output } = await run(binary, args, stdin);
  assert.equal(code, 0, `promtool ${args[0]} ${args[1]}: exit ${code}\n${output}`);
}

function run(
  { path, env }: Binary,
  args: readonly string[],
  stdin = '',
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(path, [...args], { env: { ...env }, stdio: 'pipe' });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stdin.on('error', () => {}); // it reads nothing
    child.stdin.end(stdin);
    child.once('error', reject).once('close', (code) => resolve({ code, output }));
  });
}
