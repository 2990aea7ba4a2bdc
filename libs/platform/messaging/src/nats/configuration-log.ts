import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { ConfigurationLog, MessagingProblemListener, Unsubscribe } from '../ports.js';
import { NatsConfigurationFollower } from './configuration-follower.js';
import { NatsConfigurationWriter } from './configuration-writer.js';

/** The configuration log in JetStream: its writer, and whoever follows it in this process. */
export class NatsConfigurationLog implements ConfigurationLog {
  readonly #connection: NatsConnection;
  readonly #onProblem: MessagingProblemListener;
  readonly #writer: NatsConfigurationWriter;
  readonly #followers = new Set<NatsConfigurationFollower>();

  constructor({
    onProblem,
    ...writing
  }: {
    readonly connection: NatsConnection;
    readonly jetstream: JetStreamClient;
    readonly manager: JetStreamManager;
    readonly isUp: () => boolean;
    readonly onProblem: MessagingProblemListener;
  }) {
    this.#connection = writing.connection;
    this.#onProblem = onProblem;
    this.#writer = new NatsConfigurationWriter(writing);
  }

  appendChange(revision: number, jws: string): Promise<void> {
    return this.#writer.appendChange(revision, jws);
  }

  appendBase(revision: number, chunks: readonly string[]): Promise<void> {
    return this.#writer.appendBase(revision, chunks);
  }

  newest(): Promise<readonly string[]> {
    return this.#writer.newest();
  }

  heartbeat(jws: string): Promise<void> {
    return this.#writer.heartbeat(jws);
  }

  async follow(
    listener: (jws: string) => void | Promise<void>,
  ): Promise<{ restart(): Promise<void>; stop: Unsubscribe }> {
    const follower = new NatsConfigurationFollower(this.#connection, listener, this.#onProblem);
    this.#followers.add(follower);
    follower.start();
    await this.#connection.flush();
    return {
      restart: async () => follower.restart(),
      stop: async () => {
        this.#followers.delete(follower);
        follower.stop();
      },
    };
  }

  /** After a reconnect: every follower reads on. */
  catchUp(): void {
    for (const follower of this.#followers) follower.catchUp();
  }

  close(): void {
    for (const follower of this.#followers) follower.stop();
    this.#followers.clear();
  }
}
