import type { AdminClient, Answered } from '@sallyport/admin-api';
import { renderDocument } from '@sallyport/declaration';
import { InvalidArgumentError, type Command } from 'commander';
import { randomUUID } from 'node:crypto';
import { confirmWritten, waitOption, type WaitFor } from '../configuration/confirm-written.js';
import { showPlan } from '../configuration/show-plan.js';
import { act, type Context, type Run } from '../context.js';
import { EXIT, type ExitCode } from '../exit-code.js';
import { relativeMoment } from '../terminal/moment.js';
import type { Output } from '../terminal/output.js';
import { patchLines, patchOf } from '../terminal/patch-lines.js';
import { printable } from '../terminal/printable.js';
import type { Column } from '../terminal/table.js';
import { commandGroup } from './command-group.js';
import { limitOption } from './options.js';

type ChangeSet = Answered<'listChangeSets'>['changeSets'][number];
type RecordedChange = Answered<'readChangeSet'>['changes'][number];

interface RevertOptions {
  readonly set?: string;
  readonly takeOver?: true;
  readonly force?: true;
  readonly note?: string;
  readonly dryRun?: true;
  readonly wait: WaitFor;
}

export function addHistoryCommands(program: Command, run: Run): void {
  const history = commandGroup(program, 'history', 'Who changed documents, when and how; and taking it back');
  history
    .command('list', { isDefault: true })
    .description('List change sets, the newest first')
    .option('--set <name>', 'Of one set')
    .addOption(limitOption())
    .action(
      act<[], { set?: string; limit: string }>(run, async ({ client, output, world }, { options }) => {
        const { changeSets, next } = await (
          await client()
        ).listChangeSets({ query: { set: options.set, limit: options.limit } });
        output.many('change-set', changeSets, columns(world.now()), 'No document was ever written.');
        if (next !== null) output.note('There are more: --limit shows up to 1000 at once.');
      }),
    );
  history
    .command('show')
    .description('Show what one change set did to each document, as text')
    .argument('<revision>', 'The change set', revisionOf)
    .action(act<[string], object>(run, (context, { args: [revision] }) => showChangeSet(context, revision)));
  history
    .command('revert')
    .description('Undo a change set, and wait until every gateway has it; refused where a document changed since')
    .argument('<revision>', 'The change set', revisionOf)
    .option('--set <name>', 'The set that the documents belong to then; nobody’s unless said')
    .option('--take-over', 'Documents that belong to others as well')
    .option('--force', 'Also where documents changed since, or nobody would be left to administer')
    .option('--note <text>', 'Why: kept in the history')
    .option('--dry-run', 'Show what it would change; changes nothing')
    .addOption(waitOption())
    .action(
      act<[string], RevertOptions>(run, (context, { args: [revision], options }) => revert(context, revision, options)),
    );
}

function revisionOf(text: string): string {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It is the number of a revision.');
  return text;
}

async function showChangeSet({ client, output, world }: Context, revision: string): Promise<void> {
  const api = await client();
  for (let cursor: string | undefined; ;) {
    const { changes, next, ...changeSet } = await api.readChangeSet({ params: { revision }, query: { cursor } });
    if (cursor === undefined)
      output.one('change-set', changeSet, () => [
        `Revision ${changeSet.revision}, ${relativeMoment(changeSet.at, world.now())}, by ${writerOf(changeSet)}`,
        ...(changeSet.note === null ? [] : [printable(changeSet.note)]),
        '',
      ]);
    for (const change of changes) showChange(output, change);
    if (next === null) return;
    cursor = next;
  }
}

/** What became of one document. Of a secret there is only that it got another value. */
function showChange(output: Output, change: RecordedChange): void {
  const { kind, name, before, after, secrets } = change;
  const at = `${kind}/${name}`;
  const side = (one: RecordedChange['before']) => ({
    at: one === null ? at : `${at} (${ownerOf(one.set)})`,
    text: one === null ? '' : renderDocument({ kind, name, spec: one.spec }),
  });
  output.one('change', change, () => [
    ...patchLines(patchOf(side(before), side(after)), output.paint),
    ...secrets.map((field) => output.paint('yellow', `~ ${field}: (secret, changed)`)),
    '',
  ]);
}

async function revert(context: Context, revision: string, options: RevertOptions): Promise<ExitCode> {
  const api: AdminClient = await context.client();
  const { set, takeOver, force, note } = options;
  const body = { set, takeOver, force, note };
  const { plan } = await api.revertChangeSet({ params: { revision }, query: { dryRun: 'true' }, body });
  showPlan(context.output, plan);
  if (options.dryRun === true || plan.changes.length === 0) return EXIT.done;
  const written = await api.revertChangeSet(
    { params: { revision }, query: {}, body },
    { idempotencyKey: randomUUID(), signal: context.world.signal },
  );
  return await confirmWritten(context, api, written, options.wait);
}

const ownerOf = (set: string | null): string => (set === null ? 'by hand' : `set ${set}`);
const writerOf = ({ actor, set, source }: ChangeSet): string =>
  printable(`${actor.name ?? actor.id} (${actor.type}, ${source}), ${ownerOf(set)}`);

const columns = (now: number): readonly Column<ChangeSet>[] => [
  { title: 'REVISION', text: ({ revision }) => String(revision) },
  { title: 'WHEN', text: ({ at }) => relativeMoment(at, now) },
  { title: 'BY', text: ({ actor }) => actor.name ?? actor.id, least: 8 },
  { title: 'SET', text: ({ set }) => set ?? 'by hand' },
  { title: 'WAY', text: ({ source }) => source },
  { title: 'WRITTEN', text: ({ puts }) => String(puts) },
  { title: 'DELETED', text: ({ deletes }) => String(deletes) },
  { title: 'WHY', text: ({ note }) => note ?? '', least: 8 },
];
