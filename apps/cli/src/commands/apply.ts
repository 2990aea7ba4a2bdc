import type { AdminClient } from '@sallyport/admin-api';
import type { Command } from 'commander';
import { randomUUID } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { CliError } from '../cli-error.js';
import { confirmWritten, waitOption, type WaitFor } from '../configuration/confirm-written.js';
import { gatherSecrets, noteOfMissing, type SecretPlaces } from '../configuration/gather-secrets.js';
import { readPlanFile, type PlanFile } from '../configuration/plan-file.js';
import { readSet } from '../configuration/read-set.js';
import { showPlan } from '../configuration/show-plan.js';
import { act, type Context, type Run } from '../context.js';
import { EXIT, type ExitCode } from '../exit-code.js';
import type { World } from '../world.js';
import { bodyOf, changeSetOf, withChangeOptions, type ChangeOptions, type ChangeSet } from './plan.js';

interface Options extends ChangeOptions {
  readonly wait: WaitFor;
  readonly note?: string;
}

export function addApplyCommand(program: Command, run: Run): void {
  withChangeOptions(program.command('apply'))
    .description('Write files, or a saved plan, and wait until every gateway has them')
    .argument('<folder>', 'A folder of YAML files, a file, a saved plan, or - for standard input')
    .option('--note <text>', 'Why: kept in the history')
    .addOption(waitOption())
    .action(
      act<[string], Options>(run, async (context, { args: [path], options }) => {
        const saved = await savedPlanAt(context.world, path);
        const api = await context.client();
        if (saved !== undefined) return await applySaved(context, api, saved, options);
        const set = await readSet(context.world, path, options);
        const changeSet = changeSetOf(set, options);
        const body = await bodyOf(context, changeSet, set);
        const { plan } = await api.applyChangeSet({ query: { dryRun: 'true' }, body });
        showPlan(context.output, plan, set.locateField);
        if (plan.changes.length === 0) return EXIT.done;
        return await write(context, api, { ...changeSet, base: plan.base }, set.secrets, options);
      }),
    );
}

async function savedPlanAt({ directory }: World, path: string): Promise<PlanFile | undefined> {
  const file = resolve(directory, path);
  const found = path === '-' ? undefined : await stat(file).catch(() => undefined);
  return found?.isFile() === true ? readPlanFile(await readFile(file, 'utf8'), path) : undefined;
}

async function applySaved(context: Context, api: AdminClient, saved: PlanFile, options: Options): Promise<ExitCode> {
  const { url } = await context.target();
  if (saved.url !== url)
    throw new CliError(EXIT.conflict, `The plan was made for ${saved.url}, and this is ${url}.`, ['Plan again here.']);
  const { prune, takeOver, force, set } = options;
  if ([prune, takeOver, force, set].some((one) => one !== undefined))
    throw new CliError(EXIT.invalid, 'A saved plan is carried out as it is.', ['Say these options to `plan`.']);
  showPlan(context.output, saved.plan);
  if (saved.plan.changes.length === 0) return EXIT.done;
  const { missing } = await gatherSecrets(context.world, saved.secrets);
  for (const secret of missing) context.output.note(noteOfMissing(secret));
  return await write(context, api, saved.changeSet, saved.secrets, options);
}

async function write(
  { world, output }: Context,
  api: AdminClient,
  changeSet: ChangeSet,
  places: SecretPlaces,
  { note, wait }: Options,
): Promise<ExitCode> {
  const { values } = await gatherSecrets(world, places);
  output.progress('writing');
  const written = await api.applyChangeSet(
    { query: {}, body: { ...changeSet, ...(note !== undefined && { note }), secrets: values } },
    { idempotencyKey: randomUUID(), signal: world.signal },
  );
  return await confirmWritten({ world, output }, api, written, wait);
}
