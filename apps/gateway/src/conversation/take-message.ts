import { noBody } from '../protocol/exchange.js';
import type { Answer } from '../protocol/exchange.js';
import type { ClientMessage } from '../protocol/client-message.js';
import type { Refusal } from '../protocol/refusal.js';
import type { Admitted } from '../call/call.js';
import type { OpenCalls } from '../call/open-calls.js';
import type { ReplicaLink } from '../replicas/replica-link.js';
import type { OpenQuestions } from './open-questions.js';

export interface TakeMessageUses {
  readonly questions: OpenQuestions;
  readonly openCalls: OpenCalls;
  readonly link: ReplicaLink;
  /** This replica's name. */
  readonly replica: string;
}

/** The replica that waits has this long to say that it heard. */
const DELIVERY_MS = 2_000;
/** To a server whose client's answer cannot be brought to it. */
const TOO_LARGE = { error: { code: -32603, message: 'The answer is too large.' } };

/**
 * What a client says without asking: a notification, or a legacy client's answer to a question of ours. An answer that
 * was not asked for, or not of this caller in this session, is accepted and dropped like any other (security rule S16).
 */
export async function takeMessage(
  uses: TakeMessageUses,
  { caller }: Admitted,
  message: Exclude<ClientMessage, { type: 'request' }>,
): Promise<Answer | Refusal> {
  const accepted: Answer = { status: 202, headers: {}, body: noBody };
  switch (message.type) {
    case 'accepted':
      return accepted;
    case 'cancelled':
      return (await cancel(uses, caller.userId, message)) ?? accepted;
    case 'answer': {
      const address =
        message.sessionId === undefined
          ? undefined
          : uses.questions.addressOf(message.id, { caller, sessionId: message.sessionId });
      if (address === undefined) return accepted;
      if (address.replica === uses.replica) uses.questions.settle(address.question, message.answer);
      else {
        const bringing = uses.link.mayBring(caller.userId, message.answer);
        if (typeof bringing === 'object') return { type: 'too-often', ...bringing };
        const reply = await uses.link.ask(
          address.replica,
          { type: 'answer', question: address.question, answer: bringing === 'may' ? message.answer : TOO_LARGE },
          DELIVERY_MS,
        );
        if (bringing === 'too-large') return { type: 'body-too-large' };
        if (reply === undefined) return { type: 'not-ready', reason: 'replica_unreachable' };
      }
      return accepted;
    }
  }
}

/** Here at once; elsewhere it may run anywhere, and whoever has it ends it. */
async function cancel(
  { openCalls, link }: TakeMessageUses,
  userId: string,
  { sessionId, requestId }: Extract<ClientMessage, { type: 'cancelled' }>,
): Promise<Refusal | undefined> {
  if (sessionId === undefined || openCalls.cancel(sessionId, requestId)) return undefined;
  const telling = link.mayTell(userId);
  if (!('tell' in telling)) return { type: 'too-often', ...telling };
  await telling.tell({ type: 'cancel', sessionId, requestId });
  return undefined;
}
