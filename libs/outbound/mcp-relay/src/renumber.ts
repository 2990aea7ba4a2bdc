import { SallyportError } from '@sallyport/kernel';
import { isResponseTo, withValue } from './json-rpc.js';
import type { JsonObject, RequestId, ServerMessage } from './json-rpc.js';
import { withoutTaskTools } from './legacy-request.js';
import type { RelayAnswer } from './relay.js';

/** Answers of ours under way to one stream's server at a time. */
const MAX_ANSWERING = 16;

export interface Renumbering {
  readonly from: number;
  readonly to: RequestId;
  readonly method: string;
  /** Absent for a server without sessions: no answer of ours would find the one that asked. */
  readonly respond: ((body: JsonObject) => Promise<void>) | undefined;
  readonly mayAsk: boolean;
  readonly settle: () => void;
}

/** Ids are ours within a session, so that two callers' cannot collide; outside they are the callers' again. */
export function renumbered(
  answer: RelayAnswer,
  { from, to, method: asked, respond, mayAsk, settle }: Renumbering,
): RelayAnswer {
  if (answer.type === 'message')
    return { ...answer, message: isResponseTo(answer.message, from) ? answerTo(answer.message) : answer.message };
  return answer.type === 'stream' ? { ...answer, messages: renumberedStream(answer.messages) } : answer;

  function answerTo(message: ServerMessage): ServerMessage {
    return withId(asked === 'tools/list' ? withoutTaskTools(message) : message, to);
  }

  async function* renumberedStream(messages: AsyncIterable<ServerMessage>): AsyncGenerator<ServerMessage> {
    const answering = new Set<Promise<void>>();
    for await (const message of messages) {
      // A server that asks faster than it takes answers is not read on: what waits for it is memory.
      if (answering.size >= MAX_ANSWERING) await Promise.race(answering);
      const { id, method } = message.value;
      if (isResponseTo(message, from)) {
        settle();
        yield answerTo(message);
      } else if (method !== undefined && id !== undefined) {
        const answer = (body: JsonObject) => {
          const sent: Promise<void> | undefined = respond?.({ ...body, jsonrpc: '2.0', id }).finally(
            () => sent && answering.delete(sent),
          );
          if (sent !== undefined) answering.add(sent);
        };
        if (respond === undefined)
          throw new SallyportError(
            'asked_without_session',
            'The server asked in the middle of a call, and keeps no session in which it could be answered.',
          );
        // Whether we are there we say ourselves; without a capability there is nothing to ask for.
        if (method === 'ping') answer({ result: {} });
        else if (!mayAsk) answer({ error: { code: -32601, message: 'Method not found' } });
        else yield { ...message, respond: once(answer) };
      } else yield message;
    }
    settle();
  }
}

function once(listener: (answer: JsonObject) => void): (answer: JsonObject) => void {
  let isDone = false;
  return (answer) => {
    if (!isDone) listener(answer);
    isDone = true;
  };
}

/** The same message under another id. One that repeats keys is written anew, and goes on being known as such. */
export const withId = (message: ServerMessage, id: RequestId): ServerMessage => withValue(message, { id });
