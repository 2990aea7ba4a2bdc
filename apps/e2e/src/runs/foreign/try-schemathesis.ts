import { createAdminClient } from '@sallyport/admin-api';
import { AdministratorRole } from '@sallyport/configuration';
import { demoConfiguration } from '@sallyport/demo';
import { Secret } from '@sallyport/kernel';
import { makeScratch, removeScratch } from '@sallyport/testing';
import { RolePipelines } from '../../system/role-pipelines.js';
import { startStandalone } from '../../system/start-standalone.js';
import type { System } from '../../system/system.js';
import { walkSeed } from '../api-walk/walk-seed.js';
import { prepareProgram, runProgram } from './peer-program.js';

export const SCHEMATHESIS = 'schemathesis';
/** How each role asks. `coverage`: each rule of a schema, kept and broken; `fuzzing`: as many requests an operation. */
const THOROUGH = { phases: 'coverage,fuzzing', examples: 15 };
const BRIEF = { phases: 'fuzzing', examples: 8 };
const howOf = (role: AdministratorRole) => (role === 'owner' ? THOROUGH : BRIEF);
/** A line of its report may hold a whole address or body. */
const MAX_LINE = 300;

/** What came of the walk of the administrators' API by Schemathesis. `missing`: there is no Python. */
export type SchemathesisOutcome =
  | { readonly type: 'passed'; readonly cases: number; readonly seconds: number }
  | { readonly type: 'missing' | 'failed'; readonly reason: string };

/** Walks the administrators' API of a fresh deployment with Schemathesis (PyPI) as each role, by its OpenAPI alone. */
export async function trySchemathesis(): Promise<SchemathesisOutcome> {
  const preparation = await prepareProgram(SCHEMATHESIS);
  if (preparation.type !== 'ready') return preparation;
  const scratch = makeScratch(SCHEMATHESIS);
  const pipelines = new RolePipelines(scratch);
  try {
    const system = await startStandalone({
      logLevel: 'error',
      configure: (demo) => `${pipelines.documents}${demoConfiguration(demo)}`,
    });
    try {
      return await walkAsEachRole(system, pipelines);
    } finally {
      await system.stop();
    }
  } finally {
    removeScratch(scratch);
  }
}

async function walkAsEachRole(system: System, pipelines: RolePipelines): Promise<SchemathesisOutcome> {
  const [began, seed] = [performance.now(), walkSeed()];
  let cases = 0;
  for (const role of AdministratorRole.options) {
    // It reads the names of signing keys and withdraws them: what outlives that is the token of the file, an owner's.
    const token = role === 'owner' ? system.adminToken : await pipelines.tokenOf(role, system);
    const { phases, examples } = howOf(role);
    const { code, output } = await runProgram(SCHEMATHESIS, ['walk'], {
      API_URL: system.controlPlaneUrl,
      API_TOKEN: token,
      API_PHASES: phases,
      API_EXAMPLES: String(examples),
      API_SEED: String(seed),
    });
    const failed = (why: string) =>
      ({ type: 'failed', reason: `as ${role}, ${why}, API_WALK_SEED=${seed}\n${shortened(output)}` }) as const;
    if (code !== 0) return failed(`exit ${code}`);
    if (!(await isKnownAs(role, token, system))) return failed('its token ended: all that came after was answered 401');
    cases += Number(/(\d+) generated/.exec(output)?.[1] ?? 0);
  }
  return { type: 'passed', cases, seconds: (performance.now() - began) / 1000 };
}

async function isKnownAs(role: AdministratorRole, token: string, { controlPlaneUrl }: System): Promise<boolean> {
  const client = createAdminClient({ url: controlPlaneUrl, token: new Secret(token) });
  return (await client.readSelf().catch(() => undefined))?.roles.includes(role) ?? false;
}

const shortened = (output: string): string =>
  output
    .split('\n')
    .map((line) => (line.length > MAX_LINE ? `${line.slice(0, MAX_LINE)} …` : line))
    .join('\n');
