import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { runNodeLoad } from './load/node-load.js';
import { runBench, type BenchOptions } from './run-bench.js';
import { scenarios } from './scenarios/scenarios.js';
import { createBareProxy } from './subjects/bare-proxy.js';
import { createUpstream } from './subjects/upstream.js';

/** Each of these is a process of its own, so that no subject shares its event loop with the load or the upstream. */
const roles: Readonly<Record<string, (argument: string) => Promise<void>>> = {
  upstream: async () => {
    const server = createUpstream().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new TypeError('an upstream without a port');
    process.stdout.write(`http://127.0.0.1:${address.port}\n`);
  },
  'bare-proxy': async (upstream) => {
    process.stdout.write(`${await createBareProxy(upstream).listen({ port: 0, host: '127.0.0.1' })}\n`);
  },
  'node-load': async (file) => {
    process.stdout.write(JSON.stringify(await runNodeLoad(file)));
  },
};

const USAGE = `npm run bench -- [options]
  --smoke                 hot-modern and hot-legacy in a few short rounds, held to the gate of CI
  --scenario NAME         only this one; may be repeated: ${scenarios.map(({ name }) => name).join(', ')}
  --subject NAME          besides the bare proxy: distributed, standalone, nginx; may be repeated
  --rounds N              5 unless said
  --seconds N             of each round, 6 unless said
  --json FILE             writes the results there
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
      profile: { type: 'string' },
      'profile-process': { type: 'string', default: 'gateway-1' },
      help: { type: 'boolean', default: false },
    },
  });
  const { smoke } = values;
  const wanted = values.scenario ?? (smoke ? ['hot-modern', 'hot-legacy'] : scenarios.map(({ name }) => name));
  const unknown = wanted.filter((name) => !scenarios.some((scenario) => scenario.name === name));
  if (values.help || unknown.length > 0) {
    process.stdout.write(`${unknown.map((name) => `There is no scenario ${name}.\n`).join('')}${USAGE}\n`);
    if (unknown.length > 0) process.exitCode = 2;
    return undefined;
  }
  if (values.profile !== undefined) mkdirSync(values.profile, { recursive: true });
  return {
    smoke,
    scenarios: scenarios.filter(({ name }) => wanted.includes(name)),
    subjects: (values.subject ?? ['distributed']) as BenchOptions['subjects'],
    rounds: Number(values.rounds ?? (smoke ? 3 : 5)),
    seconds: Number(values.seconds ?? (smoke ? 2 : 6)),
    json: values.json,
    profile:
      values.profile === undefined
        ? undefined
        : { folder: resolve(values.profile), process: values['profile-process'] },
  };
}

const [role = '', argument = ''] = process.argv.slice(2);
const run = roles[role];
if (run !== undefined) await run(argument);
else {
  const options = readOptions(process.argv.slice(2));
  const failures = options === undefined ? [] : await runBench(options);
  for (const failure of failures) process.stdout.write(`\n✗ ${failure}\n`);
  if (failures.length > 0) process.exitCode = 1;
}
