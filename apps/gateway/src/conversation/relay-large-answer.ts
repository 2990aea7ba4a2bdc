import { wholeMessage } from '@sallyport/mcp-relay';
import type { LargeText, ServerMessage } from '@sallyport/mcp-relay';
import type { AnswerPiece } from '../protocol/exchange.js';
import { titleOf } from '../protocol/server-title.js';
import { convertResponse } from './convert-response.js';
import type { ConvertUses } from './convert-response.js';
import type { Refusal } from '../protocol/refusal.js';
import type { Outcome, ServerCall } from './server-call.js';

/** What is held of one answer that cannot be passed on as it comes. */
const MAX_HELD = 16 * 1024 * 1024;

/**
 * A response too large to hold, as one event that is written while it is read: its long texts pass as they come, and
 * nothing else leaves before it was looked at and rewritten as any answer is. Whatever comes later must not change what
 * has left; where it does, the event ends in the middle, which no reader takes for an answer, and a refusal follows.
 * @returns what is left to say; `gone` when all was said
 */
export async function* relayLargeAnswer(
  uses: ConvertUses,
  serverCall: ServerCall,
  message: ServerMessage & { readonly large: LargeText },
): AsyncGenerator<AnswerPiece, Outcome | 'gone'> {
  const changed: Refusal = { type: 'server-unavailable', title: titleOf(serverCall.server), reason: 'protocol' };
  let known: ServerMessage | undefined = message;
  /** With the markers of the texts that have left. */
  let said = '';
  try {
    for (;;) {
      const outcome: Outcome = known === undefined ? changed : convertResponse(uses, serverCall, known, true);
      const end: number =
        known?.large === undefined
          ? Infinity
          : 'text' in outcome
            ? outcome.text.indexOf(`"${known.large.marker}"`, said.length) + 1
            : 0;
      if (said === '' && known !== undefined && end === 0) {
        // No answer, or one in which something that stands before the text depends on what follows it, such as a URI.
        const whole = await wholeMessage(known, MAX_HELD);
        return whole === undefined ? changed : convertResponse(uses, serverCall, whole);
      }
      if (!('text' in outcome) || end === 0 || !outcome.text.startsWith(said)) return yield* brokenOff(changed);
      const { text } = outcome;
      yield {
        text: `${said === '' ? OPENING : ''}${text.slice(said.length, end)}${end === Infinity ? '\n\n' : ''}`,
        last: end === Infinity,
      };
      if (known?.large === undefined) return 'gone';
      said = text.slice(0, end + known.large.marker.length);
      for await (const piece of serverCall.lease.redactPieces(known.large.text)) yield { text: piece, last: false };
      known = await known.large.next();
    }
  } catch (error) {
    if (said !== '') yield { text: '\n\n', last: false };
    throw error;
  } finally {
    known?.large?.cancel();
  }
}

const OPENING = 'event: message\ndata: ';

async function* brokenOff(refusal: Refusal): AsyncGenerator<AnswerPiece, Refusal> {
  yield { text: '\n\n', last: false };
  return refusal;
}
