import { BoundedMap, SallyportError } from '@sallyport/kernel';
import type { Clock } from '@sallyport/kernel';
import type { Relay, RelayAnswer, RelayRequest } from './create-relay.js';
import { isJsonObject, isResponseTo, withValue } from './json-rpc.js';
import type { JsonObject, RequestId, ServerMessage } from './json-rpc.js';
import { withBeside } from './beside-stream.js';
import { LegacyStream } from './legacy-stream.js';
import {
  isSpokenLegacyVersion,
  legacyCapabilities,
  legacyRequest,
  LEGACY_VERSION,
  sessionHeaders,
  withoutTaskTools,
} from './legacy-request.js';
import { modernRequest } from './modern-request.js';
import type { ModernRequest } from './modern-request.js';
import { RunningCalls } from './running-calls.js';
import type { RunningCall } from './running-calls.js';
import { eraShownBy } from './server-era.js';
import { untilAnswered } from './until-answered.js';
import type { ServerEra } from './server-era.js';

/** Where to, as whom, and for how long. */
export interface ChannelTarget extends Pick<
  RelayRequest,
  'url' | 'credential' | 'idleTimeoutMs' | 'mayBeSilent' | 'maxMessageBytes' | 'room' | 'signal'
> {
  /** A response may be passed on in pieces, and then be this large; see `ServerMessage.large`. */
  readonly maxLargeBytes?: number | undefined;
  /** Whom the credential stands for, its revision included: a legacy session is never shared beyond it (R34). */
  readonly identity: string;
}

/** One request to a server of whatever era, and its answer under the id it was asked with. */
export interface ServerChannel {
  /**
   * What a legacy server asks in between arrives in the stream with `respond`, when `clientCapabilities` told it that it may
   * ask at all; otherwise it is refused here.
   */
  request(target: ChannelTarget, request: ModernRequest): Promise<RelayAnswer>;
  /** Ends legacy sessions nobody used for a while. */
  sweep(): void;
}

interface LegacySession {
  readonly id: string | undefined;
  readonly version: string;
  readonly target: ChannelTarget;
  readonly capabilities: JsonObject;
  /** The server's own stream, while anybody needs it; `none` when it has none. */
  stream: LegacyStream | 'none' | undefined;
  readonly calls: RunningCalls;
  /** What it was told last; `undefined` for a server that has no logging. */
  logLevel: string | null | undefined;
  lastUsedAt: number;
}

const IDLE_MS = 5 * 60_000;
/** An era is asked for again now and then: servers are upgraded. */
const ERA_TTL_MS = 10 * 60_000;

export function createServerChannel({
  relay,
  clock,
  limit = 5_000,
}: {
  readonly relay: Relay;
  readonly clock: Clock;
  readonly limit?: number;
}): ServerChannel {
  const eras = new BoundedMap<string, { era: ServerEra; seenAt: number }>(1_000);
  const sessions = new BoundedMap<string, LegacySession>(limit);
  const opening = new Map<string, Promise<LegacySession | RelayAnswer>>();
  let lastId = 0;

  const largeOf = ({ maxLargeBytes }: ChannelTarget, id: RequestId) =>
    maxLargeBytes === undefined ? undefined : { maxBytes: maxLargeBytes, id };
  /** @param id of the request whose response may be large */
  const post = (
    target: ChannelTarget,
    headers: Record<string, string>,
    body: string,
    id?: RequestId,
  ): Promise<RelayAnswer> =>
    relay.post({
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
    });

  async function request(target: ChannelTarget, message: ModernRequest): Promise<RelayAnswer> {
    const known = eras.get(target.url.href);
    if (known?.era === 'legacy' && clock() - known.seenAt < ERA_TTL_MS) {
      const answer = await requestLegacy(target, message);
      // It was not done, and may not be what it was: asked in the new era's words before that is the answer.
      if (!('status' in answer) || answer.status !== 400) return answer;
      eras.delete(target.url.href);
    }
    const { headers, body } = modernRequest(message);
    const answer = await post(target, headers, body, message.id);
    const era = eraShownBy(answer);
    if (era !== undefined) eras.set(target.url.href, { era, seenAt: clock() });
    if (era === 'legacy') return await requestLegacy(target, message);
    return era === undefined && known?.era !== 'modern' && isListed(message, answer)
      ? await asSession(target, message, answer)
      : answer;
  }

  /** Whether the server that answered without looking at the revision would rather be initialized; listing twice changes nothing. */
  async function asSession(target: ChannelTarget, message: ModernRequest, answer: RelayAnswer): Promise<RelayAnswer> {
    const legacy = await requestLegacy(target, message);
    const isInitialized = legacy.type === 'message' || legacy.type === 'stream';
    eras.set(target.url.href, { era: isInitialized ? 'legacy' : 'modern', seenAt: clock() });
    return isInitialized ? legacy : answer;
  }

  async function requestLegacy(target: ChannelTarget, asked: ModernRequest): Promise<RelayAnswer> {
    const message = { ...asked, clientCapabilities: legacyCapabilities(asked.clientCapabilities) };
    const { clientCapabilities } = message;
    // A session is for what was said when it was opened: it is not shared between clients that can do different things.
    const key = JSON.stringify([target.url.href, target.identity, clientCapabilities]);
    for (let attempt = 0; ; attempt++) {
      const session = await openSession(key, target, message);
      if (!('lastUsedAt' in session)) return session;
      if (message.logLevel !== undefined && session.logLevel !== undefined && session.logLevel !== message.logLevel)
        await setLogLevel(target, session, message.logLevel);
      if (message.method === 'subscriptions/listen') {
        const listened = await listenIn(session, target, message.params);
        if (session.id === undefined || attempt > 0 || !('status' in listened) || listened.status !== 404)
          return listened;
        sessions.delete(key);
        continue;
      }
      // The session may be others' too: what somebody else still hears stays subscribed.
      if (message.method === 'resources/unsubscribe' && streamOf(session)?.hears(message.params['uri']) === true)
        return {
          type: 'message',
          status: 200,
          message: withId({ json: '', value: { jsonrpc: '2.0', result: {} } }, message.id),
          sessionId: session.id,
        };
      const attended =
        mayBeAsked(message) && session.id !== undefined && session.stream !== 'none'
          ? await attend(session, target, message)
          : undefined;
      const id = ++lastId;
      const cancelled = () => cancel(target, session, id);
      const settle = () => target.signal.removeEventListener('abort', cancelled);
      target.signal.addEventListener('abort', cancelled, { once: true });
      const posted = post(
        target,
        sessionHeaders(session),
        legacyRequest({ id, method: message.method, params: message.params, meta: message.meta }),
        id,
      );
      const resume = (lastEventId: string) =>
        relay.resume({ ...target, large: largeOf(target, id), headers: sessionHeaders(session) }, lastEventId);
      const follow = (stream: Extract<RelayAnswer, { type: 'stream' }>) =>
        untilAnswered(stream, { id, resume, signal: target.signal });
      const answered = attended === undefined ? await posted : await withBeside(posted, attended, follow);
      const answer: RelayAnswer =
        attended === undefined && answered.type === 'stream' ? { ...answered, messages: follow(answered) } : answered;
      if (answer.type !== 'stream') settle();
      // 404 with a session id: the server forgot it (2025-11-25, session management).
      const isForgotten = session.id !== undefined && 'status' in answer && answer.status === 404;
      if (isForgotten && attempt === 0) {
        sessions.delete(key);
        continue;
      }
      const respond = async (body: JsonObject) => {
        const heard = new AbortController();
        await post(
          { ...target, signal: AbortSignal.any([AbortSignal.timeout(target.idleTimeoutMs), heard.signal]) },
          sessionHeaders(session),
          JSON.stringify(body),
        );
        heard.abort(); // what it says to an answer is of no interest
      };
      return renumbered(answer, {
        from: id,
        to: message.id,
        method: message.method,
        respond: session.id === undefined ? undefined : respond,
        mayAsk: Object.keys(clientCapabilities).length > 0,
        settle,
      });
    }
  }

  /** `subscriptions/listen` in the words of 2025-11-25: the server's own stream, shared by all who listen in this session. */
  const listenIn = (session: LegacySession, target: ChannelTarget, params: JsonObject): Promise<RelayAnswer> =>
    openStream(session, target).listen(params, target.signal);

  /** Some servers ask on their own stream, whatever call it is about: it is open before the call is made. */
  async function attend(session: LegacySession, target: ChannelTarget, { meta }: ModernRequest): Promise<RunningCall> {
    const leaveStream = await openStream(session, target).attend();
    const call = session.calls.begin(meta?.['progressToken']);
    let isOver = false;
    const leave = (isAnswered: boolean) => {
      if (isOver) return;
      isOver = true;
      target.signal.removeEventListener('abort', abandon);
      call.leave(isAnswered);
      leaveStream();
    };
    const abandon = () => leave(false);
    target.signal.addEventListener('abort', abandon, { once: true });
    if (target.signal.aborted) abandon();
    return { ...call, leave };
  }

  function openStream(session: LegacySession, target: ChannelTarget): LegacyStream {
    const headers = sessionHeaders(session);
    const own = () => ({ ...target, signal: AbortSignal.timeout(target.idleTimeoutMs) });
    const stream =
      streamOf(session) ??
      new LegacyStream(
        {
          capabilities: session.capabilities,
          open: (signal) =>
            relay.listen({
              url: target.url,
              credential: target.credential,
              idleTimeoutMs: target.idleTimeoutMs,
              signal,
              headers,
            }),
          ask: async (method, uri) => {
            const id = ++lastId;
            const answer = await post(own(), headers, legacyRequest({ id, method, params: { uri }, meta: undefined }));
            const response =
              answer.type === 'message'
                ? answer.message
                : answer.type === 'stream'
                  ? await firstResponse(answer.messages, id)
                  : undefined;
            return response !== undefined && isResponseTo(response, id) && 'result' in response.value;
          },
          respond: (body) => void post(own(), headers, JSON.stringify(body)),
          hear: (message) => session.calls.hear(message),
        },
        (status) => (session.stream = status === 404 || status === 405 ? 'none' : undefined),
      );
    session.stream = stream;
    return stream;
  }

  async function openSession(
    key: string,
    target: ChannelTarget,
    message: ModernRequest,
  ): Promise<LegacySession | RelayAnswer> {
    const known = sessions.get(key);
    if (known !== undefined) {
      known.lastUsedAt = clock();
      return known;
    }
    let pending = opening.get(key);
    if (pending === undefined) {
      pending = initialize(target, message)
        .then((session) => {
          if ('lastUsedAt' in session) sessions.set(key, session);
          return session;
        })
        .finally(() => opening.delete(key));
      opening.set(key, pending);
    }
    return await pending;
  }

  async function initialize(caller: ChannelTarget, message: ModernRequest): Promise<LegacySession | RelayAnswer> {
    // Its own signal: others may be waiting for this session.
    const target = { ...caller, signal: AbortSignal.timeout(caller.idleTimeoutMs) };
    const id = ++lastId;
    const body = legacyRequest({
      id,
      method: 'initialize',
      params: {
        protocolVersion: LEGACY_VERSION,
        capabilities: message.clientCapabilities,
        clientInfo: message.clientInfo,
      },
      meta: undefined,
    });
    const answer = await post(target, {}, body);
    const response =
      answer.type === 'message'
        ? answer.message
        : answer.type === 'stream'
          ? await firstResponse(answer.messages, id)
          : undefined;
    const result = response?.value['result'];
    if (!isJsonObject(result) || !isSpokenLegacyVersion(result['protocolVersion'])) {
      // Neither era is spoken there: look again next time.
      eras.delete(target.url.href);
      return answer.type === 'message' || answer.type === 'stream' || answer.type === 'accepted'
        ? { type: 'failed', reason: 'not-mcp' }
        : answer;
    }
    const { capabilities, protocolVersion: version } = result;
    const declared = isJsonObject(capabilities) ? capabilities : {};
    const session: LegacySession = {
      id: 'sessionId' in answer ? answer.sessionId : undefined,
      version,
      target: caller,
      capabilities: declared,
      stream: undefined,
      calls: new RunningCalls(),
      logLevel: isJsonObject(declared['logging']) ? null : undefined,
      lastUsedAt: clock(),
    };
    await post(
      target,
      sessionHeaders(session),
      JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' }),
    );
    return session;
  }

  /** The level belongs to the session; callers that want different ones take turns. One that is refused changes nothing. */
  async function setLogLevel(target: ChannelTarget, session: LegacySession, level: string): Promise<void> {
    session.logLevel = level;
    const id = ++lastId;
    const answer = await post(
      target,
      sessionHeaders(session),
      legacyRequest({ id, method: 'logging/setLevel', params: { level }, meta: undefined }),
    );
    if (answer.type === 'stream') await firstResponse(answer.messages, id);
  }

  /** Closing the connection does not cancel a legacy call; this does. */
  function cancel(target: ChannelTarget, session: LegacySession, requestId: number): void {
    void post(
      { ...target, signal: AbortSignal.timeout(5_000) },
      sessionHeaders(session),
      JSON.stringify({
        jsonrpc: '2.0',
        method: 'notifications/cancelled',
        params: { requestId, reason: 'The client went away.' },
      }),
    );
  }

  function sweep(): void {
    const before = clock() - IDLE_MS;
    sessions.deleteWhere((session) => {
      if (session.lastUsedAt > before || streamOf(session) !== undefined) return false;
      if (session.id !== undefined)
        void relay.end({
          url: session.target.url,
          credential: session.target.credential,
          headers: sessionHeaders(session),
        });
      return true;
    });
  }

  return { request, sweep };
}

const streamOf = ({ stream }: LegacySession): LegacyStream | undefined => (stream === 'none' ? undefined : stream);

/** In the middle of it the server may ask the client something it said it can do. */
const mayBeAsked = ({ method, clientCapabilities: { elicitation, sampling, roots } }: ModernRequest): boolean =>
  ASKING.has(method) && (elicitation ?? sampling ?? roots) !== undefined;
const ASKING: ReadonlySet<string> = new Set(['tools/call', 'prompts/get', 'resources/read']);

const isListed = ({ method }: ModernRequest, answer: RelayAnswer): boolean =>
  method.endsWith('/list') && answer.type === 'message' && answer.status === 200 && 'result' in answer.message.value;

/** Answers of ours under way to one stream's server at a time. */
const MAX_ANSWERING = 16;

interface Renumbering {
  readonly from: number;
  readonly to: RequestId;
  readonly method: string;
  /** Absent for a server without sessions: no answer of ours would find the one that asked. */
  readonly respond: ((body: JsonObject) => Promise<void>) | undefined;
  readonly mayAsk: boolean;
  readonly settle: () => void;
}

/** Ids are ours within a session, so that two callers' cannot collide; outside they are the callers' again. */
function renumbered(
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

/** Written anew, it says everything once. */
const withId = ({ repeatsKeys: _repeats, ...message }: ServerMessage, id: RequestId): ServerMessage =>
  withValue(message, { id });

async function firstResponse(messages: AsyncIterable<ServerMessage>, id: number): Promise<ServerMessage | undefined> {
  try {
    for await (const message of messages) if (isResponseTo(message, id)) return message;
    return undefined;
  } catch {
    return undefined; // the stream broke: no session, which the caller reports
  }
}
