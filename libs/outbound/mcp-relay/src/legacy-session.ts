import { ChannelWire, responseIn, wholeAnswer } from './channel-wire.js';
import { isResponseTo } from './json-rpc.js';
import type { JsonObject } from './json-rpc.js';
import { legacyRequest, sessionHeaders } from './legacy-request.js';
import { LegacyStream } from './legacy-stream.js';
import type { ModernRequest } from './modern-request.js';
import { isRefusedByStatus } from './refused-answer.js';
import type { RelayAnswer } from './relay.js';
import { RunningCalls } from './running-calls.js';
import type { RunningCall } from './running-calls.js';
import { isWordOfServer } from './server-era.js';
import type { ChannelTarget } from './server-channel.js';

/** A session with a server of 2025-11-25 or before. */
export interface LegacySession {
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

const PING_TIMEOUT_MS = 10_000;

export const isSession = (opened: LegacySession | RelayAnswer): opened is LegacySession => 'lastUsedAt' in opened;

export const streamOf = ({ stream }: LegacySession): LegacyStream | undefined =>
  stream === 'none' ? undefined : stream;

/** The server's own stream, shared by all who listen in this session or have a call in it. */
export function openStream(wire: ChannelWire, session: LegacySession, target: ChannelTarget): LegacyStream {
  const headers = sessionHeaders(session);
  const own = () => ({ ...target, signal: AbortSignal.timeout(target.idleTimeoutMs) });
  const stream =
    streamOf(session) ??
    new LegacyStream(
      {
        capabilities: session.capabilities,
        open: (signal) =>
          wire.relay.listen({
            url: target.url,
            credential: target.credential,
            idleTimeoutMs: target.idleTimeoutMs,
            signal,
            headers,
          }),
        ask: async (method, uri) => {
          const id = wire.nextId();
          const answer = await wire.post(
            own(),
            headers,
            legacyRequest({ id, method, params: { uri }, meta: undefined }),
          );
          const response = await responseIn(answer, id);
          return response !== undefined && isResponseTo(response, id) && 'result' in response.value;
        },
        respond: (body) => void wire.post(own(), headers, JSON.stringify(body)),
        hear: (message) => session.calls.hear(message),
      },
      (status) => (session.stream = status === 404 || status === 405 ? 'none' : undefined),
    );
  session.stream = stream;
  return stream;
}

/** Some servers ask on their own stream, whatever call it is about: it is open before the call is made. */
export async function attend(
  wire: ChannelWire,
  session: LegacySession,
  target: ChannelTarget,
  { meta }: ModernRequest,
): Promise<RunningCall> {
  const leaveStream = await openStream(wire, session, target).attend();
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

/** Sets the log level of the session, which callers share. A server that refuses it changes nothing. */
export async function setLogLevel(
  wire: ChannelWire,
  session: LegacySession,
  target: ChannelTarget,
  level: string,
): Promise<void> {
  session.logLevel = level;
  const id = wire.nextId();
  const answer = await wire.post(
    target,
    sessionHeaders(session),
    legacyRequest({ id, method: 'logging/setLevel', params: { level }, meta: undefined }),
  );
  await responseIn(answer, id);
}

/** Closing the connection does not cancel a legacy call; this does. */
export function cancel(
  wire: ChannelWire,
  session: LegacySession,
  target: Omit<ChannelTarget, 'signal'>,
  requestId: number,
): void {
  void wire.post(
    { ...target, signal: AbortSignal.timeout(5_000) },
    sessionHeaders(session),
    JSON.stringify({
      jsonrpc: '2.0',
      method: 'notifications/cancelled',
      params: { requestId, reason: 'The client went away.' },
    }),
  );
}

/**
 * Whether a refusal was about the session and not about what was asked: then nothing was done. A server says so in many
 * ways (404 by the specification, 400, 401, 503 by those that restarted); whether it knows the session, a `ping` tells,
 * which harms nobody. Without a session there is none to be forgotten.
 */
export async function isForgotten(wire: ChannelWire, session: LegacySession, target: ChannelTarget): Promise<boolean> {
  if (session.id === undefined) return false;
  const id = wire.nextId();
  const ponged = await wholeAnswer(
    await wire.post(
      {
        ...target,
        signal: AbortSignal.any([target.signal, AbortSignal.timeout(Math.min(target.idleTimeoutMs, PING_TIMEOUT_MS))]),
      },
      sessionHeaders(session),
      legacyRequest({ id, method: 'ping', params: {}, meta: undefined }),
      { isHarmless: true },
    ),
    id,
  );
  return isWordOfServer(ponged) && isRefusedByStatus(ponged);
}
