import type { Clock } from '@sallyport/kernel';
import type { Metrics } from '@sallyport/telemetry';
import type { Consumed } from './consume-events.js';

/**
 * How far the trail is behind: how old the oldest of the last events was when it was stored, by the clock of whoever
 * wrote it, and how many batches wait behind it. While nothing can be stored the age grows with each attempt.
 * @returns to be told of all that was consumed
 */
export function observeIngest(metrics: Metrics | undefined, clock: Clock): (consumed: Consumed) => void {
  let [lagSeconds, waiting] = [0, 0];
  metrics?.gauge(
    'sallyport.trail.lag',
    'Seconds from the oldest event of the last batches to when they were stored, or could not be',
    () => lagSeconds,
  );
  metrics?.gauge('sallyport.trail.waiting', 'Batches of events that wait in the stream behind the last', () => waiting);
  const stored = metrics?.counter('sallyport.trail.deliveries', 'Deliveries of batches of events, by outcome');
  const counters = { stored: stored?.bind({ outcome: 'stored' }), failed: stored?.bind({ outcome: 'failed' }) };
  return ({ outcome, waiting: behind, oldestAt }) => {
    waiting = behind;
    if (oldestAt !== undefined) lagSeconds = Math.max(0, clock() - oldestAt) / 1000;
    counters[outcome]?.add();
  };
}
