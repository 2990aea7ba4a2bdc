import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { startStandalone } from '../../system/start-standalone.js';
import { fuzzMcp } from '../fuzz-mcp/fuzz-mcp.js';
import { startFuzzedGateway } from '../fuzz-mcp/fuzzed-gateway.js';
import { makeFuzzIssuer } from './fuzz-issuer.js';
import { fuzzOauth } from './fuzz-oauth.js';
import { keepFailures, repeatCommand } from './keep-failures.js';
import type { FuzzFailure } from './run-cases.js';
import { signIn } from '../../agents/sign-in.js';

/** What is asked for here in a minute no deployment would be: refusals would hide what there is to find. */
const UNLIMITED = `  limits:
    authorize: { total: 10000000, client: 10000000, address: 10000000 }
    token: { total: 10000000, client: 10000000, address: 10000000 }
    register: { total: 10000000, address: 10000000 }
    status: { total: 10000000, client: 10000000, address: 10000000 }
    user: 10000000
    session: 10000000
`;

/** `oauth | mcp [--cases 100000] [--seed n] [--case i]`: against a deployment of its own, on loopback. */
async function fuzz(args: readonly string[]): Promise<boolean> {
  const {
    values,
    positionals: [target],
  } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { seed: { type: 'string' }, cases: { type: 'string' }, case: { type: 'string' } },
  });
  if (target !== 'oauth' && target !== 'mcp') {
    process.stderr.write('Usage: npm run fuzz -- oauth | mcp [--cases 100000] [--seed n] [--case i]\n');
    return false;
  }
  const seed = Number(values.seed ?? randomInt(2 ** 31));
  const first = Number(values.case ?? 0);
  const cases = values.case === undefined ? Number(values.cases ?? 100_000) : 1;
  if (![seed, first, cases].every((number) => Number.isSafeInteger(number) && number >= 0))
    throw new RangeError('--seed, --case and --cases are whole numbers');

  process.stdout.write(
    `fuzz ${target}: seed ${seed}, ${cases} cases; again: ${repeatCommand(target, seed, values.case === undefined ? `--cases ${cases}` : `--case ${first}`)}\n`,
  );
  const began = performance.now();
  const report = await { oauth: runOauth, mcp: runMcp }[target]({
    seed,
    first,
    cases,
    onProgress: (done) => void (done % 10_000 === 0 && process.stdout.write(`  ${done}\n`)),
  });
  for (const { index, reason, sent } of report.failures) {
    process.stdout.write(
      `✗ case ${index}: ${reason}\n  ${sent.slice(0, 2_000)}\n  again: ${repeatCommand(target, seed, `--case ${index}`)}\n`,
    );
  }
  const kept = keepFailures(target, seed, report.kept);
  if (kept !== undefined) process.stdout.write(`✗ requests and answers: ${kept}\n`);
  process.stdout.write(
    `answers: ${Object.entries(report.statuses)
      .map(([status, count]) => `${status} × ${count}`)
      .join(', ')}\n`,
  );
  for (const problem of report.problems) process.stdout.write(`✗ ${problem}\n`);
  process.stdout.write(
    `fuzz ${target}: seed ${seed}, ${report.cases} cases, ${report.failures.length + report.problems.length} failures, ${((performance.now() - began) / 1000).toFixed(0)} s\n`,
  );
  return report.failures.length + report.problems.length === 0 && report.cases === cases;
}

interface Range {
  readonly seed: number;
  readonly first: number;
  readonly cases: number;
  readonly onProgress: (done: number) => void;
}
interface Report {
  readonly cases: number;
  readonly failures: readonly { readonly index: number; readonly reason: string; readonly sent: string }[];
  /** The same as they were, for the file. */
  readonly kept: readonly FuzzFailure<unknown, unknown>[];
  readonly statuses: Readonly<Record<string, number>>;
  /** What is wrong with the whole, not with one case. */
  readonly problems: readonly string[];
}

async function runOauth(range: Range): Promise<Report> {
  const own = await makeFuzzIssuer();
  const system = await startStandalone({
    logLevel: 'fatal',
    configure: (demo) => own.configure(demo).replace(/(?<=^  signingKeys: .*\n)/m, UNLIMITED),
  });
  try {
    const report = await fuzzOauth({ ...range, facts: async () => own.addTo(await signIn(system)) });
    return {
      ...report,
      failures: report.failures.map((failure) => ({ ...failure, sent: JSON.stringify(failure.sent) })),
      kept: report.failures,
      problems: [],
    };
  } finally {
    await system.stop();
  }
}

/** A leak shows in the second half of a run; the first is when caches fill. */
const MOST_GROWTH_MEGABYTES = 100;

async function runMcp(range: Range): Promise<Report> {
  const fuzzed = await startFuzzedGateway();
  try {
    let halfway = 0;
    const onProgress = (done: number): void => {
      if (done <= range.cases / 2) halfway = fuzzed.residentMegabytes();
      range.onProgress(done);
    };
    const report = await fuzzMcp(fuzzed.gateway, { ...range, facts: () => fuzzed.facts(), onProgress });
    const end = fuzzed.residentMegabytes();
    if (halfway > 0) process.stdout.write(`memory: ${halfway} MB halfway, ${end} MB at the end\n`);
    const problems =
      halfway > 0 && end - halfway > MOST_GROWTH_MEGABYTES
        ? [`memory grew by ${end - halfway} MB in the second half`]
        : [];
    return {
      ...report,
      failures: report.failures.map(({ sent, ...failure }) => ({
        ...failure,
        sent: JSON.stringify({ ...sent, body: sent.body.toString('utf8') }).replaceAll(/eyJ[\w.-]{200,}/g, '<token>'),
      })),
      kept: report.failures,
      problems,
    };
  } finally {
    await fuzzed.stop();
  }
}

if (!(await fuzz(process.argv.slice(2)))) process.exitCode = 1;
