import type { AdminClient, Answered } from '@sallyport/admin-api';
import type { Command } from 'commander';
import { CliError } from '../cli-error.js';
import { act, type Run } from '../context.js';
import { EXIT } from '../exit-code.js';
import { relativeMoment } from '../terminal/moment.js';
import type { Column } from '../terminal/table.js';
import { commandGroup } from './command-group.js';

type Definition = Answered<'listToolDefinitions'>['definitions'][number];
type Approved = Answered<'listToolDefinitions'>['approved'][number];

export function addPinCommands(program: Command, run: Run): void {
  const pins = commandGroup(program, 'pins', 'Definitions of tools, and which of them are approved');
  pins
    .command('list', { isDefault: true })
    .description('List the definitions that a server listed, the newest of each tool')
    .argument('<server>', 'The server')
    .option('--all', 'Every definition there ever was')
    .option('--unapproved', 'Only those that are not approved')
    .action(
      act<[string], { all?: true; unapproved?: true }>(
        run,
        async ({ client, output, world }, { args: [server], options }) => {
          const { definitions } = await readDefinitions(await client(), server);
          const shown = (options.all === true ? definitions : newestOfEach(definitions)).filter(
            ({ approved }) => options.unapproved !== true || !approved,
          );
          output.many('tool-definition', shown, columns(world.now()), `No definition of ${server} is known here.`);
        },
      ),
    );
  pins
    .command('approve')
    .description('Approve the newest definitions of tools; those approved before stay')
    .argument('<server>', 'The server')
    .argument('[tools...]', "Tools by the server's own names, or name@sha256 (its first digits do)")
    .option('--all', 'The newest definition of every tool')
    .action(
      act<[string, string[]], { all?: true }>(run, async ({ client, output }, { args: [server, tools], options }) => {
        const api = await client();
        const { definitions, approved } = await readDefinitions(api, server);
        const chosen = options.all === true ? newestOfEach(definitions) : chooseDefinitions(definitions, tools);
        if (chosen.length === 0) throw new CliError(EXIT.invalid, 'No tool was named.', ['Name tools, or say --all.']);
        const written = await api.approveTools({
          params: { server },
          query: {},
          body: { tools: withApproved(approved, chosen) },
        });
        output.one('tools-approved', { server, ...written, tools: chosen.map(({ name }) => name) }, () =>
          written.changed
            ? [`Approved ${chosen.map(({ name }) => name).join(', ')}: in force since revision ${written.revision}.`]
            : ['They were approved already.'],
        );
      }),
    );
  pins
    .command('withdraw')
    .description('Withdraw all approvals of a server: nothing of it is held back any more')
    .argument('<server>', 'The server')
    .action(
      act<[string], object>(run, async ({ client, output }, { args: [server] }) => {
        const written = await (await client()).withdrawApprovedTools({ params: { server }, query: {} });
        output.one('tools-withdrawn', { server, ...written }, () => [
          written.changed
            ? `Withdrew the approvals of ${server}: in force since revision ${written.revision}.`
            : `${server} had no approvals.`,
        ]);
      }),
    );
}

/** Every page of them, in order of arrival. */
async function readDefinitions(api: AdminClient, server: string): Promise<Answered<'listToolDefinitions'>> {
  const definitions: Definition[] = [];
  for (let after = '0'; ;) {
    const page = await api.listToolDefinitions({ query: { server, after } });
    definitions.push(...page.definitions);
    if (page.definitions.length === 0 || String(page.next) === after) return { ...page, definitions };
    after = String(page.next);
  }
}

/** Of several definitions of a tool the one that came last. */
export const newestOfEach = (definitions: readonly Definition[]): Definition[] => [
  ...new Map(definitions.map((one) => [one.name, one])).values(),
];

/** @throws CliError for a name or a digest that fits none, or a digest that fits several */
export function chooseDefinitions(definitions: readonly Definition[], wanted: readonly string[]): Definition[] {
  return wanted.map((text) => {
    const [name = '', digest] = text.split('@');
    const fitting = definitions.filter((one) => one.name === name && one.sha256.startsWith(digest ?? ''));
    const distinct = new Set(fitting.map(({ sha256 }) => sha256));
    const found = fitting.at(-1);
    if (found === undefined)
      throw new CliError(EXIT.invalid, `No definition of ${text} is known here.`, [
        `There are: ${
          newestOfEach(definitions)
            .map((one) => one.name)
            .join(', ') || 'none'
        }.`,
      ]);
    if (digest !== undefined && distinct.size > 1)
      throw new CliError(EXIT.invalid, `${text} fits ${distinct.size} definitions: give more digits.`);
    return found;
  });
}

const withApproved = (approved: readonly Approved[], chosen: readonly Definition[]): Approved[] => {
  const added = chosen.map(({ name, sha256, annotations }) => ({ name, sha256, annotations }));
  const isNew = (one: Approved) => !added.some(({ name, sha256 }) => name === one.name && sha256 === one.sha256);
  return [...approved.filter(isNew), ...added];
};

const columns = (now: number): readonly Column<Definition>[] => [
  { title: 'TOOL', text: ({ name }) => name },
  { title: 'DEFINITION', text: ({ sha256 }) => sha256.slice(0, 12) },
  {
    title: 'APPROVED',
    text: ({ approved }) => (approved ? '✓' : 'no'),
    style: ({ approved }) => (approved ? 'green' : 'yellow'),
  },
  { title: 'FIRST SEEN', text: ({ firstSeenAt }) => relativeMoment(firstSeenAt, now) },
  { title: 'SAYS OF ITSELF', text: ({ annotations }) => hintsOf(annotations), least: 8 },
];

const hintsOf = (hints: Definition['annotations']): string =>
  Object.entries(hints)
    .filter(([, value]) => value === true)
    .map(([name]) => name.replace(/Hint$/, '').replace('readOnly', 'read-only').replace('openWorld', 'open world'))
    .join(', ');
