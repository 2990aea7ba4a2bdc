import { AdminApiError } from '@sallyport/admin-api';
import { serverSentEvents, type ServerSentEvent, type StoredEvent } from '@sallyport/admin-api/events';
import { setTimeout as wait } from 'node:timers/promises';
import { CliError } from '../cli-error.js';
import type { filterOf } from '../commands/event-filters.js';
import type { Context } from '../context.js';

/** A control plane says every ten seconds that it is alive. */
const IDLE_MS = 30_000;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 15_000;

/**
 * Each event after `after` as it arrives, once and in order, over connections that break and control planes that end.
 * Ends only when whoever asks may not any more, or nobody was there at the beginning.
 */
export async function* followTrail(
  context: Pick<Context, 'stream' | 'world' | 'output'>,
  query: ReturnType<typeof filterOf>,
  after: number,
): AsyncGenerator<StoredEvent, never> {
  const { world, output } = context;
  let [last, pauseMs, hasBegun] = [String(after), FIRST_PAUSE_MS, false];
  for (;;) {
    try {
      for await (const { id, data } of eventsAfter(context, query, last)) {
        [hasBegun, pauseMs] = [true, FIRST_PAUSE_MS];
        if (data !== '') yield JSON.parse(data) as StoredEvent;
        last = id ?? last;
      }
    } catch (error) {
      if (world.signal.aborted || !hasBegun || !isPassing(error)) throw error;
      output.progress('The trail is out of reach; it goes on where it was.');
    }
    await wait(pauseMs, undefined, { signal: world.signal });
    pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
  }
}

async function* eventsAfter(
  { stream, world }: Pick<Context, 'stream' | 'world'>,
  query: ReturnType<typeof filterOf>,
  last: string,
): AsyncGenerator<ServerSentEvent, void> {
  const opened = await stream(
    'listEvents',
    { query },
    { accept: 'text/event-stream', lastEventId: last, signal: world.signal },
  );
  for await (const event of serverSentEvents(opened, IDLE_MS)) {
    if (event.event === 'end') return;
    yield event;
  }
}

/** Nobody answers, or not now; a stream that breaks is no answer of the API either. */
function isPassing(error: unknown): boolean {
  if (error instanceof AdminApiError) return error.status === 503;
  return !(error instanceof CliError);
}
