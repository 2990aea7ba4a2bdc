import { BoundedMap } from '@sallyport/kernel';
import type { Clock } from '@sallyport/kernel';
import type { Relay, RelayAnswer, RelayRequest } from './create-relay.js';
import { isJsonObject, isResponseTo } from './json-rpc.js';
import type { JsonObject, RequestId, ServerMessage } from './json-rpc.js';
import { isSpokenLegacyVersion, legacyRequest, LEGACY_VERSION, sessionHeaders } from './legacy-request.js';
import { modernRequest } from './modern-request.js';
import type { ModernRequest } from './modern-request.js';
import { eraShownBy } from './server-era.js';
import type { ServerEra } from './server-era.js';

/** Where to, as whom, and for how long. */
export interface ChannelTarget extends Pick<RelayRequest, 'url' | 'credential' | 'idleTimeoutMs' | 'signal'> {
  /** Whom the credential stands for, its revision included: a legacy session is never shared beyond it (R34). */
  readonly identity: string;
}

/** One request to a server of whatever era, and its answer under the id it was asked with. */
export interface ServerChannel {
  request(target: ChannelTarget, request: ModernRequest): Promise<RelayAnswer>;
  /** Ends legacy sessions nobody used for a while. */
  sweep(): void;
}

interface LegacySession {
  readonly id: string | undefined;
  readonly version: string;
  readonly target: ChannelTarget;
  lastUsedAt: number;
}

const IDLE_MS = 5 * 60_000;
/** An era is asked for again now and then: servers are upgraded. */
const ERA_TTL_MS = 10 * 60_000;

export function createServerChannel({ relay, clock, limit = 5_000 }: { readonly relay: Relay; readonly clock: Clock; readonly limit?: number }): ServerChannel {
  const eras = new BoundedMap<string, { era: ServerEra; seenAt: number }>(1_000);
  const sessions = new BoundedMap<string, LegacySession>(limit);
  const opening = new Map<string, Promise<LegacySession | RelayAnswer>>();
  let lastId = 0;

  const post = (target: ChannelTarget, headers: Record<string, string>, body: string): Promise<RelayAnswer> =>
    relay.post({ url: target.url, credential: target.credential, idleTimeoutMs: target.idleTimeoutMs, signal: target.signal, headers, body });

  async function request(target: ChannelTarget, message: ModernRequest): Promise<RelayAnswer> {
    const known = eras.get(target.url.href);
    if (known?.era === 'legacy' && clock() - known.seenAt < ERA_TTL_MS) return await requestLegacy(target, message);
    const { headers, body } = modernRequest(message);
    const answer = await post(target, headers, body);
    const era = eraShownBy(answer);
    if (era !== undefined) eras.set(target.url.href, { era, seenAt: clock() });
    return era === 'legacy' ? await requestLegacy(target, message) : answer;
  }

  async function requestLegacy(target: ChannelTarget, message: ModernRequest): Promise<RelayAnswer> {
    const key = `${target.url.href} ${target.identity}`;
    for (let attempt = 0; ; attempt++) {
      const session = await openSession(key, target);
      if (!('lastUsedAt' in session)) return session;
      const id = ++lastId;
      const cancelled = () => cancel(target, session, id);
      const settle = () => target.signal.removeEventListener('abort', cancelled);
      target.signal.addEventListener('abort', cancelled, { once: true });
      const answer = await post(target, sessionHeaders(session), legacyRequest({ id, method: message.method, params: message.params, meta: message.meta }));
      if (answer.type !== 'stream') settle();
      // 404 with a session id: the server forgot it (2025-11-25, session management).
      const isForgotten = session.id !== undefined && ('status' in answer && answer.status === 404);
      if (isForgotten && attempt === 0) {
        sessions.delete(key);
        continue;
      }
      const reply = (request: ServerMessage) => void post({ ...target, signal: AbortSignal.timeout(target.idleTimeoutMs) }, sessionHeaders(session), JSON.stringify(answerTo(request)));
      return renumbered(answer, { from: id, to: message.id, reply, settle });
    }
  }

  async function openSession(key: string, target: ChannelTarget): Promise<LegacySession | RelayAnswer> {
    const known = sessions.get(key);
    if (known !== undefined) {
      known.lastUsedAt = clock();
      return known;
    }
    let pending = opening.get(key);
    if (pending === undefined) {
      pending = initialize(target).then((session) => {
        if ('lastUsedAt' in session) sessions.set(key, session);
        return session;
      }).finally(() => opening.delete(key));
      opening.set(key, pending);
    }
    return await pending;
  }

  async function initialize(caller: ChannelTarget): Promise<LegacySession | RelayAnswer> {
    // Its own signal: others may be waiting for this session.
    const target = { ...caller, signal: AbortSignal.timeout(caller.idleTimeoutMs) };
    const id = ++lastId;
    const body = legacyRequest({ id, method: 'initialize', params: { protocolVersion: LEGACY_VERSION, capabilities: {}, clientInfo: { name: 'sallyport', version: '1' } }, meta: undefined });
    const answer = await post(target, {}, body);
    const message = answer.type === 'message' ? answer.message : answer.type === 'stream' ? await firstResponse(answer.messages, id) : undefined;
    const result = message?.value['result'];
    if (!isJsonObject(result) || !isSpokenLegacyVersion(result['protocolVersion'])) {
      // Neither era is spoken there: look again next time.
      eras.delete(target.url.href);
      return answer.type === 'message' || answer.type === 'stream' || answer.type === 'accepted' ? { type: 'failed', reason: 'not-mcp' } : answer;
    }
    const session: LegacySession = { id: 'sessionId' in answer ? answer.sessionId : undefined, version: result['protocolVersion'], target: caller, lastUsedAt: clock() };
    await post(target, sessionHeaders(session), JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' }));
    return session;
  }

  /** Closing the connection does not cancel a legacy call; this does. */
  function cancel(target: ChannelTarget, session: LegacySession, requestId: number): void {
    void post({ ...target, signal: AbortSignal.timeout(5_000) }, sessionHeaders(session), JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId, reason: 'The client went away.' } }));
  }

  function sweep(): void {
    const before = clock() - IDLE_MS;
    sessions.deleteWhere((session) => {
      if (session.lastUsedAt > before) return false;
      if (session.id !== undefined) void relay.end({ url: session.target.url, credential: session.target.credential, headers: sessionHeaders(session) });
      return true;
    });
  }

  return { request, sweep };
}

/** Ids are ours within a session, so that two callers' cannot collide; outside they are the callers' again. */
function renumbered(answer: RelayAnswer, { from, to, reply, settle }: { from: number; to: RequestId; reply: (request: ServerMessage) => void; settle: () => void }): RelayAnswer {
  if (answer.type === 'message') return { ...answer, message: isResponseTo(answer.message, from) ? withId(answer.message, to) : answer.message };
  return answer.type === 'stream' ? { ...answer, messages: renumberedStream(answer.messages) } : answer;

  async function* renumberedStream(messages: AsyncIterable<ServerMessage>): AsyncGenerator<ServerMessage> {
    for await (const message of messages) {
      if (isResponseTo(message, from)) {
        settle();
        yield withId(message, to);
      } else if ('id' in message.value && 'method' in message.value) reply(message);
      else yield message;
    }
    settle();
  }
}

function withId({ value }: ServerMessage, id: RequestId): ServerMessage {
  const next = { ...value, id };
  return { json: JSON.stringify(next), value: next };
}

/** A server may ask whether we are there; everything else we declared no capability for. */
function answerTo({ value: { id, method } }: ServerMessage): JsonObject {
  return method === 'ping' ? { jsonrpc: '2.0', id, result: {} } : { jsonrpc: '2.0', id, error: { code: -32601, message: 'Method not found' } };
}

async function firstResponse(messages: AsyncIterable<ServerMessage>, id: number): Promise<ServerMessage | undefined> {
  try {
    for await (const message of messages) if (isResponseTo(message, id)) return message;
    return undefined;
  } catch {
    return undefined; // the stream broke: no session, which the caller reports
  }
}
