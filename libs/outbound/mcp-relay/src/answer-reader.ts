import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { mediaTypeOf } from './http-answer.js';
import type { HttpAnswer } from './http-answer.js';
import { fellSilent, noRoom } from './relay-failure.js';
import type { AnswerRoom } from './relay.js';

/** Hears of the answer to one request, once. */
export interface AnswerListener {
  /** A small answer in JSON with status 200, all of it. */
  whole(answer: Pick<HttpAnswer, 'headers'>, body: Buffer): void;
  /** Any other answer, from its head on. */
  begun(answer: HttpAnswer): void;
  /** @param statusCode where the head had come */
  failed(error: unknown, statusCode: number | undefined): void;
}

/** Bytes of a stream that wait to be read before the server has to wait. */
const READ_AHEAD = 64 * 1024;
const NOTHING = Buffer.alloc(0);

/** Of an answer that is gathered. */
export interface GatherLimits {
  /** How long the server may be silent between two pieces. */
  readonly idleTimeoutMs: number;
  /** Bytes; a larger answer becomes a stream. */
  readonly mostGathered: number;
  /** Where what is gathered counts (security rule S33). */
  readonly room: AnswerRoom | undefined;
}

/**
 * Hears an answer as undici has it, without a stream or a promise where it is small and whole (decision 0049). What
 * does not turn out so becomes a stream.
 */
export class AnswerReader implements Dispatcher.DispatchHandler {
  readonly #listener: AnswerListener;
  readonly #limits: GatherLimits;
  #controller: Dispatcher.DispatchController | undefined;
  #head: Pick<HttpAnswer, 'statusCode' | 'headers'> | undefined;
  /** While the answer is gathered. */
  #chunks: Buffer[] | undefined;
  #size = 0;
  #body: Readable | undefined;
  #silence: NodeJS.Timeout | undefined;
  #abortedFor: Error | undefined;
  #isOver = false;

  constructor(listener: AnswerListener, limits: GatherLimits) {
    this.#listener = listener;
    this.#limits = limits;
  }

  /** Ends the exchange, also at the server's side. The listener hears that it failed, unless it has heard already. */
  abort(reason: Error = new Error('Nobody wants the rest of the answer.')): void {
    this.#abortedFor = reason;
    this.#controller?.abort(reason);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#abortedFor !== undefined) controller.abort(this.#abortedFor);
  }

  onResponseStart(controller: Dispatcher.DispatchController, statusCode: number, headers: HttpAnswer['headers']): void {
    if (statusCode < 200) return;
    this.#head = { statusCode, headers };
    const isCoded = (headers['content-encoding'] ?? 'identity') !== 'identity';
    if (statusCode !== 200 || isCoded || mediaTypeOf({ headers }) !== 'application/json')
      return this.#stream(controller);
    this.#chunks = [];
    // Most answers are whole when the head is read: nothing is waited for then.
    process.nextTick(() => this.#watchSilence(controller));
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#chunks === undefined) {
      if (this.#body?.push(chunk) === false) controller.pause();
      return;
    }
    if (this.#limits.room?.take(chunk.length) === false) return controller.abort(noRoom());
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#size > this.#limits.mostGathered) this.#stream(controller);
    else this.#silence?.refresh();
  }

  onResponseEnd(): void {
    this.#isOver = true;
    if (this.#chunks === undefined) return void this.#body?.push(null);
    const [first = NOTHING, second] = this.#chunks;
    const body = second === undefined ? first : Buffer.concat(this.#chunks);
    this.#giveBack();
    if (this.#head !== undefined) this.#listener.whole(this.#head, body);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#giveBack();
    if (this.#body === undefined) this.#listener.failed(this.#abortedFor ?? error, this.#head?.statusCode);
    else this.#body.destroy(error);
  }

  /** From here on the answer is a stream, which begins with what was gathered of it. */
  #stream(controller: Dispatcher.DispatchController): void {
    const gathered = this.#chunks ?? [];
    this.#giveBack();
    const body = new Readable({
      highWaterMark: READ_AHEAD,
      read: () => controller.resume(),
      destroy: (error, done) => {
        if (!this.#isOver) this.abort(error ?? undefined);
        done(error);
      },
    });
    this.#body = body;
    for (const chunk of gathered) body.push(chunk);
    if (this.#head !== undefined) this.#listener.begun({ ...this.#head, body });
  }

  #watchSilence(controller: Dispatcher.DispatchController): void {
    if (this.#isOver || this.#chunks === undefined) return;
    this.#silence = setTimeout(() => controller.abort(fellSilent()), this.#limits.idleTimeoutMs);
  }

  /** Nothing is gathered any more: what was counts nowhere, or as what is streamed. */
  #giveBack(): void {
    clearTimeout(this.#silence);
    this.#limits.room?.give(this.#size);
    this.#size = 0;
    this.#chunks = undefined;
  }
}
