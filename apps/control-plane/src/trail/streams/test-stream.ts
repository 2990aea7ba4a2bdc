import { toEvents } from '@sallyport/audit';
import { newId, SallyportError, type Clock } from '@sallyport/kernel';
import type { LogSink } from '@sallyport/log-sinks';
import type { LogStream } from './log-stream.js';
import { recordOf } from './read-pending.js';

export interface StreamTest {
  readonly eventId: string;
  readonly isTaken: boolean;
  /** Why not, for programs. */
  readonly reason: string | null;
  /** What the receiver answered, or what went wrong. */
  readonly said: string;
  readonly tookMs: number;
}

/** Sends one marked event, which is in no trail, past cursor and filter, and tells what the receiver answered. */
export async function testStream(
  stream: LogStream,
  { openSink, clock, replica }: { openSink: (stream: LogStream) => Promise<LogSink>; clock: Clock; replica: string },
): Promise<StreamTest> {
  const begun = clock();
  const id = newId('evt');
  const detail = { logStream: stream.name };
  const [event] = toEvents({ v: 1, type: 'log_stream.tested', id, at: begun, replica, detail });
  if (event === undefined) throw new TypeError('a record became no event');
  const outcome = await deliverOne(openSink, stream, recordOf(event, 0n, stream.shape));
  return { eventId: id, tookMs: clock() - begun, ...outcome };
}

async function deliverOne(
  openSink: (stream: LogStream) => Promise<LogSink>,
  stream: LogStream,
  record: Parameters<LogSink['deliver']>[0][number],
): Promise<Pick<StreamTest, 'isTaken' | 'reason' | 'said'>> {
  try {
    const sink = await openSink(stream);
    try {
      const delivered = await sink.deliver([record], new AbortController().signal);
      const isTaken = delivered.type === 'taken';
      return { isTaken, reason: isTaken ? null : delivered.reason, said: delivered.said };
    } finally {
      await sink.close();
    }
  } catch (error) {
    if (!(error instanceof SallyportError)) throw error;
    return { isTaken: false, reason: error.code, said: error.message };
  }
}
