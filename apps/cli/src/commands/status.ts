import type { Answered } from '@sallyport/admin-api';
import type { Command } from 'commander';
import { act, type Run } from '../context.js';
import { relativeMoment } from '../terminal/moment.js';
import type { Style } from '../terminal/paint.js';
import type { Column } from '../terminal/table.js';

type Status = Answered<'readStatus'>;
type Replica = Status['replicas'][number];

export function addStatusCommand(program: Command, run: Run): void {
  program
    .command('status')
    .description('Show what is in force, and how every process is')
    .action(
      act<[], object>(run, async ({ client, target, output, world }) => {
        const { url, origin } = await target();
        const status = await (await client()).readStatus();
        const paint = (one: Line) => output.paint(one.isBad ? 'red' : undefined, one.state);
        output.one('status', status, () => [
          `${output.paint('bold', url)}  ${output.paint('dim', `(${origin}, version ${status.version})`)}`,
          '',
          ...linesOf(status, world.now()).map((line) => `${output.paint('dim', line.what.padEnd(14))}${paint(line)}`),
          '',
          ...output.table(status.replicas, columns(world.now())),
          ...faultsOf(status.replicas).map((fault) => output.paint('yellow', fault)),
        ]);
      }),
    );
}

interface Line {
  readonly what: string;
  readonly state: string;
  readonly isBad: boolean;
}

function linesOf(status: Status, now: number): Line[] {
  const { configuration, database, bus, queue, events } = status;
  const took = database.answeredInMs === null ? '' : `, answers in ${database.answeredInMs} ms`;
  const waiting = events.waiting === 0 ? '' : `, ${events.waiting} batches wait`;
  const lag = events.lagMs === null ? '' : `, ${(events.lagMs / 1_000).toFixed(1)} s behind`;
  return [
    {
      what: 'configuration',
      state: configuration === null ? 'unknown: the database does not say' : `revision ${configuration.revision}`,
      isBad: configuration === null,
    },
    { what: 'database', state: reached(database.isReachable) + took, isBad: !database.isReachable },
    { what: 'bus', state: `${reached(bus.isReachable)}, ${bus.kind}`, isBad: !bus.isReachable },
    {
      what: 'queue',
      state: queue.isReachable === null ? 'nobody said lately' : reached(queue.isReachable),
      isBad: queue.isReachable === false,
    },
    {
      what: 'events',
      state: (events.isStoring ? 'stored' : 'not stored') + waiting + lag,
      isBad: !events.isStoring,
    },
    ...status.signingKeys.map(({ purpose, kid, signsFrom }) => ({
      what: 'signs with',
      state: `${kid} for ${purpose}, since ${relativeMoment(signsFrom, now)}`,
      isBad: false,
    })),
  ];
}

const reached = (isReachable: boolean): string => (isReachable ? 'reachable' : 'not reachable');

const STYLES: Readonly<Record<string, Style>> = {
  ready: 'green',
  degraded: 'yellow',
  'not-ready': 'red',
  silent: 'red',
};

const stateOf = ({ isSilent, readiness }: Replica): string => (isSilent ? 'silent' : readiness.status);

const columns = (now: number): readonly Column<Replica>[] => [
  { title: 'PROCESS', text: ({ service }) => service },
  { title: 'REPLICA', text: ({ replica, worker }) => (worker === null ? replica : `${replica} (worker ${worker})`) },
  { title: 'STATE', text: stateOf, style: (replica) => STYLES[stateOf(replica)] },
  {
    title: 'REVISION',
    text: ({ configuration, isBehind }) =>
      configuration === null ? 'none yet' : `${configuration.revision}${isBehind ? ' (behind)' : ''}`,
    style: ({ isBehind }) => (isBehind ? 'yellow' : undefined),
  },
  { title: 'VERSION', text: ({ version }) => version },
  { title: 'STARTED', text: ({ startedAt }) => relativeMoment(startedAt, now) },
  { title: 'HEARD', text: ({ heardAt }) => relativeMoment(heardAt, now) },
];

const faultsOf = (replicas: readonly Replica[]): string[] =>
  replicas.flatMap(({ replica, readiness, faults }) =>
    [...new Set([...readiness.reasons, ...faults])].map((fault) => `  ${replica}: ${fault}`),
  );
