import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { runBench, type BenchOptions } from './run-bench.js';
import { scenarios } from './scenarios/scenarios.js';

/** Not a load: what starts, and what is asked for the first time. */
const COLD = 'cold';

const USAGE = `npm run bench -- [options]
  --smoke                 hot-modern and hot-legacy in a few short rounds, held to the gate of CI
  --scenario NAME         only this one; may be repeated: 
                          ${[...scenarios.map(({ name }) => name), COLD].join(', ')}
  --subject NAME          besides the bare proxy; may be repeated: nginx, standalone, distributed,
                          two-workers
  --rounds N              5 unless said
  --seconds N             of each round, 6 unless said
  --json FILE             writes the results there
  --charts DIR            draws throughput and latency against load there, as SVG
  --profile DIR           writes a CPU profile of the gateway there, and prints its hottest functions
  --profile-process NAME  of this process instead: control-plane`;

function readOptions(args: readonly string[]): BenchOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      smoke: { type: 'boolean', default: false },
      scenario: { type: 'string', multiple: true },
      subject: { type: 'string', multiple: true },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      json: { type: 'string' },
      charts: { type: 'string' },
      profile: { type: 'string' },
      'profile-process': { type: 'string', default: 'gateway-1' },
      help: { type: 'boolean', default: false },
    },
  });
  const { smoke } = values;
  const everything = [...scenarios.map(({ name }) => name), COLD];
  const usual = smoke ? ['hot-modern', 'hot-legacy'] : everything;
  const wanted = values.scenario ?? (values.charts === undefined ? usual : []);
  const unknown = wanted.filter((name) => !everything.includes(name));
  if (values.help || unknown.length > 0) {
    process.stdout.write(`${unknown.map((name) => `There is no scenario ${name}.\n`).join('')}${USAGE}\n`);
    if (unknown.length > 0) process.exitCode = 2;
    return undefined;
  }
  if (values.profile !== undefined) mkdirSync(values.profile, { recursive: true });
  return {
    smoke,
    scenarios: scenarios.filter(({ name }) => wanted.includes(name)),
    subjects: (values.subject ??
      (smoke ? ['distributed'] : ['nginx', 'standalone', 'distributed'])) as BenchOptions['subjects'],
    rounds: Number(values.rounds ?? (smoke ? 3 : 5)),
    seconds: Number(values.seconds ?? (smoke ? 2 : 6)),
    cold: wanted.includes(COLD),
    charts: values.charts,
    json: values.json,
    profile:
      values.profile === undefined
        ? undefined
        : { folder: resolve(values.profile), process: values['profile-process'] },
  };
}

process.setMaxListeners(100); // one for each process that ends with this one
const options = readOptions(process.argv.slice(2));
const failures = options === undefined ? [] : await runBench(options);
for (const failure of failures) process.stdout.write(`\n✗ ${failure}\n`);
if (failures.length > 0) process.exitCode = 1;
