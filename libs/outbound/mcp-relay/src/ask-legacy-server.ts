import { withBeside } from './beside-stream.js';
import { largeOf, type ChannelWire } from './channel-wire.js';
import type { JsonObject } from './json-rpc.js';
import { legacyCapabilities, legacyRequest, sessionHeaders } from './legacy-request.js';
import { sessionKey, type LegacySessions } from './legacy-sessions.js';
import {
  attend,
  cancel,
  isForgotten,
  isSession,
  openStream,
  setLogLevel,
  streamOf,
  type LegacySession,
} from './legacy-session.js';
import type { ModernRequest } from './modern-request.js';
import { isRefusedByStatus } from './refused-answer.js';
import type { RelayAnswer } from './relay.js';
import { renumbered, withId } from './renumber.js';
import type { RunningCall } from './running-calls.js';
import { isHarmless } from './server-era.js';
import type { ChannelTarget } from './server-channel.js';
import { untilAnswered } from './until-answered.js';

interface LegacyAsked {
  readonly session: LegacySession;
  readonly target: ChannelTarget;
  /** With the capabilities that a legacy server knows. */
  readonly message: ModernRequest;
}

type Stream = Extract<RelayAnswer, { type: 'stream' }>;

/** Asks a server of 2025-11-25 or before, in a session. When the server forgot the session, asks again in a new one. */
export async function askLegacyServer(
  target: ChannelTarget,
  asked: ModernRequest,
  { wire, sessions }: { readonly wire: ChannelWire; readonly sessions: LegacySessions },
): Promise<RelayAnswer> {
  const message = { ...asked, clientCapabilities: legacyCapabilities(asked.clientCapabilities) };
  const key = sessionKey(target, asked);
  for (let attempt = 0; ; attempt++) {
    const session = await sessions.open(key, target, message);
    if (!isSession(session)) return session;
    const { logLevel } = message;
    if (logLevel !== undefined && session.logLevel !== undefined && session.logLevel !== logLevel)
      await setLogLevel(wire, session, target, logLevel);
    const answer = await askInSession(wire, { session, target, message });
    if (attempt > 0) return answer.type === 'called' ? answer.deliver() : answer;
    if (answer.type !== 'called') {
      const isGone = message.method === 'subscriptions/listen' && 'status' in answer && answer.status === 404;
      if (!isGone || session.id === undefined) return answer;
      sessions.forget(key, session);
      continue;
    }
    if (!isRefusedByStatus(answer.answer) || !(await isForgotten(wire, session, target))) return answer.deliver();
    sessions.forget(key, session);
    const renewed = await sessions.open(key, target, message);
    // What is said to a client that only wants to be let in is about the credential, or about the server.
    if (!isSession(renewed)) return renewed.type === 'credential-rejected' ? renewed : answer.answer;
  }
}

/** A call was made. `answer` is the server's, `deliver` makes the caller's of it. */
interface Called {
  readonly type: 'called';
  readonly answer: RelayAnswer;
  readonly deliver: () => RelayAnswer;
}

async function askInSession(wire: ChannelWire, asked: LegacyAsked): Promise<RelayAnswer | Called> {
  const { session, target, message } = asked;
  // `subscriptions/listen` in the words of 2025-11-25: the server's own stream, shared by all who listen in this
  // session.
  if (message.method === 'subscriptions/listen')
    return await openStream(wire, session, target).listen(message.params, target.signal);
  // The session may be others' too: what somebody else still hears stays subscribed.
  if (message.method === 'resources/unsubscribe' && streamOf(session)?.hears(message.params['uri']) === true)
    return {
      type: 'message',
      status: 200,
      message: withId({ json: '', value: { jsonrpc: '2.0', result: {} } }, message.id),
      sessionId: session.id,
    };
  return await callInSession(wire, asked);
}

/** Sends the call under an id of ours. Aborting the target's signal cancels it at the server, too. */
async function callInSession(wire: ChannelWire, asked: LegacyAsked): Promise<Called> {
  const { session, target, message } = asked;
  const attended =
    mayBeAsked(message) && session.id !== undefined && session.stream !== 'none'
      ? await attend(wire, session, target, message)
      : undefined;
  const id = wire.nextId();
  const cancelled = () => cancel(wire, session, target, id);
  const settle = () => target.signal.removeEventListener('abort', cancelled);
  target.signal.addEventListener('abort', cancelled, { once: true });
  const answer = await sendCall(wire, asked, { id, attended });
  if (answer.type !== 'stream') settle();
  const deliver = () =>
    renumbered(answer, {
      from: id,
      to: message.id,
      method: message.method,
      respond: session.id === undefined ? undefined : (body) => respond(wire, session, target, body),
      mayAsk: Object.keys(message.clientCapabilities).length > 0,
      settle,
    });
  return { type: 'called', answer, deliver };
}

async function sendCall(
  wire: ChannelWire,
  { session, target, message }: LegacyAsked,
  { id, attended }: { readonly id: number; readonly attended: RunningCall | undefined },
): Promise<RelayAnswer> {
  const { method, params, meta, source } = message;
  const headers = sessionHeaders(session);
  const body = legacyRequest({ id, method, params, meta, source });
  const posted = wire.post(target, headers, body, { id, isHarmless: isHarmless(message) });
  const resume = (lastEventId: string) =>
    wire.relay.resume({ ...target, large: largeOf(target, id), headers }, lastEventId);
  const follow = (stream: Stream) => untilAnswered(stream, { id, resume, signal: target.signal });
  if (attended !== undefined) return await withBeside(posted, attended, follow);
  const answer = await posted;
  return answer.type === 'stream' ? { ...answer, messages: follow(answer) } : answer;
}

/** Answers what the server asked. What it says to an answer is of no interest. */
async function respond(
  wire: ChannelWire,
  session: LegacySession,
  target: ChannelTarget,
  body: JsonObject,
): Promise<void> {
  const heard = new AbortController();
  const signal = AbortSignal.any([AbortSignal.timeout(target.idleTimeoutMs), heard.signal]);
  await wire.post({ ...target, signal }, sessionHeaders(session), JSON.stringify(body));
  heard.abort();
}

const ASKING: ReadonlySet<string> = new Set(['tools/call', 'prompts/get', 'resources/read']);

/** In the middle of it the server may ask the client something it said it can do. */
const mayBeAsked = ({ method, clientCapabilities: { elicitation, sampling, roots } }: ModernRequest): boolean =>
  ASKING.has(method) && (elicitation ?? sampling ?? roots) !== undefined;
