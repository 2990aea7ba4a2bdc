import type { Command } from 'commander';
import { CliError } from '../cli-error.js';
import { act, type Run } from '../context.js';
import { EXIT } from '../exit-code.js';
import { ContextName, readContexts, writeContexts, type Context } from '../target/contexts.js';
import { checkedUrl } from '../target/find-target.js';
import { commandGroup } from './command-group.js';

export function addContextCommands(program: Command, run: Run): void {
  const contexts = commandGroup(program, 'contexts', 'Systems that you administer from here');
  contexts
    .command('list', { isDefault: true })
    .description('List contexts; * is the one in use')
    .action(
      act<[], object>(run, async ({ world, output }) => {
        const { current, contexts: known } = await readContexts(world);
        const rows = Object.entries(known).map(([name, context]) => ({
          name,
          ...context,
          isCurrent: name === current,
        }));
        output.many(
          'context',
          rows,
          [
            { title: ' ', text: ({ isCurrent }) => (isCurrent ? '*' : ' '), style: () => 'green' },
            { title: 'CONTEXT', text: ({ name }) => name },
            { title: 'ADDRESS', text: ({ url }) => url },
            { title: 'TOKEN FILE', text: ({ tokenFile }) => tokenFile ?? '–' },
          ],
          'There is no context yet: sallyport contexts add NAME URL',
        );
      }),
    );
  contexts
    .command('add')
    .description('Add a context, or change its address, and use it')
    .argument('<name>', 'What to call it')
    .argument('<url>', 'Address of its control plane')
    .action(
      act<[string, string], object>(run, async ({ world, output, options }, { args: [name, address] }) => {
        const known = await readContexts(world);
        const context: Context = {
          url: checkedUrl(address),
          ...(options.tokenFile !== undefined && { tokenFile: options.tokenFile }),
        };
        await writeContexts(world, {
          ...known,
          current: nameOf(name),
          contexts: { ...known.contexts, [name]: context },
        });
        output.one('context', { name, ...context, isCurrent: true }, () => [`Using ${name}: ${context.url}`]);
      }),
    );
  contexts
    .command('use')
    .description('Use a context from now on')
    .argument('<name>', 'Which')
    .action(
      act<[string], object>(run, async ({ world, output }, { args: [name] }) => {
        const known = await readContexts(world);
        const context = known.contexts[name];
        if (context === undefined) throw noContext(name, Object.keys(known.contexts));
        await writeContexts(world, { ...known, current: name });
        output.one('context', { name, ...context, isCurrent: true }, () => [`Using ${name}: ${context.url}`]);
      }),
    );
  contexts
    .command('remove')
    .description('Forget a context')
    .argument('<name>', 'Which')
    .action(
      act<[string], object>(run, async ({ world, output }, { args: [name] }) => {
        const known = await readContexts(world);
        const { [name]: removed, ...others } = known.contexts;
        if (removed === undefined) throw noContext(name, Object.keys(others));
        const current = known.current === name ? null : known.current;
        await writeContexts(world, { ...known, current, contexts: others });
        output.one('context-removed', { name }, () => [`Forgot ${name}.`]);
      }),
    );
}

function nameOf(name: string): string {
  const read = ContextName.safeParse(name);
  if (read.success) return read.data;
  throw new CliError(EXIT.invalid, `"${name}" is no name of a context.`, [read.error.issues[0]?.message ?? '']);
}

const noContext = (name: string, known: readonly string[]): CliError =>
  new CliError(EXIT.invalid, `There is no context "${name}".`, [
    known.length === 0 ? 'There is none yet: sallyport contexts add NAME URL' : `There are: ${known.join(', ')}.`,
  ]);
