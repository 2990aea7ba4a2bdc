import type { Answered } from '@sallyport/admin-api';
import type { Command } from 'commander';
import { act, type Run } from '../context.js';
import { relativeMoment } from '../terminal/moment.js';
import type { Column } from '../terminal/table.js';
import { commandGroup } from './command-group.js';
import { limitOption, reasonOption } from './options.js';

type Registration = Answered<'listAgentRegistrations'>['registrations'][number];

export function addAgentCommands(program: Command, run: Run): void {
  const agents = commandGroup(program, 'agents', 'Agents that registered themselves');
  agents
    .command('list', { isDefault: true })
    .description('List registrations, newest first, with how many sessions each has')
    .option('--unused', 'Only those that never got a token')
    .addOption(limitOption())
    .action(
      act<[], { unused?: true; limit: string }>(run, async ({ client, output, world }, { options }) => {
        const { registrations, next } = await (
          await client()
        ).listAgentRegistrations({
          query: { ...(options.unused === true && { used: 'false' as const }), limit: options.limit },
        });
        output.many('agent', registrations, columns(world.now()), 'No agent has registered itself.');
        if (next !== null) output.note('There are more: --limit shows up to 1000 at once.');
      }),
    );
  agents
    .command('remove')
    .description('End everything of an agent, and remove its registration')
    .argument('<clientId>', 'The agent (dcr_…)')
    .addOption(reasonOption())
    .action(
      act<[string], { reason?: string }>(run, async ({ client, output }, { args: [clientId], options }) => {
        const removed = await (
          await client()
        ).removeAgentRegistration({ params: { clientId }, query: { reason: options.reason } });
        output.one('agent-removed', removed, () => [
          `Removed ${removed.clientId}. ${removed.disconnected} connections ended with it.`,
        ]);
      }),
    );
}

const columns = (now: number): readonly Column<Registration>[] => [
  { title: 'AGENT', text: ({ clientId }) => clientId },
  { title: 'NAME', text: ({ name }) => name ?? '–', least: 8 },
  { title: 'SESSIONS', text: ({ sessions }) => String(sessions), isRight: true },
  { title: 'USED', text: ({ lastUsedAt }) => relativeMoment(lastUsedAt, now, 'never') },
  { title: 'REGISTERED', text: ({ registeredAt }) => relativeMoment(registeredAt, now) },
  { title: 'FROM', text: ({ network }) => network ?? '–' },
  { title: 'ANSWERS GO TO', text: ({ redirectHosts }) => redirectHosts.join(', '), least: 8 },
];
