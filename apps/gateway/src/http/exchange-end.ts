import type { ServerResponse } from 'node:http';
import type { Clock } from '@sallyport/kernel';
import type { ExchangeBytes, ExchangeEnd, HandledExchange } from '../protocol/exchange.js';
import { writeAnswer } from './write-answer.js';

/** When a request arrived and from where: what its record says beside what the path found out. */
export class Arrival {
  readonly sourceIp: string;
  readonly #receivedAt: number;
  readonly #startedAt: number;

  /** @param startedAt by the clock of `performance.now()` */
  constructor(clock: Clock, startedAt: number, sourceIp: string) {
    this.#startedAt = startedAt;
    this.#receivedAt = clock() - Math.round(performance.now() - startedAt);
    this.sourceIp = sourceIp;
  }

  /** The end of its exchange, now. */
  endedWith(httpStatus: number, responseBytes?: number): ExchangeEnd {
    return {
      receivedAt: this.#receivedAt,
      durationMs: Math.round((performance.now() - this.#startedAt) * 1000) / 1000,
      httpStatus,
      responseBytes,
      address: this.sourceIp,
    };
  }
}

/** Writes the answer to an exchange, and records it before its last byte leaves (R74). Does not reject. */
export async function endExchange(
  handled: HandledExchange,
  response: ServerResponse,
  arrival: Arrival,
  { bytes, isGone }: { readonly bytes: ExchangeBytes; readonly isGone: () => boolean },
): Promise<void> {
  const { answer } = handled;
  const record = (bytes?: number) => handled.record(arrival.endedWith(answer.status, bytes));
  try {
    if (!isGone() && (await writeAnswer(answer, response, record, { bytes }))) return;
  } catch (error) {
    handled.brokeOff(error); // a stream that breaks breaks nothing else: nobody waits for this function
  }
  handled.notDelivered();
  await record();
  // Nothing has left: a connection that closes without a byte makes HTTP clients send the call again.
  if (response.headersSent || !(await writeAnswer(handled.internalError(), response, record, { bytes })))
    response.destroy();
}
