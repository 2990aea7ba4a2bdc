import { formatEvent, isJsonObject } from '@sallyport/mcp-relay';
import type { JsonObject, ServerMessage } from '@sallyport/mcp-relay';
import type { AnswerPiece } from '../protocol/exchange.js';
import { titleOf } from '../protocol/server-title.js';
import type { Refusal } from '../protocol/refusal.js';
import { askModernClient } from './convert-response.js';
import type { ConvertUses } from './convert-response.js';
import type { ServerCall } from './server-call.js';
import type { OnAnswer, OpenQuestions } from './open-questions.js';
import type { ParkedCalls } from './parked-calls.js';
import { readQuestion, readResultFor } from '../protocol/question.js';
import type { Asking, Question } from '../protocol/question.js';

export interface AskUses extends ConvertUses {
  readonly questions: OpenQuestions;
  readonly parkedCalls: ParkedCalls;
  /** This replica's name. */
  readonly replica: string;
}

const REFUSED = { error: { code: -32601, message: 'The user cannot be asked this.' } };
/** So many questions one call may put to its user at a time. */
const MAX_WAITING = 16;

/**
 * A legacy server's question as a request on the client's stream, under an id of ours; the server's stream goes on
 * meanwhile. One that may not be asked is refused to the server, and nothing is said to the client.
 */
export function passQuestionOn(
  uses: AskUses,
  serverCall: ServerCall,
  { value }: ServerMessage,
  respond: (answer: JsonObject) => void,
): string | undefined {
  const question = readQuestion(value['method'], value['params'], askingOf(serverCall));
  const text = question && put(uses, serverCall, question, (answer) => respond(answerFor(question, answer) ?? REFUSED));
  if (text === undefined) respond(REFUSED);
  return text;
}

const askingOf = ({ call, server, abilities }: ServerCall): Asking => ({
  server,
  abilities,
  version: call.request.version,
});

/** The key a modern client is asked under, one question at a time. */
const KEY = 'question';

/**
 * A legacy server's question to a modern client: parks the server's stream, and ends the client's request.
 * @returns the text that ends it; `undefined` when this may not be asked, which the server is told
 */
export function parkQuestion(
  uses: AskUses,
  serverCall: ServerCall,
  messages: AsyncIterator<ServerMessage>,
  { value }: ServerMessage,
  respond: (answer: JsonObject) => void,
): string | undefined {
  const { call, server, lease, waiting } = serverCall;
  const question = readQuestion(value['method'], value['params'], askingOf(serverCall));
  const isWaiting = () => undefined; // until it is answered: parking ends by itself
  const park =
    question &&
    uses.parkedCalls.park({
      serverCall,
      messages,
      answer: (responses) => {
        waiting.delete(isWaiting);
        respond({ result: responses[KEY] });
      },
    });
  if (question === undefined || park === undefined) {
    respond(REFUSED);
    return undefined;
  }
  waiting.add(isWaiting);
  return lease.redact(
    askModernClient(uses, call, server.name, new Map([[KEY, question]]), {
      kind: 'parked',
      parked: { replica: uses.replica, park },
    }),
  );
}

/** Asks all of it at once and waits for all answers, by the server's keys. `gone`: the client is. */
export async function* askClient(
  uses: AskUses,
  serverCall: ServerCall,
  questions: ReadonlyMap<string, Question>,
): AsyncGenerator<AnswerPiece, { readonly responses: JsonObject } | Refusal | 'gone'> {
  const { disconnected } = serverCall.call.inbound;
  const noAnswer: Refusal = { type: 'server-unavailable', title: titleOf(serverCall.server), reason: 'no-input' };
  const answers: Promise<readonly [string, unknown]>[] = [];
  let onAbort: () => void = () => undefined;
  const gone = new Promise<'gone'>((resolve) => {
    onAbort = () => resolve('gone');
    if (disconnected.aborted) resolve('gone');
    disconnected.addEventListener('abort', onAbort, { once: true });
  });
  try {
    for (const [key, question] of questions) {
      const { promise, resolve } = Promise.withResolvers<readonly [string, unknown]>();
      const text = put(uses, serverCall, question, (answer) => resolve([key, answerFor(question, answer)?.['result']]));
      if (text === undefined) return noAnswer;
      answers.push(promise);
      yield { text: formatEvent(text), last: false };
    }
    const answered = await Promise.race([gone, Promise.all(answers)]);
    if (answered === 'gone') return 'gone';
    return answered.some(([, result]) => result === undefined) ? noAnswer : { responses: Object.fromEntries(answered) };
  } finally {
    disconnected.removeEventListener('abort', onAbort);
    for (const close of serverCall.waiting) close();
  }
}

/** The question as a request to a legacy client, in its session; `undefined` when too many wait already. */
function put(
  { questions }: AskUses,
  { call, lease, waiting }: ServerCall,
  { method, params }: Question,
  onAnswer: OnAnswer,
): string | undefined {
  const {
    caller,
    request: { session },
  } = call;
  if (session === undefined || waiting.size >= MAX_WAITING) return undefined;
  const opened = questions.open({ caller, sessionId: session.id }, (answer) => {
    waiting.delete(close);
    onAnswer(answer);
  });
  if (opened === undefined) return undefined;
  const close = () => {
    waiting.delete(close);
    opened.close();
  };
  waiting.add(close);
  // Before 2025-11-25 there is no `elicitationId`; since then a visit has one.
  const complete =
    params['mode'] === 'url' && params['elicitationId'] === undefined
      ? { ...params, elicitationId: opened.id.slice(0, 64) }
      : params;
  return lease.redact(JSON.stringify({ jsonrpc: '2.0', id: opened.id, method, params: complete }));
}

/**
 * The client's answer as the server gets it. Nobody answering, or an answer of another form, is a user who did not
 * choose.
 */
export function answerFor({ method }: Question, answer: JsonObject | undefined): JsonObject | undefined {
  const result = answer === undefined ? undefined : readResultFor(method, answer['result']);
  if (result !== undefined) return { result };
  if (method === 'elicitation/create') return { result: { action: 'cancel' } };
  const error = answer?.['error'];
  const code = isJsonObject(error) && typeof error['code'] === 'number' ? error['code'] : -32603;
  return { error: { code, message: 'The client did not answer.' } };
}
