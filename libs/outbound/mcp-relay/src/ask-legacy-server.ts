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
import { traceMember } from './modern-request.js';
import type { ModernRequest } from './modern-request.js';
import { isRefusedByStatus } from './refused-answer.js';
import type { HearAnswer, PostedRequest, RelayAnswer } from './relay.js';
import { renumbered, withId } from './renumber.js';
import type { RunningCall } from './running-calls.js';
import { isHarmless } from './server-era.js';
import type { ChannelTarget, DirectTarget } from './server-channel.js';
import { untilAnswered } from './until-answered.js';

interface LegacyAsked {
  readonly session: LegacySession;
  readonly target: ChannelTarget;
  /** With the capabilities that a legacy server knows. */
  readonly message: ModernRequest;
  readonly sent?: Posted | undefined;
}

type Stream = Extract<RelayAnswer, { type: 'stream' }>;

interface LegacyUses {
  readonly wire: ChannelWire;
  readonly sessions: LegacySessions;
}

/** A call that was sent already. */
interface Posted {
  readonly session: LegacySession;
  readonly id: number;
  readonly answer: Promise<RelayAnswer>;
}

/**
 * Asks a server of 2025-11-25 or before, in a session. When the server forgot the session, asks again in a new one.
 * @param posted the first attempt, where it was made
 */
export async function askLegacyServer(
  target: ChannelTarget,
  asked: ModernRequest,
  { wire, sessions }: LegacyUses,
  posted?: Posted,
): Promise<RelayAnswer> {
  const message = { ...asked, clientCapabilities: legacyCapabilities(asked.clientCapabilities) };
  const key = sessionKey(target, asked);
  for (let attempt = 0; ; attempt++) {
    const sent = attempt === 0 ? posted : undefined;
    const session = sent?.session ?? (await sessions.open(key, target, message));
    if (!isSession(session)) return session;
    if (sent === undefined && needsLevel(session, message.logLevel))
      await setLogLevel(wire, session, target, message.logLevel);
    const answer = await askInSession(wire, { session, target, message, sent });
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

/** Asks a legacy server what can be asked at once; see `ServerChannel.requestDirectly`. */
export function askLegacyDirectly(
  target: DirectTarget,
  message: ModernRequest,
  uses: LegacyUses,
  hear: HearAnswer,
): PostedRequest | undefined {
  const { wire, sessions } = uses;
  const { method, logLevel } = message;
  const session = sessions.known(sessionKey(target, message));
  if (method !== 'tools/call' || session === undefined) return undefined;
  if (needsLevel(session, logLevel) || isAttended(session, message)) return undefined;
  const id = wire.nextId();
  const body = legacyRequest({ ...message, id });
  const renumbering = { from: id, to: message.id, method, respond: undefined, mayAsk: false, settle: () => undefined };
  let isFollowed = false; // then the signal cancels the call
  const posted = wire.postDirectly(target, callHeaders(session, message), body, id, (answer) => {
    if (!(answer instanceof Promise) && answer.type === 'message') return hear(renumbered(answer, renumbering));
    isFollowed = true;
    const own = { ...target, signal: target.signal(), mayBeSilent: undefined };
    hear(askLegacyServer(own, message, uses, { session, id, answer: Promise.resolve(answer) }));
  });
  return (
    posted && {
      abort: () => {
        posted.abort();
        if (!isFollowed) cancel(wire, session, { ...target, mayBeSilent: undefined }, id);
      },
    }
  );
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
  const { session, target, message, sent } = asked;
  const attended =
    sent === undefined && isAttended(session, message) ? await attend(wire, session, target, message) : undefined;
  const id = sent?.id ?? wire.nextId();
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

const callHeaders = (session: LegacySession, { traceparent }: ModernRequest): Record<string, string> => ({
  ...sessionHeaders(session),
  ...traceMember(traceparent),
});

async function sendCall(
  wire: ChannelWire,
  { session, target, message, sent }: LegacyAsked,
  { id, attended }: { readonly id: number; readonly attended: RunningCall | undefined },
): Promise<RelayAnswer> {
  const headers = callHeaders(session, message);
  const post = () =>
    wire.post(target, headers, legacyRequest({ ...message, id }), { id, isHarmless: isHarmless(message) });
  const posted = sent?.answer ?? post();
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

/** Whether the session has to be told another level first. */
const needsLevel = (session: LegacySession, level: string | undefined): level is string =>
  level !== undefined && session.logLevel !== undefined && session.logLevel !== level;

/** Whether what the server asks on its own stream has to be heard while the call runs. */
const isAttended = (session: LegacySession, message: ModernRequest): boolean =>
  mayBeAsked(message) && session.id !== undefined && session.stream !== 'none';

const ASKING: ReadonlySet<string> = new Set(['tools/call', 'prompts/get', 'resources/read']);

/** In the middle of it the server may ask the client something it said it can do. */
const mayBeAsked = ({ method, clientCapabilities: { elicitation, sampling, roots } }: ModernRequest): boolean =>
  ASKING.has(method) && (elicitation ?? sampling ?? roots) !== undefined;
