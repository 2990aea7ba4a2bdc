import { SallyportError, type SallyportErrorCode } from '@sallyport/kernel';
import type { RelayAnswer, RelayFailure } from './relay.js';
import type { ServerMessage } from './json-rpc.js';
import type { RunningCall } from './running-calls.js';

type Stream = Extract<RelayAnswer, { type: 'stream' }>;

/**
 * The answer to a call, with what the server says to it on its own stream in between. Before the server has begun to
 * answer, what it asks there makes the answer a stream.
 */
export async function withBeside(
  posted: Promise<RelayAnswer>,
  call: RunningCall,
  follow: (stream: Stream) => AsyncIterable<ServerMessage>,
): Promise<RelayAnswer> {
  const first = await Promise.race([posted, call.heard()]);
  if (first !== undefined && first.type !== 'stream') {
    call.leave(first.type === 'message');
    return first;
  }
  const messages = first === undefined ? messagesOf(posted, follow) : follow(first);
  const begun = first ?? {
    type: 'stream',
    status: 200,
    position: { lastEventId: undefined, retryMs: undefined },
    sessionId: undefined,
  };
  return { ...begun, messages: merged(messages[Symbol.asyncIterator](), call) };
}

async function* messagesOf(
  posted: Promise<RelayAnswer>,
  follow: (stream: Stream) => AsyncIterable<ServerMessage>,
): AsyncGenerator<ServerMessage> {
  const answer = await posted;
  if (answer.type === 'stream') yield* follow(answer);
  else if (answer.type === 'message') yield answer.message;
  else
    throw new SallyportError(
      answer.type === 'failed' ? (CODES[answer.reason] ?? 'relay_interrupted') : 'relay_interrupted',
      'The server did not answer what it asked about.',
    );
}

/** As `reasonOf` reads them. */
const CODES: Partial<Record<RelayFailure, SallyportErrorCode>> = {
  timeout: 'relay_timeout',
  'too-large': 'message_too_large',
};

async function* merged(messages: AsyncIterator<ServerMessage>, call: RunningCall): AsyncGenerator<ServerMessage> {
  let isOver = false;
  try {
    let next = messages.next();
    for (;;) {
      next.catch(() => undefined); // seen below
      const arrived = await Promise.race([next, call.heard()]);
      yield* call.take();
      if (arrived === undefined) continue;
      isOver = arrived.done === true || !('method' in arrived.value.value);
      if (arrived.done === true) return;
      yield arrived.value;
      next = messages.next();
    }
  } finally {
    call.leave(isOver);
    void messages.return?.().catch(() => undefined); // it may wait for a server that is not going to say anything
  }
}
