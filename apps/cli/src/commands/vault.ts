import type { Answered } from '@sallyport/admin-api';
import type { Command } from 'commander';
import { act, type Context, type Run } from '../context.js';
import { relativeMoment } from '../terminal/moment.js';
import type { Style } from '../terminal/paint.js';
import type { Column } from '../terminal/table.js';
import { commandGroup } from './command-group.js';
import { reasonOption } from './options.js';

type Rotation = Answered<'readVaultRotation'>;
type VaultKey = Rotation['keys'][number];

export function addVaultCommands(program: Command, run: Run): void {
  const vault = commandGroup(program, 'vault', 'Keys that seal stored credentials');
  vault
    .command('status', { isDefault: true })
    .description('Show the vault keys, what each sealed, and how much is left to seal anew')
    .action(act<[], object>(run, async (context) => show(context, await (await context.client()).readVaultRotation())));
  vault
    .command('rotate')
    .description('Make a vault key, and seal everything with it')
    .addOption(reasonOption())
    .action(
      act<[], { reason?: string }>(run, async (context, { options }) =>
        show(context, await (await context.client()).rotateVaultKey({ body: { reason: options.reason } })),
      ),
    );
  vault
    .command('remove')
    .description('Remove a vault key that nothing refers to')
    .argument('<key>', 'The vault key, 16 hexadecimal digits')
    .addOption(reasonOption())
    .action(
      act<[string], { reason?: string }>(run, async (context, { args: [keyId], options }) =>
        show(context, await (await context.client()).removeVaultKey({ body: { keyId, reason: options.reason } })),
      ),
    );
}

function show({ output, world }: Context, rotation: Rotation): void {
  const { keys, total, remaining, isComplete } = rotation;
  output.one('vault', rotation, () => [
    ...output.table(keys, columns(world.now())),
    '',
    isComplete
      ? `All ${total} records are sealed with the current key.`
      : `${remaining} of ${total} records are still to be sealed with the current key.`,
  ]);
}

const STYLES: Readonly<Record<string, Style>> = { sealing: 'green', next: 'cyan', retired: 'dim' };

const columns = (now: number): readonly Column<VaultKey>[] => [
  { title: 'KEY', text: ({ id }) => id },
  { title: 'STATE', text: ({ state }) => state, style: ({ state }) => STYLES[state] },
  { title: 'SEALS FROM', text: ({ sealsFrom }) => relativeMoment(sealsFrom, now) },
  { title: 'WRAPPED BY', text: ({ wrappedBy }) => wrappedBy ?? 'key file' },
  {
    title: 'RECORDS',
    text: ({ records }) =>
      Object.entries(records)
        .map(([table, count]) => `${table} ${count}`)
        .join(', ') || 'none',
    least: 8,
  },
  { title: 'REMOVABLE', text: ({ isRemovable }) => (isRemovable ? 'yes' : 'no') },
];
