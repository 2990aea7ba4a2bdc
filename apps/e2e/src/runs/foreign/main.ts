import { join } from 'node:path';
import chromium from '@sparticuz/chromium';
import { freePorts, makeScratch, removeScratch } from '@sallyport/testing';
import { connectLegacyAgent } from '../../agents/legacy-agent.js';
import { connectModernAgent } from '../../agents/modern-agent.js';
import { Person } from '../../agents/person.js';
import { serversConfiguration } from '../../system/servers-configuration.js';
import { startStandalone } from '../../system/start-standalone.js';
import { recordOutcomes } from './compatibility-table.js';
import { Journal } from './journal.js';
import type { Outcome } from './outcome.js';
import { checksOf } from './peer.js';
import type { Peer } from './peer.js';
import { PeerServer, prepareProgram } from './peer-program.js';
import type { Preparation } from './peer-program.js';
import { HELM, tryChart } from './helm/try-chart.js';
import { peers } from './peers.js';
import { RECEIVERS, tryReceivers } from './receivers/try-receivers.js';
import { SCHEMATHESIS, trySchemathesis } from './try-schemathesis.js';
import { connectAccount, tryPeer } from './try-peer.js';
import type { Era, PeerInUse } from './try-peer.js';

/** As many peers are tried side by side. */
const AT_ONCE = 4;

const say = (line: string) => void process.stdout.write(`${line}\n`);

async function prepare(programs: readonly string[]): Promise<ReadonlyMap<string, Preparation>> {
  const prepared = programs.map(async (program) => {
    const preparation = await prepareProgram(program);
    say(
      preparation.type === 'ready'
        ? `  ${program}: prepared in ${preparation.seconds.toFixed(1)} s`
        : `  ${program}: ${preparation.type}: ${preparation.reason}`,
    );
    return [program, preparation] as const;
  });
  return new Map(await Promise.all(prepared));
}

/** Tries them behind one gateway, with a client of each revision. */
async function tryAll(ready: readonly Peer[]): Promise<Outcome[]> {
  const scratch = makeScratch('foreign');
  const [ports, browser] = [await freePorts(ready.length), await chromium.executablePath()];
  const used = ready.map((peer, index) => {
    const journal = new Journal(join(scratch, peer.name));
    return {
      peer,
      journal,
      server: new PeerServer({
        ...peer,
        port: ports[index] ?? 0,
        env: { FOREIGN_JOURNAL: journal.file, CHROMIUM: browser },
      }),
    };
  });
  try {
    const started = await Promise.all(
      used.map(async (one) => ({
        ...one,
        problem: await one.server.start().then(
          () => undefined,
          (error: unknown) => String(error),
        ),
      })),
    );
    const failed = started.flatMap(({ peer, problem }): Outcome[] =>
      problem === undefined ? [] : [{ peer, type: 'failed', reason: problem }],
    );
    const running = started.filter(({ problem }) => problem === undefined);
    return [...failed, ...(running.length === 0 ? [] : await behindGateway(running))];
  } finally {
    await Promise.all(used.map(({ server }) => server.kill()));
    removeScratch(scratch);
  }
}

async function behindGateway(running: readonly Omit<PeerInUse, 'eras'>[]): Promise<Outcome[]> {
  const system = await startStandalone({
    logLevel: 'warn',
    configure: (demo) =>
      serversConfiguration(
        running.map(({ peer, server }) => ({
          name: peer.name,
          url: server.url,
          credential: peer.hasAuthorizationServer === true ? ('mcp-user-oauth' as const) : ('none' as const),
        })),
        demo,
        'server',
      ),
  });
  const eras: Era[] = [];
  try {
    const person = () => new Person('alice', { agentRedirectUri: system.redirectUri });
    eras.push({
      revision: '2025-11-25',
      agent: await connectLegacyAgent({ ...system, name: 'Legacy Agent', person: person() }),
    });
    eras.push({
      revision: '2026-07-28',
      agent: await connectModernAgent({ ...system, name: 'Modern Agent', person: person() }),
    });
    const failed: Outcome[] = [];
    for (const { peer } of running) {
      const problem = await connectAccounts(peer, eras);
      if (problem !== undefined) failed.push({ peer, type: 'failed', reason: problem });
    }
    const waiting = running.filter(({ peer }) => failed.every((outcome) => outcome.peer !== peer));
    const outcomes: Outcome[] = failed;
    const work = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const problems = await tryPeer({ ...next, eras });
        tell({ peer: next.peer, type: 'tried', problems });
        outcomes.push({ peer: next.peer, type: 'tried', problems });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    if (outcomes.some((outcome) => outcome.type === 'tried' && Object.keys(outcome.problems).length > 0))
      say(system.logs().split('\n').slice(-60).join('\n'));
    return outcomes;
  } finally {
    await Promise.all(eras.map(({ agent }) => agent.close()));
    await system.stop();
  }
}

/** One by one, as a person opens links. @returns what went wrong */
async function connectAccounts(peer: Peer, eras: readonly Era[]): Promise<string | undefined> {
  if (peer.hasAuthorizationServer !== true) return undefined;
  try {
    for (const { agent } of eras) await connectAccount(peer, agent);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function tell(outcome: Outcome & { type: 'tried' }): void {
  const { peer, problems } = outcome;
  const checks = checksOf(peer);
  const said = checks.map((check) => (problems[check] === undefined ? check : `${check} FAILED`)).join(', ');
  const mark = Object.keys(problems).length === 0 ? '✓' : '✗';
  say(`${mark} ${peer.name}, ${peer.package} ${peer.version}: ${said}`);
  for (const [check, problem] of Object.entries(problems)) say(`    ${check}: ${problem}`);
}

/** Runs the peers whose name or program contains one of the words, or all of them. */
async function foreign(words: readonly string[]): Promise<boolean> {
  const selected = peers.filter(
    ({ name, program }) => words.length === 0 || words.some((word) => name.includes(word) || program === word),
  );
  if (selected.length === 0) {
    process.stderr.write(
      `Usage: npm run foreign [-- words of: ${[...peers.map(({ name }) => name), ...RECEIVERS, SCHEMATHESIS, HELM].join(' | ')}]\n`,
    );
    return false;
  }
  const began = performance.now();
  const prepared = await prepare([...new Set(selected.map(({ program }) => program))]);
  const preparationOf = ({ program }: Peer) => prepared.get(program);
  const notRun = selected.flatMap((peer): Outcome[] => {
    const preparation = preparationOf(peer);
    return preparation === undefined || preparation.type === 'ready' ? [] : [{ peer, ...preparation }];
  });
  const tried = await tryAll(selected.filter((peer) => preparationOf(peer)?.type === 'ready'));
  const outcomes = [...notRun, ...tried].toSorted((one, other) => peers.indexOf(one.peer) - peers.indexOf(other.peer));
  for (const outcome of outcomes)
    if (outcome.type !== 'tried')
      say(`${outcome.type === 'missing' ? '–' : '✗'} ${outcome.peer.name}: not run: ${outcome.reason}`);
  const counts = count(outcomes);
  const inCi = process.env['CI'] === 'true';
  const tableAgrees = words.length > 0 || counts.missing > 0 || recordOutcomes(outcomes, inCi);
  if (!tableAgrees)
    say('✗ the table in docs/compatibility.md does not say what was seen here: npm run foreign writes it');
  const missing = counts.missing > 0 ? `; ${counts.missing} not run, their language is missing` : '';
  say(`foreign: ${selected.length} peers, ${((performance.now() - began) / 1000).toFixed(0)} s${missing}`);
  say(`${counts.passed} passed, ${counts.failed} failed`);
  return counts.failed === 0 && tableAgrees && !(inCi && counts.missing > 0);
}

function count(outcomes: readonly Outcome[]): { passed: number; failed: number; missing: number } {
  let [passed, failed, missing] = [0, 0, 0];
  for (const outcome of outcomes) {
    if (outcome.type === 'tried') {
      const problems = Object.keys(outcome.problems).length;
      failed += problems;
      passed += checksOf(outcome.peer).length - problems;
    } else if (outcome.type === 'missing') missing += 1;
    else failed += 1;
  }
  return { passed, failed, missing };
}

/** The administrators' API, tried by a program that others wrote. */
async function foreignWalk(): Promise<boolean> {
  const outcome = await trySchemathesis();
  if (outcome.type === 'passed') {
    const { cases, seconds } = outcome;
    say(`✓ schemathesis (PyPI): as each role, the API answers ${cases} requests as it says, ${seconds.toFixed(0)} s`);
  } else say(`${outcome.type === 'missing' ? '–' : '✗'} schemathesis: ${outcome.type}: ${outcome.reason}`);
  return outcome.type === 'passed' || (outcome.type === 'missing' && process.env['CI'] !== 'true');
}

/** Receivers of events, traces and metrics. */
async function foreignReceivers(names: readonly string[]): Promise<boolean> {
  const began = performance.now();
  const { passed, failed, missing } = await tryReceivers(names, say);
  say(`receivers: ${names.length}, ${((performance.now() - began) / 1000).toFixed(0)} s`);
  say(`${passed} passed, ${failed} failed`);
  return failed === 0 && (missing === 0 || process.env['CI'] !== 'true');
}

/** The chart, rendered by Helm and read by programs that others wrote. */
async function foreignChart(): Promise<boolean> {
  const outcome = await tryChart();
  if (outcome.type !== 'tried') {
    say(`${outcome.type === 'missing' ? '–' : '✗'} ${HELM}: ${outcome.type}: ${outcome.reason}`);
    return outcome.type === 'missing' && process.env['CI'] !== 'true';
  }
  const { passed, problems, seconds } = outcome;
  for (const problem of problems) say(`✗ ${HELM}: ${problem}`);
  say(`${HELM}: the chart, ${seconds.toFixed(0)} s`);
  say(`${passed} passed, ${problems.length} failed`);
  return problems.length === 0;
}

const words = process.argv.slice(2);
const selected = (names: readonly string[]) =>
  words.length === 0 ? names : names.filter((name) => words.includes(name));
const peerWords = words.filter((word) => ![SCHEMATHESIS, HELM, ...RECEIVERS].includes(word));
const receivers = selected(RECEIVERS);
const outcomes = [
  words.length > 0 && peerWords.length === 0 ? true : await foreign(peerWords),
  receivers.length === 0 ? true : await foreignReceivers(receivers),
  selected([SCHEMATHESIS]).length === 0 ? true : await foreignWalk(),
  selected([HELM]).length === 0 ? true : await foreignChart(),
];
process.exitCode = outcomes.includes(false) ? 1 : 0;
