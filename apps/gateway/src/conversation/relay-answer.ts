import { formatEvent, isResponseTo, reasonOf } from '@sallyport/mcp-relay';
import type { LargeText, ServerMessage } from '@sallyport/mcp-relay';
import { askClient, parkQuestion, passQuestionOn } from './ask-client.js';
import type { AskUses } from './ask-client.js';
import { textAnswer } from '../protocol/exchange.js';
import type { Answer, AnswerPiece } from '../protocol/exchange.js';
import { failureDetail } from '../outbound/read-answer.js';
import { titleOf } from '../protocol/server-title.js';
import { convertResponse } from './convert-response.js';
import type { ConvertUses } from './convert-response.js';
import { relayLargeAnswer } from './relay-large-answer.js';
import { isRefusal } from '../protocol/refusal.js';
import type { Refusal } from '../protocol/refusal.js';
import { relayedNotification } from './relayed-notification.js';
import type { NotifyUses } from './relayed-notification.js';
import type { InputRequired, Outcome, Sent, ServerCall } from './server-call.js';

export interface RelayUses extends ConvertUses, AskUses, NotifyUses {}

/** A server that goes on asking is not going to answer. */
const MAX_ROUNDS = 16;

/**
 * A server's answer as the client's answer. What needs no rewriting passes as the bytes it came in; a stream is passed
 * on message by message as fast as the client takes it.
 */
export function relayAnswer(uses: RelayUses, { serverCall, answer }: Sent): Answer | Refusal {
  const outcome = saidIn(uses, serverCall, answer);
  if (Symbol.asyncIterator in outcome) return streamOf(dialogue(uses, serverCall, outcome));
  if ('text' in outcome) return textAnswer(200, outcome.text);
  return 'questions' in outcome ? streamOf(dialogue(uses, serverCall, outcome)) : outcome;
}

function saidIn(
  uses: ConvertUses,
  serverCall: ServerCall,
  answer: Sent['answer'],
): AsyncIterable<ServerMessage> | Outcome {
  const title = titleOf(serverCall.server);
  switch (answer.type) {
    case 'stream':
      return answer.messages;
    case 'failed':
      return {
        type: 'server-unavailable',
        title,
        reason: answer.reason,
        ...failureDetail(answer, serverCall.lease),
      };
    case 'accepted':
      return { type: 'server-unavailable', title, reason: 'protocol' };
    case 'message':
      return answer.message.large === undefined
        ? withRetryAfter(convertResponse(uses, serverCall, answer.message), answer)
        : only(answer.message);
  }
}

/** When to ask again, where the error says nothing else beside its words. */
function withRetryAfter(outcome: Outcome, { retryAfterSeconds }: { readonly retryAfterSeconds?: number }): Outcome {
  if (retryAfterSeconds === undefined || !isRefusal(outcome)) return outcome;
  if (outcome.type === 'server-unavailable') return { retryAfterSeconds, ...outcome };
  return outcome.type === 'server-error' && outcome.data === undefined
    ? { ...outcome, data: { retryAfterSeconds } }
    : outcome;
}

async function* only(message: ServerMessage): AsyncGenerator<ServerMessage> {
  yield message;
}

export const streamOf = (pieces: AsyncIterable<AnswerPiece>): Answer => ({
  status: 200,
  headers: {},
  body: { type: 'stream', pieces },
});

/**
 * Everything the client hears until its answer is complete; what a modern server wants to know from a legacy client is
 * asked in between.
 */
export async function* dialogue(
  uses: RelayUses,
  first: ServerCall,
  opening: AsyncIterable<ServerMessage> | InputRequired,
): AsyncGenerator<AnswerPiece> {
  let serverCall = first;
  let said: AsyncIterable<ServerMessage> | Outcome | 'gone' = opening;
  for (let round = 0; said !== 'gone';) {
    if (Symbol.asyncIterator in said) said = yield* relayMessages(uses, serverCall, said);
    else if ('questions' in said && round++ >= MAX_ROUNDS)
      said = { type: 'server-unavailable', title: titleOf(serverCall.server), reason: 'asked-for-input' };
    else if ('questions' in said) {
      const sent: Sent | Refusal | 'gone' = yield* askAndSend(uses, serverCall, said);
      if (sent !== 'gone' && !isRefusal(sent)) {
        serverCall = sent.serverCall;
        said = saidIn(uses, serverCall, sent.answer);
      } else said = sent;
    } else {
      yield { text: formatEvent('text' in said ? said.text : textOf(serverCall.refuseLate(said))), last: true };
      return;
    }
  }
}

/** Puts the server's questions to the client and brings it the answers. */
async function* askAndSend(
  uses: AskUses,
  serverCall: ServerCall,
  { questions, requestState }: InputRequired,
): AsyncGenerator<AnswerPiece, Sent | Refusal | 'gone'> {
  const asked = yield* askClient(uses, serverCall, questions);
  if (asked === 'gone' || isRefusal(asked)) return asked;
  return await serverCall.again({
    ...(questions.size > 0 ? { inputResponses: asked.responses } : {}),
    ...(requestState === undefined ? {} : { requestState }),
  });
}

/**
 * Relays what comes before the response, and converts the response. A question for a modern client ends its request,
 * while the server's stream stays parked until the retry (mcp.md). `gone`: nobody is there to hear it.
 */
async function* relayMessages(
  uses: RelayUses,
  serverCall: ServerCall,
  stream: AsyncIterable<ServerMessage>,
): AsyncGenerator<AnswerPiece, Outcome | 'gone'> {
  const { call, server, waiting } = serverCall;
  const messages = stream[Symbol.asyncIterator]();
  let isParked = false;
  try {
    for (;;) {
      const { value: message, done } = await messages.next();
      if (done === true) return { type: 'server-unavailable', title: titleOf(server), reason: 'interrupted' };
      if (isResponseTo(message, call.request.id))
        return isLarge(message)
          ? yield* relayLargeAnswer(uses, serverCall, message)
          : convertResponse(uses, serverCall, message);
      if (message.respond !== undefined && call.request.era === 'modern') {
        const asked = parkQuestion(uses, serverCall, messages, message, message.respond);
        isParked = asked !== undefined;
        if (asked !== undefined) return { text: asked };
        continue;
      }
      const text =
        message.respond === undefined
          ? relayedNotification(uses, serverCall, message)
          : passQuestionOn(uses, serverCall, message, message.respond);
      if (text !== undefined) yield { text: formatEvent(text), last: false };
    }
  } catch (error) {
    return call.inbound.disconnected.aborted
      ? 'gone'
      : { type: 'server-unavailable', title: titleOf(server), reason: reasonOf(error) };
  } finally {
    call.notes.heard();
    for (const close of waiting) close();
    if (!isParked) await messages.return?.();
  }
}

const isLarge = (message: ServerMessage): message is ServerMessage & { readonly large: LargeText } =>
  message.large !== undefined;

const textOf = (answer: Answer): string => (answer.body.type === 'text' ? answer.body.text : '{}');
