import { startStandalone } from '../system/start-standalone.js';
import type { System } from '../system/system.js';
import { runAuthorizationSet } from './authorization.js';
import type { Verdict } from './verdict.js';

/** The sets of the official suite, with the number of scenarios each has to pass. */
const sets: readonly { readonly name: string; readonly scenarios: number; readonly run: (system: System) => Promise<Verdict> }[] = [
  { name: 'authorization', scenarios: 2, run: runAuthorizationSet },
];

/** Runs the named sets, or all of them, against a deployment of its own. The last lines are one per set. */
async function conformance(names: readonly string[]): Promise<boolean> {
  const selected = sets.filter(({ name }) => names.length === 0 || names.includes(name));
  if (selected.length === 0) {
    process.stderr.write(`Usage: npm run conformance [-- ${sets.map(({ name }) => name).join(' | ')}]\n`);
    return false;
  }
  const system = await startStandalone({ logLevel: 'fatal' });
  try {
    const lines: string[] = [];
    let complete = true;
    for (const { name, scenarios, run } of selected) {
      const { passed, problems } = await run(system);
      for (const problem of problems) process.stdout.write(`✗ ${problem}\n`);
      lines.push(`conformance: ${name} ${passed}/${scenarios}`);
      complete &&= passed === scenarios;
    }
    process.stdout.write(`${lines.join('\n')}\n`);
    return complete;
  } finally {
    await system.stop();
  }
}

if (!(await conformance(process.argv.slice(2)))) process.exitCode = 1;
