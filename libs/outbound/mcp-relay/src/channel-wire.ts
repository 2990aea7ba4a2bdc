import { isResponseTo } from './json-rpc.js';
import type { RequestId, ServerMessage } from './json-rpc.js';
import type { HearAnswer, PostedRequest, Relay, RelayAnswer } from './relay.js';
import type { ChannelTarget, DirectTarget } from './server-channel.js';

/** Posts messages through the relay, and numbers those of legacy sessions. */
export class ChannelWire {
  readonly relay: Relay;
  #lastId = 0;

  constructor(relay: Relay) {
    this.relay = relay;
  }

  /** Ours, so that two callers in one session do not collide. */
  nextId(): number {
    return ++this.#lastId;
  }

  /** @param options.id of the request whose response may be large */
  post(
    target: ChannelTarget,
    headers: Record<string, string>,
    body: string,
    { id, isHarmless = false }: { readonly id?: RequestId | undefined; readonly isHarmless?: boolean } = {},
  ): Promise<RelayAnswer> {
    return this.relay.post({
      large: id === undefined ? undefined : largeOf(target, id),
      url: target.url,
      credential: target.credential,
      idleTimeoutMs: target.idleTimeoutMs,
      mayBeSilent: target.mayBeSilent,
      maxMessageBytes: target.maxMessageBytes,
      room: target.room,
      signal: target.signal,
      headers,
      body,
      isHarmless,
    });
  }

  /** As `post`, for what can be sent at once; see `Relay.postDirectly`. */
  postDirectly(
    target: DirectTarget,
    headers: Record<string, string>,
    body: string,
    id: RequestId,
    hear: HearAnswer,
  ): PostedRequest | undefined {
    const { url, credential, idleTimeoutMs, maxMessageBytes, room, signal } = target;
    const request = { url, credential, idleTimeoutMs, maxMessageBytes, room, signal, headers, body };
    return this.relay.postDirectly({ ...request, large: largeOf(target, id) }, hear);
  }
}

export const largeOf = ({ maxLargeBytes }: Pick<ChannelTarget, 'maxLargeBytes'>, id: RequestId) =>
  maxLargeBytes === undefined ? undefined : { maxBytes: maxLargeBytes, id };

/** The response in an answer, which may be the only message or stand in a stream. */
export async function responseIn(answer: RelayAnswer, id: RequestId): Promise<ServerMessage | undefined> {
  if (answer.type === 'message') return answer.message;
  return answer.type === 'stream' ? await firstResponse(answer.messages, id) : undefined;
}

/** An answer to a harmless request that comes as a stream, read to its response. */
export async function wholeAnswer(answer: RelayAnswer, id: RequestId): Promise<RelayAnswer> {
  if (answer.type !== 'stream') return answer;
  const response = await firstResponse(answer.messages, id);
  return response === undefined
    ? { type: 'failed', reason: 'interrupted' }
    : { type: 'message', status: answer.status, message: response, sessionId: answer.sessionId };
}

async function firstResponse(
  messages: AsyncIterable<ServerMessage>,
  id: RequestId,
): Promise<ServerMessage | undefined> {
  try {
    for await (const message of messages) if (isResponseTo(message, id)) return message;
    return undefined;
  } catch {
    return undefined; // the stream broke: no session, which the caller reports
  }
}
