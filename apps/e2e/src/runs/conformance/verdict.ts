import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';

const Checks = z.array(z.looseObject({ id: z.string(), status: z.string(), errorMessage: z.string().optional() }));

/** What came of each scenario, by name: why it did not pass, or undefined when it did. */
export type Verdicts = ReadonlyMap<string, string | undefined>;

/**
 * Reads what the suite saved. A scenario passes when something was checked and nothing failed: the suite itself also
 * lets one pass that checked nothing at all.
 * @param folder the suite's `--output-dir`: one folder with a `checks.json` per scenario, named by scenario and time
 */
export function readVerdicts(folder: string): Verdicts {
  const verdicts = new Map<string, string | undefined>();
  for (const file of globSync('**/checks.json', { cwd: folder }).toSorted()) {
    const checks = Checks.parse(JSON.parse(readFileSync(join(folder, file), 'utf8')));
    const failed = checks.filter(({ status }) => status === 'FAILURE');
    const isPassed = failed.length === 0 && checks.some(({ status }) => status === 'SUCCESS');
    const why =
      failed.map(({ id, errorMessage }) => `${id}: ${errorMessage ?? 'failed'}`).join('; ') || 'nothing was checked';
    verdicts.set(scenarioOf(dirname(file)), isPassed ? undefined : why);
  }
  return verdicts;
}

const scenarioOf = (name: string): string =>
  name
    .replace(/^(?:authorization-server|server|client)-(?=.*-\d{4}-\d\d-\d\dT)/, '')
    .replace(/-\d{4}-\d\d-\d\dT[\d-]+Z$/, '');
