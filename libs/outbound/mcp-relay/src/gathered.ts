import { noRoom } from './relay-failure.js';
import type { RelayRequest } from './relay.js';

/** What is held of one answer, counted as it comes. */
export class Gathered {
  readonly #room: RelayRequest['room'];
  #isAborted = false;
  #isOver = false;
  #arrived = 0;
  #held = 0;
  /** From now on pieces are passed on as they come: the one before is gone when the next is asked for. */
  isPassing = false;

  /** @param signal once it is aborted nobody wants the answer, whether or not anybody began to read it */
  constructor({ room, signal }: Pick<RelayRequest, 'room' | 'signal'>) {
    this.#room = room;
    if (room === undefined) return;
    signal.addEventListener(
      'abort',
      () => {
        this.end();
        this.#isAborted = true;
      },
      { once: true },
    );
  }

  async *counted(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      if (this.isPassing) this.#giveArrived();
      this.#take(chunk.length);
      if (!this.#isOver) this.#arrived += chunk.length;
      yield chunk;
    }
  }

  /** Of what passes, this much stays. */
  hold(bytes: number): void {
    this.#take(bytes);
    if (!this.#isOver) this.#held += bytes;
  }

  release(): void {
    this.#giveArrived();
    this.#room?.give(this.#held);
    this.#held = 0;
    this.isPassing = false;
  }

  /** The server has said all: what is still looked at of it, a piece at most, counts no more. */
  end(): void {
    this.release();
    this.#isOver = true;
  }

  #take(bytes: number): void {
    if (this.#isOver && !this.#isAborted) return;
    if (this.#isAborted || this.#room?.take(bytes) === false) throw noRoom();
  }

  #giveArrived(): void {
    this.#room?.give(this.#arrived);
    this.#arrived = 0;
  }
}
