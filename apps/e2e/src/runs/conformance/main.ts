import { runAuthorizationScenarios } from './authorization.js';
import { runClientScenarios } from './client.js';
import {
  demonstration,
  legacyServer,
  modernServer,
  twoBeforeLegacyServer,
  twoBeforeModernServer,
} from './deployments.js';
import type { Deployment } from './deployments.js';
import { runServerScenarios } from './server.js';
import { requiredScenarios, TASK_SCENARIOS } from './suite.js';
import type { Revision } from './suite.js';
import type { Verdicts } from './verdict.js';
import { CROSS_APP_ACCESS } from './vouch-in-their-stead.js';

/** Scenarios one run has to pass; the last lines of the output are one per set. */
interface Counted {
  readonly set: string;
  readonly scenarios: readonly string[];
}

/** One run of the official suite, pinned. */
interface Run {
  readonly run: () => Promise<Verdicts>;
  readonly counted: readonly Counted[];
}

const against =
  (start: () => Promise<Deployment>, run: (deployment: Deployment) => Promise<Verdicts>) =>
  async (): Promise<Verdicts> => {
    const deployment = await start();
    try {
      return await run(deployment);
    } finally {
      await deployment.close();
    }
  };

const serverRun = (deployment: () => Promise<Deployment>, revision: Revision, counted: readonly Counted[]): Run => ({
  run: against(deployment, ({ system, gateways }) => runServerScenarios(system, revision, gateways)),
  counted,
});

const clientRun = (revision: Revision, counted: readonly Counted[]): Run => ({
  run: () =>
    runClientScenarios(
      revision,
      counted.flatMap(({ scenarios }) => scenarios),
    ),
  counted,
});

/** What concerns our side toward servers, apart from how it gets its tokens (`auth/*`). */
const requiredOfClient = (revision: Revision): readonly string[] =>
  requiredScenarios(revision, 'client').filter((scenario) => !scenario.startsWith('auth/'));

const requiredOfOAuthClient = (revision: Revision): readonly string[] =>
  requiredScenarios(revision, 'client').filter((scenario) => scenario.startsWith('auth/'));

/** The suite runs these and does not score them; we do. */
const UNSCORED = ['http-header-validation', 'http-custom-header-server-validation', 'json-schema-2020-12'];
const UNSCORED_OF_CLIENT = ['json-schema-2020-12-preservation'];

const runs: readonly Run[] = [
  {
    run: against(demonstration, ({ system }) => runAuthorizationScenarios(system)),
    counted: [
      { set: 'authorization', scenarios: ['authorization-server-metadata-endpoint', 'authorization-code-grant'] },
    ],
  },
  serverRun(modernServer, '2026-07-28', [
    { set: 'server 2026-07-28', scenarios: requiredScenarios('2026-07-28', 'server') },
    { set: 'headers and schemas 2026-07-28', scenarios: UNSCORED },
    { set: 'tasks 2026-07-28', scenarios: TASK_SCENARIOS },
  ]),
  serverRun(modernServer, '2025-11-25', [
    { set: 'server 2025-11-25', scenarios: requiredScenarios('2025-11-25', 'server') },
  ]),
  serverRun(legacyServer, '2025-11-25', [
    { set: 'server 2025-11-25, v1 server', scenarios: requiredScenarios('2025-11-25', 'server') },
  ]),
  serverRun(twoBeforeModernServer, '2026-07-28', [
    { set: 'server 2026-07-28, two gateways', scenarios: requiredScenarios('2026-07-28', 'server') },
    { set: 'tasks 2026-07-28, two gateways', scenarios: TASK_SCENARIOS },
  ]),
  serverRun(twoBeforeModernServer, '2025-11-25', [
    { set: 'server 2025-11-25, two gateways', scenarios: requiredScenarios('2025-11-25', 'server') },
  ]),
  serverRun(twoBeforeLegacyServer, '2025-11-25', [
    { set: 'server 2025-11-25, v1 server, two gateways', scenarios: requiredScenarios('2025-11-25', 'server') },
  ]),
  clientRun('2026-07-28', [
    { set: 'client 2026-07-28', scenarios: requiredOfClient('2026-07-28') },
    { set: 'schemas toward clients 2026-07-28', scenarios: UNSCORED_OF_CLIENT },
  ]),
  clientRun('2025-11-25', [{ set: 'client 2025-11-25', scenarios: requiredOfClient('2025-11-25') }]),
  clientRun('2026-07-28', [
    { set: 'client auth 2026-07-28', scenarios: requiredOfOAuthClient('2026-07-28') },
    { set: 'cross-app access 2026-07-28', scenarios: [CROSS_APP_ACCESS] },
  ]),
  clientRun('2025-11-25', [
    { set: 'client auth 2025-11-25', scenarios: requiredOfOAuthClient('2025-11-25') },
    { set: 'cross-app access 2025-11-25', scenarios: [CROSS_APP_ACCESS] },
  ]),
];

/** Runs the sets whose name contains one of the words, or all of them. */
async function conformance(words: readonly string[]): Promise<boolean> {
  const selected = runs.filter(
    ({ counted }) => words.length === 0 || counted.some(({ set }) => words.some((word) => set.includes(word))),
  );
  if (selected.length === 0) {
    process.stderr.write(
      `Usage: npm run conformance [-- words of: ${runs
        .flatMap(({ counted }) => counted)
        .map(({ set }) => set)
        .join(' | ')}]\n`,
    );
    return false;
  }
  const lines: string[] = [];
  let complete = true;
  for (const { run, counted } of selected) {
    const verdicts = await run();
    const asked = new Set(counted.flatMap(({ scenarios }) => scenarios));
    for (const { set, scenarios } of counted) {
      const missed = scenarios.filter((scenario) => !verdicts.has(scenario) || verdicts.get(scenario) !== undefined);
      for (const scenario of missed)
        process.stdout.write(`✗ ${set}: ${scenario}: ${verdicts.get(scenario) ?? 'did not run'}\n`);
      lines.push(`conformance: ${set} ${scenarios.length - missed.length}/${scenarios.length}`);
      complete &&= missed.length === 0;
    }
    for (const [scenario, problem] of verdicts)
      if (!asked.has(scenario)) process.stdout.write(`  not counted: ${scenario}: ${problem ?? 'passed'}\n`);
  }
  process.stdout.write(`${lines.join('\n')}\n`);
  return complete;
}

if (!(await conformance(process.argv.slice(2)))) process.exitCode = 1;
