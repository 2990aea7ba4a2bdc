import { SallyportError, type Clock } from '@sallyport/kernel';
import type { Delivered, LogSink, SinkRecord } from '@sallyport/log-sinks';
import { deadLetterOf, type DeadLetter, type DeadLetters } from './dead-letters.js';
import type { LogStream } from './log-stream.js';
import { stepAfter, type Progress, type Step } from './next-step.js';
import type { PendingPage } from './read-pending.js';
import type { HeldStream, StreamCursors } from './stream-cursors.js';

export interface PumpContext {
  readonly cursors: Pick<StreamCursors, 'advance' | 'fail'>;
  readonly letters: Pick<DeadLetters, 'asked' | 'settle'>;
  readonly readPending: (
    stream: LogStream,
    from: { readonly after: bigint; readonly limits: LogSink['limits'] },
  ) => Promise<PendingPage>;
  /** @throws SallyportError where the stream's secret or folder is missing */
  readonly openSink: (stream: LogStream) => Promise<LogSink>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly onDelivered: (stream: LogStream, records: number) => void;
  readonly onProblem: (problem: StreamProblem) => void;
}

export interface StreamProblem {
  readonly stream: string;
  readonly reason: string;
  /** In our own words; what a receiver says is in no log. */
  readonly said?: string;
  /** The event that is a dead letter now; otherwise the receiver is tried again. */
  readonly deadLetter?: string;
}

/** What settles records: the cursor moves on, or dead letters go. @returns whether the stream is still ours */
type Settle = (taken: readonly SinkRecord[], dead: DeadLetter | undefined, isLast: boolean) => Promise<boolean>;

/**
 * Brings one stream to its receiver, a batch at a time, and remembers when to come again. It holds one page of events
 * in memory, and none while it waits.
 */
export class StreamPump {
  readonly #context: PumpContext;
  #progress: Progress = { failures: 0, size: Number.MAX_SAFE_INTEGER };
  #notBefore = 0;
  #gatheringSince: number | undefined;

  constructor(context: PumpContext) {
    this.#context = context;
  }

  /** Whether anything can be done now. */
  isDue({ sequence, newest, isReplayed }: HeldStream): boolean {
    return (newest > sequence || isReplayed) && this.#context.clock() >= this.#notBefore;
  }

  /** Delivers until there is no more, the receiver wants a pause, another process serves the stream, or `signal`. */
  async run(stream: LogStream, held: HeldStream, signal: AbortSignal): Promise<void> {
    let sink: LogSink;
    try {
      sink = await this.#context.openSink(stream);
    } catch (error) {
      if (!(error instanceof SallyportError)) throw error;
      const failed = { type: 'unavailable', taken: 0, reason: error.code, said: error.message } as const;
      return void (await this.#pause(stream, failed, stepAfter(failed, [], this.#progress, this.#pace(1))));
    }
    try {
      if (held.isReplayed && !(await this.#replay(stream, sink, signal))) return;
      await this.#follow(stream, sink, { held, signal });
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      await sink.close();
    }
  }

  async #replay(stream: LogStream, sink: LogSink, signal: AbortSignal): Promise<boolean> {
    const { letters } = this.#context;
    for (;;) {
      const records = await letters.asked(stream.name, sink.limits.records);
      if (records.length === 0) return true;
      const settle: Settle = async (taken, dead) => {
        await letters.settle(stream.name, taken, dead);
        return true;
      };
      if (!(await this.#deliver(records, { stream, sink, signal, settle }))) return false;
    }
  }

  async #follow(
    stream: LogStream,
    sink: LogSink,
    { held, signal }: { readonly held: HeldStream; readonly signal: AbortSignal },
  ): Promise<void> {
    const { cursors, readPending } = this.#context;
    if (this.#gathers(sink, held)) return;
    for (let after = held.sequence; ;) {
      const page = await readPending(stream, { after, limits: sink.limits });
      if (page.last === after) return;
      // What is to be gathered for longer stays where it is.
      if (!page.isFull && page.records.length > 0 && this.#gatheringSince === undefined && sink.limits.waitMs > 0)
        return void (this.#gatheringSince = this.#context.clock());
      let place = after;
      const settle: Settle = (taken, dead, isLast) => {
        const settled = taken.length + (dead === undefined ? 0 : 1);
        place = isLast ? page.last : sequenceAfter(page, place, settled);
        return cursors.advance({ stream: stream.name, sequence: place, delivered: taken.length, dead });
      };
      const isDone =
        page.records.length === 0
          ? await settle([], undefined, true)
          : await this.#deliver(page.records, { stream, sink, signal, settle });
      if (!isDone) return;
      this.#gatheringSince = undefined;
      if (!page.isFull) return;
      after = page.last;
    }
  }

  /** Whether events still gather for a batch that is worth its while. */
  #gathers({ limits }: LogSink, { sequence, newest }: HeldStream): boolean {
    if (this.#gatheringSince === undefined || newest - sequence >= BigInt(limits.records)) return false;
    return this.#context.clock() - this.#gatheringSince < limits.waitMs;
  }

  /** @returns whether all of it is settled, and the stream goes on */
  async #deliver(
    records: readonly SinkRecord[],
    to: { readonly stream: LogStream; readonly sink: LogSink; readonly signal: AbortSignal; readonly settle: Settle },
  ): Promise<boolean> {
    const { stream, sink, signal, settle } = to;
    for (let rest = records; rest.length > 0;) {
      if (signal.aborted) return false;
      const batch = rest.slice(0, this.#progress.size);
      const delivered = await sink.deliver(batch, signal);
      const step = stepAfter(delivered, batch, this.#progress, this.#pace(sink.limits.records));
      this.#progress = step.progress;
      const taken = batch.slice(0, step.taken);
      const dead = this.#deadLetterOf(batch, delivered, step);
      rest = rest.slice(taken.length + (dead === undefined ? 0 : 1));
      if (taken.length > 0 || dead !== undefined) {
        if (!(await settle(taken, dead, rest.length === 0))) return false;
        this.#context.onDelivered(stream, taken.length);
        if (dead !== undefined) this.#tell(stream, dead, dead.eventId);
      }
      if (step.waitMs > 0 && delivered.type !== 'taken') return this.#pause(stream, delivered, step);
    }
    return true;
  }

  #deadLetterOf(batch: readonly SinkRecord[], delivered: Delivered, step: Step): DeadLetter | undefined {
    const record = batch[step.taken];
    if (step.givenUpAfter === undefined || record === undefined || delivered.type === 'taken') return undefined;
    const { reason, said } = delivered;
    return deadLetterOf(record, { attempts: step.givenUpAfter, reason, said });
  }

  async #pause(stream: LogStream, { reason, said }: Exclude<Delivered, { type: 'taken' }>, step: Step): Promise<false> {
    const { cursors, clock } = this.#context;
    this.#progress = step.progress;
    this.#notBefore = clock() + step.waitMs;
    const { failures } = step.progress;
    const [failedAt, nextAttemptAt] = [new Date(clock()), new Date(this.#notBefore)];
    await cursors.fail({ stream: stream.name, failures, reason, said, failedAt, nextAttemptAt });
    if (failures === 1) this.#tell(stream, { reason, said });
    return false;
  }

  #tell({ name }: LogStream, { reason, said }: Pick<DeadLetter, 'reason' | 'said'>, deadLetter?: string): void {
    const isOurs = reason.startsWith('outbound_');
    this.#context.onProblem({
      stream: name,
      reason,
      ...(isOurs && { said }),
      ...(deadLetter !== undefined && { deadLetter }),
    });
  }

  #pace(limit: number): { readonly limit: number; readonly random: number } {
    return { limit, random: this.#context.random() };
  }
}

/** The place of a stream after so many more records of the page. */
function sequenceAfter({ records }: PendingPage, place: bigint, settled: number): bigint {
  const before = records.findIndex(({ sequence }) => sequence > place);
  return records[before + settled - 1]?.sequence ?? place;
}
