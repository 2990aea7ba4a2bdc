import type { DocumentOf } from '@sallyport/configuration';
import type { Clock } from '@sallyport/kernel';
import type { JsonObject, PostedRequest, RelayAnswer } from '@sallyport/mcp-relay';
import type { Permit } from '@sallyport/policy';
import type { Call } from '../call/call.js';
import { CallContent } from '../call/call-content.js';
import type { Decisions } from '../call/decide-operation.js';
import { leaseTarget } from '../call/lease-target.js';
import { permitWatch } from '../call/permit-watch.js';
import { refusalOfLease } from '../call/refusal-of-lease.js';
import type { Target } from '../call/target.js';
import type { CredentialLease } from '../outbound/credential-leases.js';
import type { ServerRequest } from '../outbound/forward.js';
import type { ServerAccess } from '../outbound/server-access.js';
import type { Used } from '../outbound/with-lease.js';
import { abilitiesToward, unasked } from '../protocol/client-abilities.js';
import type { ClientAbilities } from '../protocol/client-abilities.js';
import { BATCH_VERSION, mayNeedInput } from '../protocol/client-message.js';
import { isRefusal } from '../protocol/refusal.js';
import type { Refusal } from '../protocol/refusal.js';
import type { StateSealer } from '../session/state-sealer.js';
import type { RefuseLate, Sent, ServerCall } from './server-call.js';

export interface ForwardCallUses {
  readonly servers: ServerAccess;
  readonly decisions: Decisions;
  readonly sealer: StateSealer;
  readonly clock: Clock;
  /** Of a server's answer that is passed on in pieces. */
  readonly maxAnswerBytes: number;
}

/** Leases the credential, forwards the call, and watches the permit while the call runs (security rule S17). */
export async function leaseAndForward(
  uses: ForwardCallUses,
  call: Call,
  permit: Permit,
  target: Target,
  refuseLate: RefuseLate,
): Promise<Sent | Refusal> {
  const request = typeof target.request === 'function' ? await target.request(permit) : target.request;
  return isRefusal(request)
    ? request
    : await send(uses, withAbilitiesOf(call, target), permit, { ...target, request }, refuseLate);
}

/** Goes on with a call that was forwarded. What the server refused before it did anything is asked once more. */
export const followPosted = (
  uses: ForwardCallUses,
  call: Call,
  permit: Permit,
  target: Sendable,
  posted: Used<RelayAnswer>,
  refuseLate: RefuseLate,
): Promise<Sent | Refusal> => send(uses, withAbilitiesOf(call, target), permit, target, refuseLate, posted);

/** What a call is forwarded with. */
export type ForwardedWith = Pick<ServerCall, 'lease' | 'abilities'>;

/**
 * Forwards a call that can be sent at once, and watches its permit while it runs (security rule S17).
 * @param hear hears the answer, once
 * @returns undefined when nothing was sent
 */
export function forwardAtOnce(
  { servers, clock, maxAnswerBytes }: Pick<ForwardCallUses, 'servers' | 'clock' | 'maxAnswerBytes'>,
  call: Call,
  permit: Permit,
  lease: CredentialLease,
  { server, action, request }: Sendable,
  hear: (forwardedWith: ForwardedWith, answer: RelayAnswer | Promise<RelayAnswer>) => void,
): PostedRequest | undefined {
  const abilities = abilitiesOf(call, server);
  call.open.watch = permitWatch(clock, call, permit, lease, action);
  const options = {
    signal: () => call.inbound.disconnected,
    abilities,
    maxLargeBytes: canStream(call) ? maxAnswerBytes : undefined,
  };
  const forwardedWith = { lease, abilities };
  call.notes.sent();
  return servers.forwardDirectly(permit, lease, server, request, options, (answer) => hear(forwardedWith, answer));
}

/** A target whose request is known. */
export interface Sendable extends Target {
  readonly request: ServerRequest;
}

async function send(
  uses: ForwardCallUses,
  call: Call,
  permit: Permit,
  { server, action, request, tool }: Pick<Sendable, 'server' | 'action' | 'request' | 'tool'>,
  refuseLate: RefuseLate,
  posted?: Used<RelayAnswer>,
): Promise<Sent | Refusal> {
  const { servers, sealer, clock, maxAnswerBytes } = uses;
  const { inbound } = call;
  call.notes.records(CallContent.of(permit, call, tool));
  const abilities = abilitiesOf(call, server);
  const waiting = new Set<() => void>();
  const work = new AbortController();
  inbound.disconnected.addEventListener('abort', () => work.abort(), { once: true });
  if (inbound.disconnected.aborted) work.abort();
  const use = (lease: CredentialLease): Promise<RelayAnswer> => {
    call.open.watch = permitWatch(clock, call, permit, lease, action);
    call.notes.askedWith(lease);
    return servers.forward(permit, lease, server, request, {
      signal: work.signal,
      abilities,
      mayBeSilent: () => waiting.size > 0,
      maxLargeBytes: canStream(call) ? maxAnswerBytes : undefined,
    });
  };
  const leased = await servers.withLease<RelayAnswer>(permit, leaseTarget(call, server), use, posted);
  if (leased.type !== 'used' || isWhole(leased.value)) call.notes.heard();
  if (leased.type !== 'used') return refusalOfLease(sealer, call, server, leased);
  const { lease, value: answer } = leased;
  call.notes.leased(lease);
  const again: ServerCall['again'] = (more) =>
    sendAgain(uses, call, { server, action, request, tool }, more, refuseLate);
  const { params } = request;
  return { serverCall: { call, server, lease, action, params, abilities, waiting, work, refuseLate, again }, answer };
}

/** Nothing of it is still to come. */
const isWhole = (answer: RelayAnswer): boolean =>
  answer.type === 'message' ? answer.message.large === undefined : answer.type !== 'stream';

/** Asks the server once more, with what it wanted: decided and leased anew (security rule S16). */
async function sendAgain(
  uses: ForwardCallUses,
  call: Call,
  { server: { name }, action, request, tool }: Pick<Sendable, 'server' | 'action' | 'request' | 'tool'>,
  more: JsonObject,
  refuseLate: RefuseLate,
): Promise<Sent | Refusal> {
  const now = uses.decisions.asOfNow(call);
  if (isRefusal(now)) return now;
  const server: DocumentOf<'McpServer'> | undefined = now.snapshot.get('McpServer', name);
  const permit = uses.decisions.permit(now, name, action, { type: 'denied' });
  if (isRefusal(permit)) return permit;
  if (server === undefined) return { type: 'denied' };
  const { requestState: _state, inputResponses: _responses, ...params } = request.params;
  const renewed = { ...request, params: { ...params, ...more }, texts: undefined };
  return await send(uses, now, permit, { server, action, request: renewed, tool }, refuseLate);
}

function withAbilitiesOf(call: Call, { abilities }: Target): Call {
  return abilities === undefined ? call : { ...call, request: { ...call.request, abilities } };
}

/** What the server is told it may ask. */
const abilitiesOf = (call: Call, server: DocumentOf<'McpServer'>): ClientAbilities =>
  abilitiesToward(server, mayAsk(call) ? call.request.abilities : unasked(call.request.abilities));

/** In a batch, answers share a stream message by message. */
const canStream = ({ request, inbound }: Call): boolean => request.version > BATCH_VERSION && acceptsStreams(inbound);
const acceptsStreams = ({ headers }: Call['inbound']): boolean =>
  (headers.get('accept') ?? '').includes('text/event-stream');

/** A legacy client is asked on the stream of its call, in its session. */
export const canBeAsked = ({ request, inbound }: Call): boolean =>
  request.era === 'modern' || (request.session !== undefined && acceptsStreams(inbound));

/** A task's questions come with its state. */
const mayAsk = (call: Call): boolean =>
  (mayNeedInput(call.request) || call.request.operation.type === 'task') && canBeAsked(call);
