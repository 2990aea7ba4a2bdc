import type { ConfigurationSnapshot } from '@sallyport/configuration';
import type { JsonSource } from '@sallyport/kernel/json';
import type { PostedRequest, RelayAnswer } from '@sallyport/mcp-relay';
import type { Permit } from '@sallyport/policy';
import type { Admitted, Authenticated, Call } from '../call/call.js';
import { ExchangeNotes } from '../call/call-notes.js';
import { Ending } from '../call/ending.js';
import type { OpenCall } from '../call/open-calls.js';
import type { ResolveAtHand } from '../call/resolve-name.js';
import { convertResponse } from '../conversation/convert-response.js';
import { forwardAtOnce } from '../conversation/forward-call.js';
import type { ForwardedWith, Sendable } from '../conversation/forward-call.js';
import type { CredentialLease } from '../outbound/credential-leases.js';
import { wantsUpdates } from '../operations/updates-during-call.js';
import { classifyMessage } from '../protocol/classify-message.js';
import type { ClientRequest } from '../protocol/client-message.js';
import type { HandledExchange } from '../protocol/exchange.js';
import { isRefusal } from '../protocol/refusal.js';
import type { ReadRequest } from '../protocol/read-request.js';
import { admit, admittedAgain } from './admit.js';
import { followCall, inSpanOf, sessionOf } from './handle-mcp-request.js';
import type { RequestPath } from './handle-mcp-request.js';
import { traceIdIn } from './read-message.js';
import { permitAtHand } from './warm-memory.js';
import type { KnownCaller, WarmMemory } from './warm-memory.js';
import { wordRefusal } from './word-refusal.js';

export interface WarmCallUses extends RequestPath {
  readonly resolveAtHand: ResolveAtHand;
  readonly memory: WarmMemory;
}

/** A message that arrived, with what is known of it before anything is decided. */
export interface ArrivedMessage {
  readonly inbound: ReadRequest;
  readonly authenticated: Authenticated;
  readonly source: JsonSource;
}

/** Hears how a warm call ends, once. */
export interface WarmCallListener {
  /** The answer in JSON, for a client that is answered with status 200. */
  answered(text: string, notes: ExchangeNotes): void;
  /** Any other end. */
  followed(handled: Promise<HandledExchange>): void;
}

/** A call that is decided and not yet sent. */
interface Decided {
  readonly call: Call;
  readonly permit: Permit;
  readonly target: Sendable;
  readonly lease: CredentialLease;
  readonly notes: ExchangeNotes;
  readonly ending: Ending;
}

/**
 * The short-cut of the request path for a `tools/call` of which everything is remembered: the token, the catalogue of
 * the server, the lease, the era. It takes the same steps as `handleMcpRequest` with the same functions, in one turn of
 * the event loop and without a promise, and sends the call (decision 0049).
 * @returns false when the call has to go the long way. Then nothing was done, and nobody heard of it.
 */
export function beginWarmCall(uses: WarmCallUses, arrived: ArrivedMessage, listener: WarmCallListener): boolean {
  const warm = decideAtOnce(uses, arrived);
  if (warm === undefined) return false;
  const { call, notes, ending } = warm;
  const { userId } = call.caller;
  const leave = uses.calls.enter(userId);
  const room = leave && uses.reserveRecord(userId);
  if (room === undefined || room === 'full-of-their-own' || 'unavailable' in room) {
    leave?.();
    return false;
  }
  notes.setAside(room);
  const over = uses.openCalls.add(call.open);
  const { request } = call;
  notes.unlessRecorded((recordId, isDone) =>
    wordRefusal({ type: 'unrecorded', recordId, isDone }, arrived.inbound, { request, era: request.era }),
  );
  let forwarded: PostedRequest | undefined;
  try {
    forwarded = inSpanOf(uses, arrived.inbound, request, notes, () =>
      forwardAtOnce(uses, call, warm.permit, warm.lease, warm.target, (forwardedWith, answer) =>
        hear(uses, arrived, warm, forwardedWith, answer, listener),
      ),
    );
    return forwarded !== undefined;
  } finally {
    if (forwarded === undefined) {
      over();
      room.release();
      leave?.();
    } else {
      arrived.inbound.onOver(over);
      if (leave !== undefined) arrived.inbound.onOver(leave);
      const { abort } = forwarded;
      ending.stop.whenStopped(abort);
    }
  }
}

/** What `authenticate` to `permit` find out, where none of it has to be awaited and the call is permitted. */
function decideAtOnce(uses: WarmCallUses, { inbound, authenticated, source }: ArrivedMessage): Decided | undefined {
  const configuration = uses.configuration();
  if ('unavailable' in configuration) return undefined;
  const notes = new ExchangeNotes();
  const known = knownCaller(uses, inbound, authenticated, configuration.snapshot, notes);
  if (known === undefined) return undefined;
  const lookUp = (sealed: string) => sessionOf(uses, authenticated.caller, sealed);
  const message = classifyMessage(source.value, inbound.headers, lookUp);
  if (isRefusal(message) || message.type !== 'request' || !isPlainCall(message.request)) return undefined;
  const request: ClientRequest = { ...message.request, source };
  const { operation, method, version: protocolVersion } = request;
  if (operation.type !== 'call') return undefined;

  const ending = new Ending(inbound.gone);
  const call = callOf(admittedAgain(known.admitted, uses.clock()), inbound, request, notes, ending);
  if (wantsUpdates(uses, call)) return undefined;
  notes.authenticated(authenticated.caller);
  notes.read(source);
  notes.asked({ method, protocolVersion, traceId: traceIdIn(request) });
  const permitted = permitAtHand(uses, known, call, operation);
  if (permitted === undefined) return undefined;
  notes.target({ server: permitted.target.server.name });
  notes.decided(permitted.allowed);
  return { call, permit: permitted.allowed.permit, ...permitted, notes, ending };
}

/** The first hop, decided now or when it was decided last (R28). */
function knownCaller(
  { memory, ...uses }: Pick<WarmCallUses, 'memory' | 'clock' | 'observeOverBudget'>,
  inbound: ReadRequest,
  authenticated: Authenticated,
  snapshot: ConfigurationSnapshot,
  notes: ExchangeNotes,
): KnownCaller | undefined {
  const known = memory.recall(authenticated.caller, snapshot, inbound, uses.clock());
  if (known !== undefined) return known;
  const admitted = admit(uses, inbound, authenticated, snapshot, notes);
  return isRefusal(admitted) ? undefined : memory.remember(admitted, inbound);
}

/** No retry with answers to questions, and nothing that may become a task: those begin with more than the call. */
const isPlainCall = ({ retry, abilities }: ClientRequest): boolean =>
  retry.requestState === undefined && retry.responses === undefined && !abilities.has('tasks');

function callOf(
  admitted: Admitted,
  inbound: ReadRequest,
  request: ClientRequest,
  notes: ExchangeNotes,
  ending: Ending,
): Call {
  const open: OpenCall = {
    verified: admitted,
    endsWithToken: false,
    sessionId: request.session?.id,
    requestId: request.id,
    end: (reason) => ending.end(reason),
  };
  return { ...admitted, inbound: inbound.endedBy(ending.stop), request, notes, open };
}

function hear(
  uses: WarmCallUses,
  { inbound }: ArrivedMessage,
  { call, permit, target, notes, ending }: Decided,
  { lease, abilities }: ForwardedWith,
  answer: RelayAnswer | Promise<RelayAnswer>,
  listener: WarmCallListener,
): void {
  const text = ending.stop.isStopped ? undefined : textOf(answer);
  if (text === undefined) {
    const posted = { lease, value: Promise.resolve(answer) };
    const follow = () => followCall(uses, { inbound, call, permit, target, posted, ending, notes });
    return listener.followed(notes.facts.span?.run(follow) ?? follow());
  }
  notes.heard();
  notes.leased(lease);
  notes.answered();
  listener.answered(text, notes);

  /** What cannot be converted is converted once more on the long way, which answers and records what breaks. */
  function textOf(answer: RelayAnswer | Promise<RelayAnswer>): string | undefined {
    try {
      return textIn(answer);
    } catch {
      return undefined;
    }
  }

  /** Of an answer that is passed on as one text. */
  function textIn(answer: RelayAnswer | Promise<RelayAnswer>): string | undefined {
    if (answer instanceof Promise || answer.type !== 'message' || answer.message.large !== undefined) return undefined;
    const { server, action, request } = target;
    const asked = { call, server, lease, action, params: request.params, abilities };
    const outcome = convertResponse(uses, asked, answer.message);
    return 'text' in outcome ? outcome.text : undefined;
  }
}
