import { formatEvent } from '@sallyport/mcp-relay';
import { isBetweenEvents } from '../protocol/exchange.js';
import type { Answer, AnswerPiece, InboundRequest } from '../protocol/exchange.js';
import type { EndReason } from '../protocol/refusal.js';
import { Stop } from '../protocol/stop.js';

/**
 * Ends one call before it is over by itself: everything done for it stops as if the client had gone, and the client is
 * answered.
 */
export class Ending {
  /** Stopped when the call ends, whoever ends it. */
  readonly stop = new Stop();
  #reason: EndReason | undefined;

  /** @param gone of the exchange: a client that is gone ends the call as well, without an answer */
  constructor(gone: Stop) {
    gone.whenStopped(() => this.stop.stop());
  }

  /** Aborted when the call ends, whoever ends it. */
  get signal(): AbortSignal {
    return this.stop.signal;
  }

  /** Why the gateway ended it; `undefined` while it runs, and when the client went away first. */
  get reason(): EndReason | undefined {
    return this.#reason;
  }

  end(reason: EndReason): void {
    if (this.stop.isStopped) return;
    this.#reason = reason;
    this.stop.stop();
  }
}

/**
 * A call that was taken is answered, also when it is ended: a connection that closes without a byte makes HTTP clients
 * send the call again (RFC 9110 section 9.2.2). Nobody waits for the answer of a cancelled one: its stream just ends.
 */
export function answerOfEnded(reason: EndReason, headers: InboundRequest['headers'], refusal: () => Answer): Answer {
  const isStream = (headers.get('accept') ?? '').includes('text/event-stream');
  return reason === 'cancelled' && isStream
    ? { status: 200, headers: {}, body: { type: 'stream', pieces: nothing() } }
    : refusal();
}

async function* nothing(): AsyncGenerator<AnswerPiece> {
  yield { text: '', last: true };
}

/**
 * An answer that streams, and what is said when the call is ended in the middle: after a whole event, or not at all.
 */
export function endedInTime(answer: Answer, ending: Ending, answerOf: (reason: EndReason) => Answer): Answer {
  if (answer.body.type !== 'stream') return answer;
  return { ...answer, body: { type: 'stream', pieces: untilEnded(answer.body.pieces, ending, answerOf) } };
}

async function* untilEnded(
  pieces: AsyncIterable<AnswerPiece>,
  ending: Ending,
  answerOf: (reason: EndReason) => Answer,
): AsyncGenerator<AnswerPiece> {
  let isBetween = true;
  for await (const piece of pieces) {
    yield piece;
    if (piece.last) return;
    isBetween = isBetweenEvents(piece, isBetween);
  }
  if (ending.reason === undefined || !isBetween) return;
  const { body } = answerOf(ending.reason);
  if (body.type === 'stream') yield* body.pieces;
  else yield { text: body.type === 'text' ? formatEvent(body.text) : '', last: true };
}
