import { isJsonObject, isResponseTo, reasonOf } from '@sallyport/mcp-relay';
import type { RelayAnswer, RequestId, ServerMessage } from '@sallyport/mcp-relay';
import type { ServerRequest } from './forward.js';

/** A request that is about to be sent to a server. */
export interface ServerAsked {
  readonly server: string;
  readonly credentialProvider: string;
  /** When its credential was leased, in seconds since the epoch. */
  readonly leasedAt: number;
  readonly url: URL;
  readonly request: ServerRequest;
}

/** How it went: nothing is said of a request that went well. */
export interface ServerEnd {
  /** `error.type`: the code of an error, `tool_error`, or why there is no answer. */
  readonly errorType?: string;
  /** Of a JSON-RPC error. */
  readonly errorCode?: number;
}

/** Somebody who is told of one request to a server. */
export interface AskedServer {
  /** What the server is told of the trace it is asked in. */
  readonly traceparent?: string | undefined;
  /** Called when the response is there, or will not come; once. */
  ended(end: ServerEnd): void;
}

/** Told of each request to a server, before it is sent. Must not throw. */
export type ObserveServer = (asked: ServerAsked) => AskedServer;

/** Tells several of each request. The last that names a trace has its say. */
export function tellAll(observers: readonly ObserveServer[]): ObserveServer | undefined {
  const [only, ...others] = observers;
  if (only === undefined || others.length === 0) return only;
  return (asked) => {
    const told = observers.map((observe) => observe(asked));
    return {
      traceparent: told.findLast(({ traceparent }) => traceparent !== undefined)?.traceparent,
      ended: (end) => {
        for (const one of told) one.ended(end);
      },
    };
  };
}

/** The same answer, of which the observer is told when the response is in it. */
export function observedAnswer(asked: AskedServer, id: RequestId, answer: RelayAnswer): RelayAnswer {
  switch (answer.type) {
    case 'message':
      asked.ended(endOf(answer.message));
      return answer;
    case 'stream':
      return { ...answer, messages: observedMessages(asked, id, answer.messages) };
    case 'failed':
      asked.ended({ errorType: answer.reason });
      return answer;
    case 'credential-rejected':
      asked.ended({ errorType: answer.type });
      return answer;
    case 'accepted':
      asked.ended({});
      return answer;
  }
}

function observedMessages(
  asked: AskedServer,
  id: RequestId,
  messages: AsyncIterable<ServerMessage>,
): AsyncIterable<ServerMessage> {
  return {
    [Symbol.asyncIterator]() {
      const iterator = messages[Symbol.asyncIterator]();
      let isOver = false;
      const ended = (end: ServerEnd): void => {
        if (!isOver) asked.ended(end);
        isOver = true;
      };
      return {
        async next() {
          try {
            const next = await iterator.next();
            if (next.done === true) ended({ errorType: 'interrupted' });
            else if (isResponseTo(next.value, id)) ended(endOf(next.value));
            return next;
          } catch (error) {
            ended({ errorType: reasonOf(error) });
            throw error;
          }
        },
        async return(value?: unknown) {
          ended({ errorType: 'abandoned' });
          return (await iterator.return?.(value)) ?? { done: true, value: undefined };
        },
      };
    },
  };
}

function endOf({ value: { error, result } }: ServerMessage): ServerEnd {
  if (isJsonObject(error) && typeof error['code'] === 'number')
    return { errorType: String(error['code']), errorCode: error['code'] };
  return isJsonObject(result) && result['isError'] === true ? { errorType: 'tool_error' } : {};
}
