import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { demoConfiguration } from '@sallyport/demo';
import { startStandalone } from '../system/start-standalone.js';
import { fuzzOauth } from './fuzz-oauth.js';
import { signIn } from './sign-in.js';

/** What is asked for here in a minute no deployment would be: refusals would hide what there is to find. */
const UNLIMITED = `  limits:
    authorize: { total: 10000000, client: 10000000 }
    token: { total: 10000000, client: 10000000 }
    register: { total: 10000000 }
    status: { total: 10000000, client: 10000000 }
    user: 10000000
`;

/** `oauth [--cases 100000] [--seed n] [--case i]`: against a deployment of its own, on loopback. */
async function fuzz(args: readonly string[]): Promise<boolean> {
  const { values, positionals: [target] } = parseArgs({ args: [...args], allowPositionals: true, options: { seed: { type: 'string' }, cases: { type: 'string' }, case: { type: 'string' } } });
  if (target !== 'oauth') {
    process.stderr.write('Usage: npm run fuzz -- oauth [--cases 100000] [--seed n] [--case i]\n');
    return false;
  }
  const seed = Number(values.seed ?? randomInt(2 ** 31));
  const first = Number(values.case ?? 0);
  const cases = values.case === undefined ? Number(values.cases ?? 100_000) : 1;
  if (![seed, first, cases].every((number) => Number.isSafeInteger(number) && number >= 0)) throw new RangeError('--seed, --case and --cases are whole numbers');

  process.stdout.write(`fuzz oauth: seed ${seed}, ${cases} cases\n`);
  const system = await startStandalone({ logLevel: 'fatal', configure: (demo) => demoConfiguration(demo).replace(/(?<=^  signingKeys: .*\n)/m, UNLIMITED) });
  const began = performance.now();
  try {
    const report = await fuzzOauth({ seed, first, cases, facts: () => signIn(system), onProgress: (done) => void (done % 10_000 === 0 && process.stdout.write(`  ${done}\n`)) });
    for (const { index, reason, request } of report.failures) {
      process.stdout.write(`✗ case ${index}: ${reason}\n  ${JSON.stringify(request).slice(0, 2_000)}\n  again: npm run fuzz -- oauth --seed ${seed} --case ${index}\n`);
    }
    process.stdout.write(`answers: ${Object.entries(report.statuses).map(([status, count]) => `${status} × ${count}`).join(', ')}\n`);
    process.stdout.write(`fuzz oauth: seed ${seed}, ${report.cases} cases, ${report.failures.length} failures, ${((performance.now() - began) / 1000).toFixed(0)} s\n`);
    return report.failures.length === 0 && report.cases === cases;
  } finally {
    await system.stop();
  }
}

if (!(await fuzz(process.argv.slice(2)))) process.exitCode = 1;
