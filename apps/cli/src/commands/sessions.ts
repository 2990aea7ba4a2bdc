import type { Answered } from '@sallyport/admin-api';
import type { Command } from 'commander';
import { act, type Run } from '../context.js';
import { relativeMoment } from '../terminal/moment.js';
import type { Style } from '../terminal/paint.js';
import type { Column } from '../terminal/table.js';
import { commandGroup } from './command-group.js';
import { limitOption, reasonOption } from './options.js';

type Session = Answered<'listAgentSessions'>['sessions'][number];

export function addSessionCommands(program: Command, run: Run): void {
  const sessions = commandGroup(program, 'sessions', 'Sessions of agents: who let which agent in');
  sessions
    .command('list', { isDefault: true })
    .description('List sessions, newest first')
    .option('--user <id>', 'Of one user (usr_…)')
    .option('--agent <clientId>', 'Of one agent')
    .option('--all', 'Also those that ended or were revoked')
    .addOption(limitOption())
    .action(
      act<[], { user?: string; agent?: string; all?: true; limit: string }>(
        run,
        async ({ client, output, world }, { options }) => {
          const { sessions: found, next } = await (
            await client()
          ).listAgentSessions({
            query: {
              userId: options.user,
              clientId: options.agent,
              live: options.all === true ? 'false' : 'true',
              limit: options.limit,
            },
          });
          output.many('session', found, columns(world.now()), 'No agent has a session that is live.');
          if (next !== null) output.note(`There are more: --limit shows up to 1000 at once.`);
        },
      ),
    );
  sessions
    .command('end')
    .description('End one session at once: its tokens are void, its agent has to be let in anew')
    .argument('<sid>', 'The session (ses_…)')
    .addOption(reasonOption())
    .action(
      act<[string], { reason?: string }>(run, async ({ client, output }, { args: [session], options }) => {
        const revoked = await (await client()).revoke({ body: { session, reason: options.reason } });
        output.one('revocation', revoked, () => [`Ended ${session}: in force since revision ${revoked.revision}.`]);
      }),
    );
}

const STYLES: Readonly<Record<string, Style>> = { live: 'green', ended: 'dim', revoked: 'red' };

const columns = (now: number): readonly Column<Session>[] => [
  { title: 'SESSION', text: ({ sid }) => sid },
  { title: 'AGENT', text: ({ agentName, clientId }) => agentName || clientId, least: 8 },
  { title: 'USER', text: ({ userId }) => userId },
  { title: 'STATE', text: ({ state }) => state, style: ({ state }) => STYLES[state] },
  { title: 'USED', text: ({ lastUsedAt }) => relativeMoment(lastUsedAt, now) },
  { title: 'SINCE', text: ({ createdAt }) => relativeMoment(createdAt, now) },
  { title: 'ASSURANCE', text: ({ assurance }) => assurance },
  { title: 'FROM', text: ({ lastUsedAddress, sourceAddress }) => lastUsedAddress ?? sourceAddress ?? '–' },
];
