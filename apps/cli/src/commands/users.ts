import type { Answered } from '@sallyport/admin-api';
import type { Command } from 'commander';
import { act, type Run } from '../context.js';
import { relativeMoment } from '../terminal/moment.js';
import { printable } from '../terminal/printable.js';
import type { Column } from '../terminal/table.js';
import { commandGroup } from './command-group.js';
import { limitOption } from './options.js';

type User = Answered<'readUser'>;

export function addUserCommands(program: Command, run: Run): void {
  const users = commandGroup(program, 'users', 'Users who have signed in');
  users
    .command('list', { isDefault: true })
    .description('List users, the newest first, with how many sessions and connections each has')
    .option('--provider <name>', 'Who sign in at one identity provider')
    .option('--group <name>', 'Members of one group there')
    .option('--email <address>', 'With one e-mail address')
    .addOption(limitOption())
    .action(
      act<[], { provider?: string; group?: string; email?: string; limit: string }>(
        run,
        async ({ client, output, world }, { options: { provider, group, email, limit } }) => {
          const query = { trustProvider: provider, group, email, limit };
          const { users: found, next } = await (await client()).listUsers({ query });
          output.many('user', found, columns(world.now()), 'Nobody has signed in yet.');
          if (next !== null) output.note('There are more: --limit shows up to 1000 at once.');
        },
      ),
    );
  users
    .command('show')
    .description('Show one user')
    .argument('<id>', 'The user (usr_…)')
    .action(
      act<[string], object>(run, async ({ client, output, world }, { args: [id] }) => {
        const user = await (await client()).readUser({ params: { id } });
        const now = world.now();
        output.one('user', user, () => [
          `${output.paint('bold', printable(titleOf(user)))}  ${output.paint('dim', `(${user.id})`)}`,
          `signs in at   ${printable(user.trustProvider)}, as ${printable(user.subject)}`,
          `e-mail        ${printable(user.email ?? '–')}`,
          `groups        ${printable(user.groups.join(', ') || '–')}`,
          `roles there   ${printable(user.providerRoles.join(', ') || '–')}`,
          `signed in     ${relativeMoment(user.lastSignInAt, now)}, first ${relativeMoment(user.firstSignInAt, now)}`,
          `sessions      ${user.sessions}: sallyport sessions --user ${user.id}`,
          `connections   ${user.connections}: sallyport connections --user ${user.id}`,
        ]);
      }),
    );
}

const titleOf = ({ id, name, email }: User): string => name ?? email ?? id;

const columns = (now: number): readonly Column<User>[] => [
  { title: 'USER', text: ({ id }) => id },
  { title: 'NAME', text: ({ name }) => name ?? '–', least: 8 },
  { title: 'E-MAIL', text: ({ email }) => email ?? '–', least: 8 },
  { title: 'SIGNS IN AT', text: ({ trustProvider }) => trustProvider },
  { title: 'LAST', text: ({ lastSignInAt }) => relativeMoment(lastSignInAt, now) },
  { title: 'SESSIONS', text: ({ sessions }) => String(sessions), isRight: true },
  { title: 'CONNECTIONS', text: ({ connections }) => String(connections), isRight: true },
  { title: 'GROUPS', text: ({ groups }) => groups.join(', ') || '–', least: 8 },
];
