import type { Answered, ChangeSetRequest } from '@sallyport/admin-api';
import type { Command } from 'commander';
import { resolve } from 'node:path';
import { z } from 'zod';
import { gatherSecrets, noteOfMissing } from '../configuration/gather-secrets.js';
import { writePlanFile } from '../configuration/plan-file.js';
import { readSet, type ConfigurationSet } from '../configuration/read-set.js';
import { showPlan } from '../configuration/show-plan.js';
import { act, type Context, type Run } from '../context.js';
import { EXIT } from '../exit-code.js';
import { writePrivately } from '../target/contexts.js';
import type { Output } from '../terminal/output.js';

/** What `plan` and `apply` of files share. */
export interface ChangeOptions {
  readonly set?: string;
  readonly prune?: true;
  readonly takeOver?: true;
  readonly force?: true;
}

/** A change set as it is sent, but for the values of its secrets. */
export type ChangeSet = Omit<z.input<typeof ChangeSetRequest>, 'secrets'>;

export function addPlanCommand(program: Command, run: Run): void {
  withChangeOptions(program.command('plan'))
    .description('Show what applying files would change; changes nothing')
    .argument('<folder>', 'A folder of YAML files, a file, or - for standard input')
    .option('--out <file>', 'Save the plan: `apply` of the file does exactly this, or nothing')
    .option('--exit-code', 'End with 2 when there are changes')
    .action(
      act<[string], ChangeOptions & { out?: string; exitCode?: true }>(
        run,
        async (context, { args: [path], options }) => {
          const { world, output } = context;
          const set = await readSet(world, path, options);
          const api = await context.client();
          const changeSet = changeSetOf(set, options);
          const body = await bodyOf(context, changeSet, set);
          const { plan, refused, uncompared } = await api.planChangeSet({ body });
          output.done();
          showPlan(output, plan, set.locateField);
          sayWhatIsNotTheirs(output, { refused, uncompared });
          if (options.out !== undefined) {
            const { url } = await context.target();
            const based = { ...changeSet, base: plan.base };
            const file = resolve(world.directory, options.out);
            await writePrivately(file, writePlanFile({ url, plan, changeSet: based, secrets: set.secrets }));
            output.one('saved', { file }, () => [`Saved: sallyport apply ${options.out}`]);
          }
          return options.exitCode === true && plan.changes.length > 0 ? EXIT.changes : EXIT.done;
        },
      ),
    );
}

export const withChangeOptions = (command: Command): Command =>
  command
    .option('--set <name>', 'The set that the documents belong to; sallyport.set.yaml of the folder unless said')
    .option('--prune', 'Delete documents of the set that are not in the files')
    .option('--take-over', 'Change documents of others as well: they belong to this set from then on')
    .option('--force', 'Also a change that leaves nobody, or not you, to administer');

export const changeSetOf = (
  { set, documents, originOf }: ConfigurationSet,
  { prune, takeOver, force }: ChangeOptions,
): ChangeSet => ({
  set,
  documents: documents.map((document) => ({ ...document, origin: originOf(document) })),
  ...(prune === true && { prune }),
  ...(takeOver === true && { takeOver }),
  ...(force === true && { force }),
});

/** A plan is for whoever may read: says what of it they could not apply, and what it does not tell them. */
function sayWhatIsNotTheirs(
  output: Output,
  { refused, uncompared }: Pick<Answered<'planChangeSet'>, 'refused' | 'uncompared'>,
): void {
  for (const document of refused) {
    output.record('refused', document);
    output.warn(`You could not apply it: ${document.message}`);
  }
  for (const secret of uncompared) {
    output.record('uncompared', { secret });
    output.note(`${secret} is not yours to write: whether its value is another one is not told.`);
  }
}

/** A change set with the values of its secrets: whether one changes is for the system to say. */
export async function bodyOf(
  { world, output }: Context,
  changeSet: ChangeSet,
  { secrets }: Pick<ConfigurationSet, 'secrets'>,
): Promise<ChangeSet & { secrets: Record<string, string> }> {
  const { values, missing } = await gatherSecrets(world, secrets);
  for (const secret of missing) output.note(noteOfMissing(secret));
  output.progress(`planning ${changeSet.documents.length} documents`);
  return { ...changeSet, secrets: values };
}
