import { setTimeout as sleep } from 'node:timers/promises';
import type { RelayAnswer } from './relay.js';
import { isResponseTo } from './json-rpc.js';
import type { ServerMessage } from './json-rpc.js';

type Stream = Extract<RelayAnswer, { type: 'stream' }>;

interface Resumption {
  /** Of the request whose answer is awaited. */
  readonly id: number;
  readonly resume: (lastEventId: string) => Promise<RelayAnswer>;
  readonly signal: AbortSignal;
}

const DEFAULT_RETRY_MS = 1_000;
/** A server that wants to be asked without a pause would keep us busy with itself. */
const MIN_RETRY_MS = 100;
const MAX_RETRY_MS = 30_000;
/** A server that closes again and again without getting on is given up. */
const MAX_IDLE_RESUMPTIONS = 5;

/**
 * The messages of a stream and of what follows it until the answer to `id` was there: a server may close a stream at
 * any time to have it asked for again later, which is not the end of the call (2025-11-25, resumability). A stream that
 * cannot be resumed just ends.
 */
export async function* untilAnswered(first: Stream, { id, resume, signal }: Resumption): AsyncGenerator<ServerMessage> {
  let stream = first;
  let isAnswered = false;
  for (let idle = 0; idle <= MAX_IDLE_RESUMPTIONS; idle++) {
    for await (const message of stream.messages) {
      idle = 0;
      isAnswered ||= isResponseTo(message, id);
      yield message;
    }
    const { lastEventId, retryMs = DEFAULT_RETRY_MS } = stream.position;
    if (isAnswered || lastEventId === undefined) return;
    await sleep(Math.min(Math.max(retryMs, MIN_RETRY_MS), MAX_RETRY_MS), undefined, { signal });
    const next = await resume(lastEventId);
    if (next.type !== 'stream') return;
    next.position.lastEventId ??= lastEventId;
    next.position.retryMs ??= stream.position.retryMs;
    stream = next;
  }
}
