import type { Answer, AnswerPiece } from '../protocol/exchange.js';
import { formatEvent } from '@sallyport/mcp-relay';

/** A replica that sends neither pieces nor signs of life for this long is gone. */
const SILENCE_MS = 6_000;

interface Exchange {
  /** @returns false when nobody takes it any more. */
  readonly offer: (piece: AnswerPiece) => Promise<boolean>;
  readonly stop: () => void;
}

export interface ExchangeOptions {
  /** The client went away, or the replica fell silent. */
  readonly onGone: () => void;
  /** What the client hears when the replica is lost. */
  readonly orElse: () => Answer;
  readonly signal: AbortSignal;
}

/**
 * Answers on their way between replicas: those whose client is here, and those that are made here for another's client.
 */
export class RemoteExchanges {
  readonly #open = new Map<string, Exchange>();
  readonly #served = new Map<string, () => void>();
  readonly #silenceMs: number;

  constructor({ silenceMs = SILENCE_MS }: { silenceMs?: number } = {}) {
    this.#silenceMs = silenceMs;
  }

  /** The pieces another replica sends under this name, as the client takes them. */
  open(exchange: string, { onGone, orElse, signal }: ExchangeOptions): AsyncGenerator<AnswerPiece> {
    const offered: { readonly piece: AnswerPiece; readonly taken: (isTaken: boolean) => void }[] = [];
    let wake: () => void = () => undefined;
    let isOver = false;
    let heardAt = Date.now();
    // Also when nobody ever takes a piece: then only this ends the watch.
    const stop = () => {
      isOver = true;
      clearInterval(watch);
      signal.removeEventListener('abort', stop);
      this.#open.delete(exchange);
      for (const { taken } of offered.splice(0)) taken(false);
      wake();
    };
    const watch = setInterval(() => {
      if (Date.now() - heardAt > this.#silenceMs) wake();
    }, this.#silenceMs / 6).unref();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    const offer = (piece: AnswerPiece) =>
      new Promise<boolean>((taken) => {
        heardAt = Date.now();
        if (piece.text === '' && !piece.last) return taken(true);
        offered.push({ piece, taken });
        wake();
      });
    if (!isOver) this.#open.set(exchange, { offer, stop });

    const silenceMs = this.#silenceMs;
    async function* pieces(): AsyncGenerator<AnswerPiece> {
      let isComplete = false;
      try {
        for (;;) {
          const next = offered.shift();
          if (next !== undefined) {
            isComplete = next.piece.last;
            next.taken(true);
            yield next.piece;
            if (isComplete) return;
          } else if (isOver) {
            return;
          } else if (Date.now() - heardAt > silenceMs) {
            const { body } = orElse();
            yield { text: formatEvent(body.type === 'text' ? body.text : '{}'), last: true };
            return;
          } else {
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
          }
        }
      } finally {
        stop();
        if (!isComplete) onGone();
      }
    }
    return pieces();
  }

  close(exchange: string): void {
    this.#open.get(exchange)?.stop();
  }

  async take(exchange: string, piece: AnswerPiece): Promise<boolean> {
    return (await this.#open.get(exchange)?.offer(piece)) ?? false;
  }

  /**
   * An answer made here for another replica's client: `end` runs when that client is gone.
   * @returns what to call when it is over.
   */
  served(exchange: string, end: () => void): () => void {
    this.#served.set(exchange, end);
    return () => this.#served.delete(exchange);
  }

  abandon(exchange: string): boolean {
    const end = this.#served.get(exchange);
    end?.();
    return end !== undefined;
  }
}
