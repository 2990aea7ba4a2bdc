import { createHash, randomBytes } from 'node:crypto';
import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream';
import { headers } from '@nats-io/transport-node';
import type { NatsConnection } from '@nats-io/transport-node';
import { streams, subjects } from '@sallyport/messages';
import { MessagingError } from '../errors.js';
import { epochOf } from '../epoch-of.js';
import { logHeaders, readLogMessage } from './log-message.js';
import { unavailable } from './unavailable.js';

/** The appending half of the configuration log; the control plane alone has the right to it (S26). */
export class NatsConfigurationWriter {
  readonly #connection: NatsConnection;
  readonly #jetstream: JetStreamClient;
  readonly #manager: JetStreamManager;
  readonly #isUp: () => boolean;

  constructor({
    connection,
    jetstream,
    manager,
    isUp,
  }: {
    connection: NatsConnection;
    jetstream: JetStreamClient;
    manager: JetStreamManager;
    isUp: () => boolean;
  }) {
    this.#connection = connection;
    this.#jetstream = jetstream;
    this.#manager = manager;
    this.#isUp = isUp;
  }

  async appendChange(revision: number, jws: string): Promise<void> {
    this.#checkSize(jws);
    const metadata = headers();
    metadata.set(logHeaders.revision, String(revision));
    const msgID = `change-${digest(epochOf(jws))}-${revision}`;
    await unavailable(this.#jetstream.publish(subjects.configurationChange, jws, { msgID, headers: metadata }));
  }

  /** The last chunk says where the first one is: a base whose last chunk is missing is not complete and never used. */
  async appendBase(revision: number, chunks: readonly string[]): Promise<void> {
    if (chunks.length === 0) throw new MessagingError('configuration_base_empty', 'A base has at least one chunk.');
    for (const chunk of chunks) this.#checkSize(chunk);
    const base = randomBytes(9).toString('base64url');
    let start: number | undefined;
    for (const [index, chunk] of chunks.entries()) {
      const metadata = headers();
      metadata.set(logHeaders.revision, String(revision));
      metadata.set(logHeaders.base, `${base} ${index} ${chunks.length}`);
      if (start !== undefined) metadata.set(logHeaders.baseStart, String(start));
      const { seq } = await unavailable(
        this.#jetstream.publish(subjects.configurationBase, chunk, {
          msgID: `base-${base}-${index}`,
          headers: metadata,
        }),
      );
      start ??= seq;
    }
    if (start !== undefined) await this.#forgetBefore(start);
  }

  async newest(): Promise<readonly string[]> {
    const newest = await unavailable(
      Promise.all(
        [subjects.configurationChange, subjects.configurationBase].map((subject) =>
          readLogMessage(this.#connection, { last_by_subj: subject }),
        ),
      ),
    );
    return newest.flatMap((message) => (message && 'jws' in message ? [message.jws] : []));
  }

  /** Dropped while the connection is down: sent later, in a burst, it would prove nothing. */
  async heartbeat(jws: string): Promise<void> {
    if (this.#isUp()) this.#connection.publish(subjects.configurationHeartbeat, jws);
  }

  /** Keeps what a reader that just began with an older base, or looks back from this one, still needs. */
  async #forgetBefore(start: number): Promise<void> {
    const seq = start - KEPT_BEFORE_BASE;
    if (seq > 1) await unavailable(this.#manager.streams.purge(streams.configuration, { seq }));
  }

  #checkSize(entry: string): void {
    const limit = (this.#connection.info?.max_payload ?? 1_048_576) - HEADER_ALLOWANCE;
    if (Buffer.byteLength(entry) > limit)
      throw new MessagingError(
        'configuration_entry_too_large',
        `A configuration entry has more than ${limit} bytes: send it in smaller pieces.`,
      );
  }
}

const KEPT_BEFORE_BASE = 1_000;
const HEADER_ALLOWANCE = 1_024;

const digest = (text: string) => createHash('sha256').update(text).digest('base64url').slice(0, 12);
