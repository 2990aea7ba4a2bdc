import { fitsLink } from './replica-link.js';
import { noBody } from '../http/exchange.js';
import type { Answer } from '../http/exchange.js';
import type { ClientMessage } from '../inbound/client-message.js';
import type { Refusal } from '../request-path/refusal.js';
import type { Admitted, RequestPath } from '../request-path/request-path.js';

/** The replica that waits has this long to say that it heard. */
const DELIVERY_MS = 2_000;
/** To a server whose client's answer cannot be brought to it. */
const TOO_LARGE = { error: { code: -32603, message: 'The answer is too large.' } };

/**
 * What a client says without asking: a notification, or a legacy client's answer to a question of ours. An answer that was
 * not asked for, or not of this caller in this session, is accepted and dropped like any other (security rule S16).
 */
export async function takeMessage(
  path: RequestPath,
  { caller }: Admitted,
  message: Exclude<ClientMessage, { type: 'request' }>,
): Promise<Answer | Refusal> {
  const accepted: Answer = { status: 202, headers: {}, body: noBody };
  switch (message.type) {
    case 'accepted':
      return accepted;
    case 'cancelled':
      return (await cancel(path, caller.userId, message)) ?? accepted;
    case 'answer': {
      const address =
        message.sessionId === undefined
          ? undefined
          : path.questions.addressOf(message.id, { caller, sessionId: message.sessionId });
      if (address === undefined) return accepted;
      if (address.replica === path.replica) path.questions.settle(address.question, message.answer);
      else {
        const fits = fitsLink(message.answer);
        const reply = await path.link.ask(
          address.replica,
          { type: 'answer', question: address.question, answer: fits ? message.answer : TOO_LARGE },
          DELIVERY_MS,
        );
        if (!fits) return { refused: 'body-too-large' };
        if (reply === undefined) return { refused: 'not-ready', reason: 'replica_unreachable' };
      }
      return accepted;
    }
  }
}

/** Here at once; elsewhere it may run anywhere, and whoever has it ends it. */
async function cancel(
  { openCalls, link }: RequestPath,
  userId: string,
  { sessionId, requestId }: Extract<ClientMessage, { type: 'cancelled' }>,
): Promise<Refusal | undefined> {
  if (sessionId === undefined || openCalls.cancel(sessionId, requestId)) return undefined;
  const telling = link.mayTell(userId);
  if (!('tell' in telling)) return { refused: 'too-often', ...telling };
  await telling.tell({ type: 'cancel', sessionId, requestId });
  return undefined;
}
