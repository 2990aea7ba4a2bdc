import { isJsonObject } from './json-rpc.js';
import type { ServerMessage } from './json-rpc.js';

/** One call of a session, and what the server said to it beside its own stream. */
export interface RunningCall {
  /** Resolves once something waits to be taken. */
  heard(): Promise<void>;
  take(): ServerMessage[];
  /** @param isAnswered the server will not ask on its behalf any more. */
  leave(isAnswered: boolean): void;
}

interface Running {
  readonly progressToken: unknown;
  readonly waiting: ServerMessage[];
  isGone: boolean;
  wake: () => void;
}

interface Question {
  readonly message: ServerMessage;
  readonly timer: NodeJS.Timeout;
}

/** A server may go on for a while with a call that was given up, and ask on its behalf. */
const GONE_MS = 30_000;
/** How long a question waits until it is clear which call it is of. */
const UNCLEAR_MS = 10_000;
const MAX_WAITING = 64;
const MAX_UNCLEAR = 16;

/**
 * The calls under way in one legacy session. What the server says on its own stream names none of them, so it is given
 * to a call only while there is no other it could belong to: a question waits for that a moment, and is refused to the
 * server when it stays unclear; a notification is lost. Progress belongs to whoever gave it its token.
 */
export class RunningCalls {
  readonly #running = new Set<Running>();
  readonly #unclear = new Set<Question>();

  begin(progressToken: unknown): RunningCall {
    const call: Running = { progressToken, waiting: [], isGone: false, wake: () => undefined };
    this.#running.add(call);
    const remove = () => {
      this.#running.delete(call);
      this.#settleUnclear();
    };
    return {
      heard: () => (call.waiting.length > 0 ? Promise.resolve() : new Promise((resolve) => (call.wake = resolve))),
      take: () => call.waiting.splice(0),
      leave: (isAnswered) => {
        call.isGone = true;
        for (const message of call.waiting.splice(0)) refuse(message);
        if (isAnswered) remove();
        else setTimeout(remove, GONE_MS).unref();
      },
    };
  }

  /** @param message with `respond`, if it is a question. */
  hear(message: ServerMessage): void {
    const { id, method, params } = message.value;
    if (method === 'notifications/progress') {
      const token = isJsonObject(params) ? params['progressToken'] : undefined;
      const owners = [...this.#running].filter(
        ({ progressToken }) => progressToken !== undefined && progressToken === token,
      );
      if (owners.length === 1) this.#give(message, owners[0]);
    } else if (this.#running.size < 2) this.#give(message, [...this.#running][0]);
    else if (id !== undefined && this.#unclear.size < MAX_UNCLEAR) {
      const question: Question = {
        message,
        timer: setTimeout(() => {
          this.#unclear.delete(question);
          refuse(message);
        }, UNCLEAR_MS).unref(),
      };
      this.#unclear.add(question);
    } else refuse(message);
  }

  #settleUnclear(): void {
    if (this.#running.size > 1) return;
    for (const { message, timer } of this.#unclear) {
      clearTimeout(timer);
      this.#give(message, [...this.#running][0]);
    }
    this.#unclear.clear();
  }

  #give(message: ServerMessage, call: Running | undefined): void {
    if (call === undefined || call.isGone || call.waiting.length >= MAX_WAITING) return refuse(message);
    call.waiting.push(message);
    call.wake();
  }
}

/** A notification that is nobody's is dropped. */
const refuse = ({ respond }: ServerMessage): void =>
  respond?.({ error: { code: -32601, message: 'Nobody is there to be asked.' } });
