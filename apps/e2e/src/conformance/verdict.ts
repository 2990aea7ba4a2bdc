import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';

const Checks = z.array(z.looseObject({ id: z.string(), status: z.string(), errorMessage: z.string().optional() }));

export interface Verdict {
  readonly passed: number;
  /** What kept the other scenarios from passing, one line each. */
  readonly problems: readonly string[];
}

/**
 * Reads what the suite saved. A scenario passes when something was checked and nothing failed: the suite itself also
 * lets one pass that checked nothing at all.
 * @param folder the suite's `--output-dir`: one folder with a `checks.json` per scenario
 */
export function readVerdict(folder: string): Verdict {
  let passed = 0;
  const problems: string[] = [];
  for (const file of globSync('*/checks.json', { cwd: folder }).toSorted()) {
    const checks = Checks.parse(JSON.parse(readFileSync(join(folder, file), 'utf8')));
    const failed = checks.filter(({ status }) => status === 'FAILURE');
    if (failed.length === 0 && checks.some(({ status }) => status === 'SUCCESS')) passed += 1;
    else problems.push(`${dirname(file)}: ${failed.map(({ id, errorMessage }) => `${id}: ${errorMessage ?? 'failed'}`).join('; ') || 'nothing was checked'}`);
  }
  return { passed, problems };
}
