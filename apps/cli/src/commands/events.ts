import type { AdminClient } from '@sallyport/admin-api';
import type { StoredEvent } from '@sallyport/admin-api/events';
import type { Command } from 'commander';
import { act, type Context, type Run } from '../context.js';
import { followTrail } from '../events/follow-trail.js';
import { clockMoment } from '../terminal/moment.js';
import { printable } from '../terminal/printable.js';
import type { Style } from '../terminal/paint.js';
import type { Column } from '../terminal/table.js';
import { commandGroup } from './command-group.js';
import { addStatsCommand } from './event-stats.js';
import { addExportCommand } from './event-exports.js';
import { filtered, filterOf, type FilterOptions } from './event-filters.js';
import { limitOption } from './options.js';

export function addEventCommands(program: Command, run: Run): void {
  const events = commandGroup(program, 'events', 'The trail: who did what, and what was decided');
  filtered(events.command('list', { isDefault: true }))
    .description('List events, the newest last')
    .addOption(limitOption())
    .action(
      act<[], FilterOptions & { limit: string }>(run, async ({ client, output, world }, { options }) => {
        const { events: found } = await (
          await client()
        ).listEvents({ query: { ...filterOf(options, world.now()), limit: options.limit } });
        output.many('event', found.toReversed(), columnsAt(world.now()), 'No such event is in the trail.');
      }),
    );
  filtered(events.command('tail'))
    .description('Print the last events, and then each as it arrives, until Ctrl-C')
    .addOption(limitOption().default('10'))
    .action(
      act<[], FilterOptions & { limit: string }>(run, async (context, { options }) => {
        const api = await context.client();
        const query = filterOf(options, context.world.now());
        const last = await api.listEvents({ query: { ...query, limit: options.limit } });
        for (const event of last.events.toReversed()) print(context, event);
        const from = last.events[0]?.sequence ?? (await newest(api));
        for await (const event of followTrail(context, query, from)) print(context, event);
      }),
    );
  addStatsCommand(events, run);
  addExportCommand(events, run);
}

async function newest(api: AdminClient): Promise<number> {
  const { events } = await api.listEvents({ query: { limit: '1' } });
  return events[0]?.sequence ?? 0;
}

/** One line: widths are fixed, because what comes next is not known. */
function print({ output, world }: Context, event: StoredEvent): void {
  output.one('event', event, () => {
    const cells = columnsAt(world.now()).map(({ text }) => printable(text(event)));
    const [at = '', type = '', ...rest] = cells;
    return [[output.paint('dim', at), output.paint(styleOf(event), type.padEnd(24)), ...rest].join('  ')];
  });
}

const columnsAt = (now: number): readonly Column<StoredEvent>[] => [
  { title: 'AT (UTC)', text: ({ at }) => clockMoment(at, now), style: () => 'dim' },
  { title: 'EVENT', text: ({ type }) => type, style: (event) => styleOf(event) },
  { title: 'USER', text: ({ userName, userId }) => userName ?? userId ?? '–', least: 8 },
  { title: 'AGENT', text: ({ agentName, clientId }) => agentName ?? clientId ?? '–', least: 12 },
  { title: 'SERVER', text: ({ serverTitle, server }) => serverTitle ?? server ?? '–' },
  { title: 'WHAT', text: whatOf, least: 32 },
];

function styleOf({ outcome }: StoredEvent): Style | undefined {
  return outcome === 'denied' || outcome === 'failure' ? 'red' : undefined;
}

/** The members of the detail that say most, in the order in which they are asked for. */
const TELLING = ['target', 'decision', 'status', 'outcome', 'reason', 'policy', 'document', 'error', 'ofWriter'];

function whatOf({ detail, tool, account, errorClass }: StoredEvent): string {
  const members = TELLING.map((name) => detail[name]);
  const wrong = detail['reason'] === undefined ? errorClass : undefined;
  const said = [detail['method'], tool, ...members, wrong, account && `as ${account}`];
  const telling = said.filter((word) => typeof word === 'string');
  if (telling.length > 0) return telling.join(' ');
  return Object.entries(detail)
    .filter(([, value]) => value !== null && typeof value !== 'object')
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ');
}
