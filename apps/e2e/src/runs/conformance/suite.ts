import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { makeScratch, removeScratch, spawnApp } from '@sallyport/testing';
import type { SpawnedApp } from '@sallyport/testing';
import { parse } from 'yaml';
import { z } from 'zod';
import { readVerdicts } from './verdict.js';
import type { Verdicts } from './verdict.js';

export type Revision = '2025-11-25' | '2026-07-28';

const folder = dirname(createRequire(import.meta.url).resolve('@modelcontextprotocol/conformance/package.json'));
const Requirements = z.looseObject({ server: z.array(z.string()), client: z.array(z.string()) });

/** The scenarios a revision requires, frozen at its release. */
export function requiredScenarios(revision: Revision, leg: 'server' | 'client'): readonly string[] {
  return Requirements.parse(parse(readFileSync(join(folder, 'requirements', `${revision}.yaml`), 'utf8')))[leg];
}

/** The tasks extension, which the suite runs and does not score. Of status notifications it checks nothing yet. */
export const TASK_SCENARIOS = [
  'tasks-lifecycle',
  'tasks-capability-negotiation',
  'tasks-wire-fields',
  'tasks-request-state-removal',
  'tasks-mrtr-input',
  'tasks-request-headers',
  'tasks-dispatch-and-envelope',
  'tasks-required-task-error',
  'tasks-mrtr-composition',
];

/** Runs the official suite once; `during` may act while it runs. */
export async function runSuite(
  args: readonly string[],
  during: (run: SpawnedApp) => Promise<void> = async (run) => void (await run.exited),
): Promise<Verdicts> {
  const results = makeScratch('conformance');
  const run = await spawnApp({ entry: join(folder, 'dist', 'index.js'), args: [...args, '-o', results] });
  try {
    await during(run);
    return readVerdicts(results);
  } finally {
    await run.stop();
    removeScratch(results);
  }
}
