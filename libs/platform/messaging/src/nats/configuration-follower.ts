import { RequestError } from '@nats-io/transport-node';
import type { NatsConnection, Subscription } from '@nats-io/transport-node';
import { subjects } from '@sallyport/messages';
import { OrderedDelivery } from '../ordered-delivery.js';
import type { MessagingProblemListener } from '../ports.js';
import { readLogMessage } from './log-message.js';
import type { LogMessage, StrayMessage } from './log-message.js';
import { CONFIGURATION_SUBJECTS } from './permissions.js';

/** Changes this many entries before a base may be missing from it: another control plane wrote them meanwhile. */
const LOOK_BACK = 256;
const RETRY_MS = 1_000;
/** What is published live is heard before it is stored: when to look again. */
const LOOK_AGAIN_MS = [3, 10, 30, 100, 300];
const EVERY_ENTRY = 'sallyport.v1.configuration.>';

/**
 * Follows the stored log by sequence number. What is heard live only says that there is something to read, so nothing
 * can be missed, reordered or injected between the stream and the reader; after a lost connection it reads on from
 * where it was.
 */
export class NatsConfigurationFollower {
  readonly #connection: NatsConnection;
  readonly #onProblem: MessagingProblemListener;
  readonly #delivery: OrderedDelivery;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #incomplete = new Map<string, LogMessage[]>();
  #subscription: Subscription | undefined;
  /** Sequence of the newest entry that was read. */
  #position = 0;
  /** Entries before this sequence that belong to a base are of an older one. */
  #baseStart = 0;
  /** Changes read before the first base is complete. */
  #held: LogMessage[] | undefined = [];
  #located = false;
  #mayBeReset = false;
  #heartbeat: string | undefined;
  #nextLook: NodeJS.Timeout | undefined;
  #reading = false;
  #readAgain = false;
  #stopped = false;

  constructor(
    connection: NatsConnection,
    listener: (jws: string) => void | Promise<void>,
    onProblem: MessagingProblemListener,
  ) {
    this.#connection = connection;
    this.#onProblem = onProblem;
    this.#delivery = new OrderedDelivery(listener, (error) => {
      onProblem('listener-failed', error);
      this.#later(RETRY_MS, () => this.restart());
    });
  }

  start(): void {
    this.#subscription = this.#connection.subscribe(CONFIGURATION_SUBJECTS, {
      callback: (error, message) => {
        if (error) this.#onProblem('not-permitted', error);
        else if (message.subject === subjects.configurationHeartbeat) {
          this.#heartbeat = message.string();
          this.#read();
        } else {
          this.#read();
          this.#lookAgain(0);
        }
      },
    });
    this.#read();
  }

  /** Starts over from the newest complete base. */
  restart(): void {
    this.#located = false;
    this.#read();
  }

  /** After a reconnect: reads on, or starts over when the stream was lost and made anew. */
  catchUp(): void {
    this.#mayBeReset = true;
    this.#read();
  }

  stop(): void {
    this.#stopped = true;
    this.#subscription?.unsubscribe();
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#delivery.clear();
  }

  #later(milliseconds: number, action: () => void): NodeJS.Timeout | undefined {
    if (this.#stopped) return undefined;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, milliseconds).unref();
    this.#timers.add(timer);
    return timer;
  }

  /** Looks at growing intervals; what is heard meanwhile begins the series anew, so that a burst costs one series. */
  #lookAgain(turn: number): void {
    const delay = LOOK_AGAIN_MS[turn];
    if (this.#nextLook) {
      clearTimeout(this.#nextLook);
      this.#timers.delete(this.#nextLook);
    }
    this.#nextLook = undefined;
    if (delay === undefined) return;
    this.#nextLook = this.#later(delay, () => {
      this.#read();
      this.#lookAgain(turn + 1);
    });
  }

  /** One reader at a time; what happens meanwhile makes it look once more. */
  #read(): void {
    this.#readAgain = true;
    if (!this.#reading && !this.#stopped) void this.#readAll();
  }

  async #readAll(): Promise<void> {
    this.#reading = true;
    while (this.#readAgain && !this.#stopped) {
      this.#readAgain = false;
      const heartbeat = this.#heartbeat;
      this.#heartbeat = undefined;
      try {
        if (this.#mayBeReset) await this.#noticeReset();
        if (!this.#located) await this.#locateBase();
        await this.#readOn();
      } catch (error) {
        // No responders: the control plane has not made the stream yet.
        const isStreamMissing = error instanceof RequestError && error.isNoResponders();
        if (!isStreamMissing && !this.#stopped) this.#onProblem('catch-up-failed', error);
        this.#later(RETRY_MS, () => this.#read());
      }
      if (heartbeat !== undefined && !this.#stopped) this.#delivery.push(heartbeat, { heartbeat: true });
    }
    this.#reading = false;
  }

  async #noticeReset(): Promise<void> {
    const newest = await Promise.all(
      [subjects.configurationBase, subjects.configurationChange].map((subject) =>
        readLogMessage(this.#connection, { last_by_subj: subject }),
      ),
    );
    if (Math.max(0, ...newest.map((message) => message?.sequence ?? 0)) < this.#position) this.#located = false;
    this.#mayBeReset = false;
  }

  async #locateBase(): Promise<void> {
    const newest = await readLogMessage(this.#connection, { last_by_subj: subjects.configurationBase });
    const complete = newest !== undefined && isLastChunk(newest) ? newest.base.start : await this.#scanForBase();
    this.#located = true;
    this.#delivery.clear();
    this.#incomplete.clear();
    this.#held = [];
    this.#baseStart = complete ?? 0;
    this.#position = Math.max(0, this.#baseStart - 1 - LOOK_BACK);
  }

  /** The newest base is being written, or was never finished: the one before it counts. */
  async #scanForBase(): Promise<number | undefined> {
    let complete: number | undefined;
    for (let seq = 1; ;) {
      const message = await readLogMessage(this.#connection, { next_by_subj: subjects.configurationBase, seq });
      if (!message) return complete;
      if (isLastChunk(message)) complete = message.base.start;
      seq = message.sequence + 1;
    }
  }

  async #readOn(): Promise<void> {
    while (!this.#stopped && this.#located) {
      const message = await readLogMessage(this.#connection, { next_by_subj: EVERY_ENTRY, seq: this.#position + 1 });
      if (!message || !this.#located) return;
      this.#position = message.sequence;
      if ('stray' in message) continue;
      if (message.base) this.#takeChunk(message, message.base);
      else if (this.#held) this.#held.push(message);
      else this.#delivery.push(message.jws);
    }
  }

  #takeChunk(message: LogMessage, { id, count }: NonNullable<LogMessage['base']>): void {
    if (message.sequence < this.#baseStart) return;
    const chunks = [...(this.#incomplete.get(id) ?? []), message];
    if (chunks.length < count) {
      this.#incomplete.set(id, chunks);
      return;
    }
    this.#incomplete.clear(); // one that another base overtook will not be finished
    for (const chunk of chunks) this.#delivery.push(chunk.jws);
    if (!this.#held) return;
    for (const change of this.#held) if (change.revision > message.revision) this.#delivery.push(change.jws);
    this.#held = undefined;
  }
}

type Chunk = LogMessage & { readonly base: NonNullable<LogMessage['base']> };

function isLastChunk(message: LogMessage | StrayMessage): message is Chunk {
  return 'base' in message && message.base !== undefined && message.base.index === message.base.count - 1;
}
