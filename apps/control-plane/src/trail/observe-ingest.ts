import type { Clock } from '@sallyport/kernel';
import type { Metrics } from '@sallyport/telemetry';
import type { Consumed } from './consume-events.js';

/** How far the trail is behind, for whoever asks now. */
export interface IngestState {
  /** Batches that wait in the stream behind the last. */
  readonly waiting: number;
  readonly lagMs: number | null;
  /** What came last was stored. */
  readonly isStoring: boolean;
}

/**
 * How far the trail is behind: how old the oldest of the last events was when it was stored, by the clock of whoever
 * wrote it, and how many batches wait behind it. While nothing can be stored the age grows with each attempt.
 */
export function observeIngest(
  metrics: Metrics | undefined,
  clock: Clock,
): {
  /** To be told of all that was consumed. */
  readonly ingested: (consumed: Consumed) => void;
  /** To be told when another control plane takes events: nothing is behind here. */
  readonly rests: () => void;
  readonly state: () => IngestState;
} {
  let [lagSeconds, waiting] = [0, 0];
  const atRest: IngestState = { waiting: 0, lagMs: null, isStoring: true };
  let state = atRest;
  metrics?.gauge(
    'sallyport.trail.lag',
    'Seconds from the oldest event of the last batches to when they were stored, or could not be',
    () => lagSeconds,
  );
  metrics?.gauge('sallyport.trail.waiting', 'Batches of events that wait in the stream behind the last', () => waiting);
  const stored = metrics?.counter('sallyport.trail.deliveries', 'Deliveries of batches of events, by outcome');
  const counters = { stored: stored?.bind({ outcome: 'stored' }), failed: stored?.bind({ outcome: 'failed' }) };
  const ingested = ({ outcome, waiting: behind, oldestAt }: Consumed): void => {
    waiting = behind;
    if (oldestAt !== undefined) lagSeconds = Math.max(0, clock() - oldestAt) / 1000;
    const lagMs = oldestAt === undefined ? state.lagMs : Math.round(lagSeconds * 1000);
    state = { waiting, lagMs, isStoring: outcome === 'stored' };
    counters[outcome]?.add();
  };
  const rests = (): void => {
    [lagSeconds, waiting] = [0, 0];
    state = atRest;
  };
  return { ingested, rests, state: () => state };
}
