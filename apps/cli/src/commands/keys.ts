import type { Answered } from '@sallyport/admin-api';
import { Option, type Command } from 'commander';
import { act, type Run } from '../context.js';
import { relativeMoment } from '../terminal/moment.js';
import type { Style } from '../terminal/paint.js';
import type { Column } from '../terminal/table.js';
import { commandGroup } from './command-group.js';
import { reasonOption } from './options.js';

type SigningKey = Answered<'listSigningKeys'>['keys'][number];
const PURPOSES = ['access-token', 'downstream-token'] as const;

export function addKeyCommands(program: Command, run: Run): void {
  const keys = commandGroup(program, 'keys', 'Keys that sign tokens: of agents, and of servers');
  keys
    .command('list', { isDefault: true })
    .description('List signing keys by purpose, the newest first')
    .option('--all', 'Also those that were withdrawn')
    .action(
      act<[], { all?: true }>(run, async ({ client, output, world }, { options }) => {
        const { keys: found } = await (await client()).listSigningKeys();
        const shown = found.filter(({ state }) => options.all === true || state !== 'withdrawn');
        output.many('signing-key', shown, columns(world.now()), 'There is no signing key.');
      }),
    );
  keys
    .command('rotate')
    .description('Make successors of signing keys now')
    .addOption(new Option('--purpose <purpose...>', 'Of which tokens; both unless said').choices(PURPOSES))
    .addOption(reasonOption())
    .action(
      act<[], { purpose?: (typeof PURPOSES)[number][]; reason?: string }>(
        run,
        async ({ client, output, world }, { options }) => {
          const { keys: made } = await (
            await client()
          ).rotateSigningKeys({ body: { purposes: options.purpose, reason: options.reason } });
          output.many('signing-key', made, columns(world.now()), 'There was nothing to make.');
        },
      ),
    );
  keys
    .command('withdraw')
    .description('Withdraw a signing key: nothing it signed is accepted any more')
    .argument('<kid>', 'The key')
    .addOption(reasonOption())
    .action(
      act<[string], { reason?: string }>(run, async ({ client, output }, { args: [kid], options }) => {
        const key = await (await client()).withdrawSigningKey({ body: { kid, reason: options.reason } });
        output.one('signing-key', key, () => [`Withdrew ${key.kid}: what it signed is refused from now on.`]);
      }),
    );
}

const STYLES: Readonly<Record<string, Style>> = { active: 'green', next: 'cyan', retiring: 'yellow', withdrawn: 'dim' };

const columns = (now: number): readonly Column<SigningKey>[] => [
  { title: 'KEY', text: ({ kid }) => kid },
  { title: 'SIGNS', text: ({ purpose }) => purpose },
  { title: 'ALGORITHM', text: ({ algorithm }) => algorithm },
  { title: 'STATE', text: ({ state }) => state, style: ({ state }) => STYLES[state] },
  { title: 'SIGNS FROM', text: ({ signsFrom }) => relativeMoment(signsFrom, now) },
  { title: 'ACCEPTED UNTIL', text: ({ withdrawnAt }) => relativeMoment(withdrawnAt, now) },
];
