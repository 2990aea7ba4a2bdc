import type { LogStream } from './log-stream.js';
import { StreamPump, type PumpContext } from './pump-stream.js';
import type { HeldStream, StreamCursors } from './stream-cursors.js';

export interface ServedStreams extends PumpContext {
  readonly cursors: StreamCursors;
  /** @throws SallyportError `configuration_stale` and the like */
  readonly streams: () => ReadonlyMap<string, LogStream>;
  /** How long events are kept. */
  readonly retentionMs: number;
  readonly onError: (error: unknown) => void;
}

/** When the service ends, what is under way may be finished within this time. */
const STOP_MS = 5_000;
/** Of the retention, how old an event may become before it is said that it will be gone. */
const ALARMING = 0.75;

/**
 * Serves the log streams that no other control plane serves, each by itself: one whose receiver is slow or away holds
 * up no other (S34).
 */
export class StreamService {
  readonly #context: ServedStreams;
  readonly #pumps = new Map<string, StreamPump>();
  readonly #underWay = new Map<string, Promise<void>>();
  readonly #placed = new Set<string>();
  readonly #stopping = new AbortController();
  #held: readonly HeldStream[] = [];
  #isStopped = false;
  #round: Promise<void> | undefined;

  constructor(context: ServedStreams) {
    this.#context = context;
  }

  /** Begins with whatever is due and not under way; to be called about every second. */
  round(): Promise<void> {
    return (this.#round ??= this.#begin().finally(() => (this.#round = undefined)));
  }

  /** What this process serves, as of the last round. */
  held(): readonly HeldStream[] {
    return this.#held;
  }

  /** Streams that are so far behind that events will be removed before their receivers have them. */
  late(): readonly string[] {
    const { clock, retentionMs } = this.#context;
    return this.#held
      .filter(({ oldestAt }) => oldestAt !== null && clock() - oldestAt.getTime() > ALARMING * retentionMs)
      .map(({ stream }) => stream);
  }

  async forget(): Promise<void> {
    const { cursors, streams, clock, retentionMs } = this.#context;
    await cursors.forget([...streams().keys()], new Date(clock() - retentionMs));
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    const late = setTimeout(() => this.#stopping.abort(), STOP_MS);
    await this.#round?.catch(this.#context.onError);
    await Promise.all(this.#underWay.values());
    clearTimeout(late);
    // Otherwise another control plane waits until this one counts as dead.
    if (this.#held.length > 0) await this.#context.cursors.release().catch(this.#context.onError);
  }

  async #begin(): Promise<void> {
    if (this.#isStopped) return;
    const { cursors } = this.#context;
    const streams = this.#context.streams();
    const unplaced = [...streams.values()].filter(({ name }) => !this.#placed.has(name));
    if (unplaced.length > 0) {
      await cursors.place(unplaced);
      for (const { name } of unplaced) this.#placed.add(name);
    }
    for (const name of this.#pumps.keys()) if (!streams.has(name)) this.#pumps.delete(name);
    for (const name of this.#placed) if (!streams.has(name)) this.#placed.delete(name);
    this.#held = streams.size === 0 ? [] : await cursors.hold([...streams.keys()]);
    for (const held of this.#held) {
      const stream = streams.get(held.stream);
      if (stream !== undefined) this.#start(stream, held);
    }
  }

  #start(stream: LogStream, held: HeldStream): void {
    const { name } = stream;
    if (this.#isStopped || this.#underWay.has(name)) return;
    const pump = this.#pumps.get(name) ?? new StreamPump(this.#context);
    this.#pumps.set(name, pump);
    if (!pump.isDue(held)) return;
    const running = pump
      .run(stream, held, this.#stopping.signal)
      .catch(this.#context.onError)
      .finally(() => this.#underWay.delete(name));
    this.#underWay.set(name, running);
  }
}
