import type { Answered } from '@sallyport/admin-api';
import type { Command } from 'commander';
import { act, type Run } from '../context.js';
import { EXIT } from '../exit-code.js';
import { relativeMoment } from '../terminal/moment.js';
import { printable } from '../terminal/printable.js';
import type { Style } from '../terminal/paint.js';
import type { Column } from '../terminal/table.js';
import { commandGroup } from './command-group.js';
import { limitOption } from './options.js';

type LogStream = Answered<'readLogStream'>;
type DeadLetter = Answered<'listDeadLetters'>['deadLetters'][number];

/** A receiver may take its time, and an indexer two minutes to acknowledge. */
const TEST_MS = 180_000;

export function addLogStreamCommands(program: Command, run: Run): void {
  const streams = commandGroup(program, 'log-stream', 'Where events of the trail are sent to');
  streams
    .command('list', { isDefault: true })
    .description('List log streams: how far each is behind, and what its receiver said')
    .action(
      act<[], object>(run, async ({ client, output, world }) => {
        const { logStreams } = await (await client()).listLogStreams();
        output.many('log-stream', logStreams, streamColumns(world.now()), 'There is no log stream.');
      }),
    );
  streams
    .command('test')
    .description('Send a marked event, and say what the receiver answered')
    .argument('<name>', 'The log stream')
    .action(
      act<[string], object>(run, async ({ client, output }, { args: [name] }) => {
        output.progress('waiting for the receiver');
        const tested = await (await client()).testLogStream({ params: { name } }, { timeoutMs: TEST_MS });
        const { isTaken, said, eventId, tookMs } = tested;
        output.one('log-stream-tested', tested, () => [
          `${isTaken ? output.paint('green', '✓ taken') : output.paint('red', '✗ not taken')} in ${tookMs} ms`,
          `  ${printable(said)}`,
          `  The event is ${eventId}, of type log_stream.tested.`,
        ]);
        return isTaken ? EXIT.done : EXIT.failed;
      }),
    );
  streams
    .command('dead-letters')
    .description('List events that the receiver refused, the latest first')
    .argument('<name>', 'The log stream')
    .addOption(limitOption())
    .action(
      act<[string], { limit: string }>(run, async ({ client, output, world }, { args: [name], options }) => {
        const { deadLetters } = await (
          await client()
        ).listDeadLetters({ params: { name }, query: { limit: options.limit } });
        output.many('dead-letter', deadLetters, letterColumns(world.now()), 'Its receiver refused nothing.');
      }),
    );
  streams
    .command('replay')
    .description('Send dead letters again: those that are named, or all')
    .argument('<name>', 'The log stream')
    .argument('[events...]', 'Ids of events')
    .action(
      act<[string, string[]], object>(run, async ({ client, output }, { args: [name, events] }) => {
        const body = events.length === 0 ? {} : { eventIds: events };
        const answer = await (await client()).replayDeadLetters({ params: { name }, body });
        output.one('log-stream-replayed', answer, () => [`${answer.replayed} dead letters are sent again.`]);
      }),
    );
}

const STATES: Readonly<Record<string, Style>> = { working: 'green', failing: 'red', new: 'cyan' };

const streamColumns = (now: number): readonly Column<LogStream>[] => [
  { title: 'NAME', text: ({ name }) => name },
  { title: 'SINK', text: ({ sink }) => sink },
  { title: 'STATE', text: ({ state }) => state, style: ({ state }) => STATES[state] },
  { title: 'BEHIND', text: ({ behind }) => String(behind), isRight: true },
  { title: 'OLDEST', text: ({ oldestWaitingAt }) => relativeMoment(oldestWaitingAt, now) },
  { title: 'DELIVERED', text: ({ delivered }) => String(delivered), isRight: true },
  {
    title: 'DEAD',
    text: ({ deadLetters }) => String(deadLetters),
    isRight: true,
    style: ({ deadLetters }) => (deadLetters > 0 ? 'yellow' : undefined),
  },
  { title: 'NEXT TRY', text: ({ nextAttemptAt }) => relativeMoment(nextAttemptAt, now) },
  { title: 'LAST ERROR', text: ({ lastError }) => lastError?.said ?? '–', least: 12 },
];

const letterColumns = (now: number): readonly Column<DeadLetter>[] => [
  { title: 'EVENT', text: ({ eventId }) => eventId },
  { title: 'TYPE', text: ({ type }) => type },
  { title: 'AT', text: ({ at }) => relativeMoment(at, now) },
  { title: 'TRIES', text: ({ attempts }) => String(attempts), isRight: true },
  { title: 'REPLAYED', text: ({ isReplayed }) => (isReplayed ? 'on its way' : 'no') },
  { title: 'WHY', text: ({ said, reason }) => said || reason, least: 12 },
];
