import type { EventFilter } from '@sallyport/admin-api/events';
import type { Clock } from '@sallyport/kernel';
import { matcherOf } from '../event-filter.js';
import type { EventPage } from '../event-store.js';
import type { NewestEvents, WatchedEvent } from './newest-events.js';

/** Why a tail ends before its reader wants it to; `permitted` goes on. */
export type Standing = 'permitted' | 'not-permitted' | 'unknown';

export interface TailParts {
  readonly newest: Pick<NewestEvents, 'after' | 'whenMore' | 'last'>;
  /** Reads what is older than the window: events of the filter after `after`. */
  readonly catchUp: (filter: EventFilter, after: bigint, upTo: bigint) => Promise<EventPage>;
  /** Whether whoever reads still may. */
  readonly standing: () => Promise<Standing>;
  readonly clock: Clock;
  /** Aborted when the reader is gone, and when the service ends. */
  readonly gone: AbortSignal;
  readonly stopping: AbortSignal;
  readonly beatMs?: number;
}

/** Without anything to say, and between two looks at who reads. */
const BEAT_MS = 10_000;
const CHUNK_CHARACTERS = 64 * 1024;

/**
 * Events as a stream of server-sent events, each once and in order of arrival, from the one after `after` on. The id of
 * each is its sequence; a sign of life has one, too, so that whoever comes back goes on from there. It is read as fast
 * as its reader takes it: who is slower than the trail reads what left the window from PostgreSQL, a page at a time.
 */
export async function* tailEvents(filter: EventFilter, from: bigint, parts: TailParts): AsyncGenerator<string, void> {
  const { newest, clock, gone, stopping, beatMs = BEAT_MS } = parts;
  const matches = matcherOf(filter);
  let [after, saidAt, lookedAt] = [from, clock(), clock()];
  yield beat(after);
  while (!gone.aborted) {
    if (stopping.aborted) return yield ended('stopping');
    if (clock() - lookedAt >= beatMs) {
      const standing = await parts.standing();
      if (standing !== 'permitted') return yield ended(standing);
      lookedAt = clock();
    }
    const seen = newest.after(after);
    const page = seen
      ? pageOf(seen, matches, newest.last > after ? newest.last : after)
      : await pageOfStore(filter, after, parts);
    after = page.last;
    for (const chunk of chunksOf(page.events)) {
      yield chunk;
      saidAt = clock();
    }
    if (clock() - saidAt >= beatMs) {
      yield beat(after);
      saidAt = clock();
    }
    if (after >= newest.last) await moreOrBeat(parts, beatMs);
  }
}

interface Page {
  readonly events: readonly Pick<WatchedEvent, 'sequence' | 'text'>[];
  readonly last: bigint;
}

const pageOf = (seen: readonly WatchedEvent[], matches: ReturnType<typeof matcherOf>, last: bigint): Page => ({
  events: seen.filter(({ event }) => matches(event)),
  last,
});

async function pageOfStore(filter: EventFilter, after: bigint, { catchUp, newest }: TailParts): Promise<Page> {
  const { events, last } = await catchUp(filter, after, newest.last);
  return {
    events: events.map(({ sequence, body }) => ({
      sequence,
      text: JSON.stringify({ sequence: Number(sequence), ...body }),
    })),
    last,
  };
}

async function moreOrBeat({ newest, gone, stopping }: TailParts, beatMs: number): Promise<void> {
  const ends = new AbortController();
  const end = () => ends.abort();
  const timer = setTimeout(end, beatMs);
  const signals = [gone, stopping];
  for (const signal of signals) signal.addEventListener('abort', end);
  if (signals.some(({ aborted }) => aborted)) end();
  await newest.whenMore(ends.signal);
  clearTimeout(timer);
  for (const signal of signals) signal.removeEventListener('abort', end);
}

/** Frames together, as far as one write goes. */
function* chunksOf(events: Page['events']): Generator<string, void> {
  let chunk = '';
  for (const { sequence, text } of events) {
    chunk += `id: ${sequence}\ndata: ${text}\n\n`;
    if (chunk.length < CHUNK_CHARACTERS) continue;
    yield chunk;
    chunk = '';
  }
  if (chunk !== '') yield chunk;
}

const beat = (after: bigint): string => `: alive\nid: ${after}\n\n`;
const ended = (reason: Exclude<Standing, 'permitted'> | 'stopping'): string =>
  `event: end\ndata: ${JSON.stringify({ reason })}\n\n`;
