import type { Clock } from '@sallyport/kernel';
import type { Metrics } from '@sallyport/telemetry';
import type { LogStream } from './log-stream.js';
import type { HeldStream } from './stream-cursors.js';

/**
 * Metrics of the streams that this process serves, by stream: how old the oldest event is that a receiver does not
 * have, how many dead letters there are (counted up to 10 000), and how many events were delivered.
 */
export function observeStreams(
  metrics: Metrics | undefined,
  { held, clock }: { readonly held: () => readonly HeldStream[]; readonly clock: Clock },
): (stream: LogStream, records: number) => void {
  const delivered = metrics?.counter('sallyport.log_stream.delivered', 'Events that receivers of log streams took');
  metrics?.gauge('sallyport.log_stream.lag', 'Seconds since the oldest event that a receiver does not have', () =>
    held().map(({ stream, oldestAt }) => ({
      value: oldestAt === null ? 0 : Math.max(0, clock() - oldestAt.getTime()) / 1_000,
      attributes: { stream },
    })),
  );
  metrics?.gauge('sallyport.log_stream.dead_letters', 'Events that receivers of log streams refused', () =>
    held().map(({ stream, deadLetters }) => ({ value: deadLetters, attributes: { stream } })),
  );
  return ({ name }, records) => delivered?.bind({ stream: name }).add(records);
}
