import type { CallStat } from '@sallyport/admin-api/events';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { act, type Run } from '../context.js';
import { clockMoment } from '../terminal/moment.js';
import type { Column } from '../terminal/table.js';
import { checkedMoment, momentOf } from './event-filters.js';

interface StatsOptions {
  readonly since: string;
  readonly until: string;
  readonly by?: 'agent' | 'server' | 'tool' | 'outcome';
  readonly step?: '1m' | '5m' | '15m' | '1h' | '1d';
  readonly limit: string;
  readonly agent?: string;
  readonly server?: string;
  readonly tool?: string;
  readonly outcome?: 'success' | 'failure' | 'denied' | 'pending';
}

export function addStatsCommand(events: Command, run: Run): void {
  events
    .command('stats')
    .description('Count calls: how many, what came of them, and how long they took')
    .addOption(new Option('--since <moment>', 'Ended since then').default('24h').argParser(checkedMoment))
    .addOption(new Option('--until <moment>', 'Ended before then').default('now').argParser(checkedMoment))
    .addOption(new Option('--by <what>', 'A line for each of these').choices(['agent', 'server', 'tool', 'outcome']))
    .addOption(new Option('--step <time>', 'A line for each step of time').choices(['1m', '5m', '15m', '1h', '1d']))
    .option('--agent <clientId>', 'Of one agent')
    .option('--server <name>', 'At one server')
    .option('--tool <name>', 'Of one tool, as the server names it')
    .addOption(
      new Option('--outcome <outcome>', 'What came of it').choices(['success', 'failure', 'denied', 'pending']),
    )
    .addOption(
      new Option('--limit <number>', 'How many agents, servers or tools, up to 100').default('20').argParser(groups),
    )
    .action(
      act<[], StatsOptions>(run, async ({ client, output, world }, { options }) => {
        const { since, until, agent: clientId, ...rest } = options;
        const [from = '', to = ''] = [momentOf(since, world.now()), momentOf(until, world.now())];
        const { stats, isCut } = await (await client()).readCallStats({ query: { ...rest, clientId, from, to } });
        output.many('call-stat', stats, columnsOf(options, world.now()), 'No call ended in this time.');
        if (isCut) output.note(`There are more. These are the ${rest.limit} with the most calls (--limit).`);
      }),
    );
}

function groups(text: string): string {
  if (/^\d{1,3}$/.test(text) && Number(text) >= 1 && Number(text) <= 100) return text;
  throw new InvalidArgumentError('It is a number from 1 to 100.');
}

const GROUPS: Readonly<Record<NonNullable<StatsOptions['by']>, readonly Column<CallStat>[]>> = {
  agent: [{ title: 'AGENT', text: ({ clientId }) => nameOf(clientId), least: 16 }],
  server: [{ title: 'SERVER', text: ({ server }) => nameOf(server) }],
  tool: [
    { title: 'SERVER', text: ({ server }) => nameOf(server) },
    { title: 'TOOL', text: ({ tool }) => nameOf(tool), least: 16 },
  ],
  outcome: [{ title: 'OUTCOME', text: ({ outcome }) => nameOf(outcome) }],
};
const nameOf = (name = ''): string => (name === '*' ? '(others)' : name);

function columnsOf({ by, step }: StatsOptions, now: number): readonly Column<CallStat>[] {
  return [
    ...(step === undefined
      ? []
      : [{ title: 'FROM (UTC)', text: ({ at = '' }: CallStat) => clockMoment(Date.parse(at), now) }]),
    ...(by === undefined ? [] : GROUPS[by]),
    number('CALLS', ({ calls }) => String(calls)),
    number('PER SECOND', ({ perSecond }) => perSecond.toFixed(perSecond < 10 ? 2 : 0)),
    {
      ...number('FAILED', (stat) => part(stat.failures, stat)),
      style: ({ failures }) => (failures > 0 ? 'red' : undefined),
    },
    number('DENIED', (stat) => part(stat.denied, stat)),
    number('P50', ({ p50Ms }) => latency(p50Ms)),
    number('P95', ({ p95Ms }) => latency(p95Ms)),
    number('P99', ({ p99Ms }) => latency(p99Ms)),
  ];
}

const number = (title: string, text: (stat: CallStat) => string): Column<CallStat> => ({ title, text, isRight: true });

/** `12 (0.5 %)`, or nothing for none. */
const part = (some: number, { calls }: CallStat): string =>
  some === 0 ? '–' : `${some} (${((some / calls) * 100).toFixed(1)} %)`;

const latency = (ms: number): string => (ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`);
