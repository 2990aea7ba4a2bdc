import { randomBytes } from 'node:crypto';
import { isJsonObject, isResponseTo, withValue } from '@sallyport/mcp-relay';
import type { JsonObject, RequestId, ServerMessage } from '@sallyport/mcp-relay';
import type { Permit } from '@sallyport/policy';
import type { Call } from '../call/call.js';
import { CallContent } from '../call/call-content.js';
import { leaseTarget } from '../call/lease-target.js';
import { permitWatch } from '../call/permit-watch.js';
import { refusalOfLease } from '../call/refusal-of-lease.js';
import type { Target } from '../call/target.js';
import type { CredentialLease } from '../outbound/credential-leases.js';
import type { ServerAccess } from '../outbound/server-access.js';
import type { Answer, AnswerPiece } from '../protocol/exchange.js';
import type { Refusal } from '../protocol/refusal.js';
import { titleOf } from '../protocol/server-title.js';
import type { RemoteExchanges } from '../replicas/remote-exchanges.js';
import type { ReplicaLink } from '../replicas/replica-link.js';
import { openRequestState, statefulOperation } from '../session/request-state.js';
import type { StateSealer } from '../session/state-sealer.js';
import type { ParkedCall, ParkedFor } from './parked-calls.js';
import { dialogue, streamOf } from './relay-answer.js';
import type { RelayUses } from './relay-answer.js';
import type { RefuseLate } from './server-call.js';

/** Where a call is parked. */
export interface ParkedPlace {
  readonly replica: string;
  readonly park: string;
}

/** Where the call is parked that this retry belongs to, if it belongs to one. */
export function parkedPlace(sealer: StateSealer, call: Call, server: string): ParkedPlace | undefined {
  const { requestState } = call.request.retry;
  const state =
    requestState === undefined
      ? undefined
      : openRequestState(sealer, call.caller, statefulOperation(call.request, server), requestState, call.now);
  return state?.kind === 'parked' ? state.parked : undefined;
}

export interface ResumeCallUses extends RelayUses {
  readonly servers: ServerAccess;
  readonly link: ReplicaLink;
  readonly remoteExchanges: RemoteExchanges;
}

/** A replica that does not answer within this is not there: the client is told so within a second. */
const REACH_MS = 800;

/**
 * Goes on with a parked call, here or at the replica that holds its stream. The retry is authenticated, decided and
 * leased anew like any other request (security rule S16). A parked call that is gone has to be made again.
 */
export async function leaseAndResume(
  uses: ResumeCallUses,
  call: Call,
  permit: Permit,
  { server, action, request, tool }: Target,
  { replica, park }: ParkedPlace,
  refuseLate: RefuseLate,
): Promise<Answer | Refusal> {
  const { sealer, clock, servers } = uses;
  const leased = await servers.lease(permit, leaseTarget(call, server));
  if (leased.type !== 'granted') return refusalOfLease(sealer, call, server, leased);
  const { lease } = leased;
  call.notes.leased(lease);
  call.notes.records(CallContent.of(permit, call, tool));
  call.open.watch = permitWatch(clock, call, permit, lease, action);
  const inputResponses = typeof request === 'function' ? undefined : request.params['inputResponses'];
  const responses = isJsonObject(inputResponses) ? inputResponses : {};
  const lost: Refusal = { type: 'server-unavailable', title: titleOf(server), reason: 'parked-call-lost' };
  if (replica !== uses.replica)
    return await resumeElsewhere(uses, call, lease, { replica, park }, { responses, lost, refuseLate });
  const parked = uses.parkedCalls.take(park, ownerOf(call.caller, lease.connectionId));
  return parked === undefined ? lost : streamOf(resumed(uses, parked, call, refuseLate, responses));
}

async function resumeElsewhere(
  { link, remoteExchanges }: ResumeCallUses,
  { caller, request: { id, meta }, token, inbound }: Call,
  { connectionId }: CredentialLease,
  { replica, park }: ParkedPlace,
  { responses, lost, refuseLate }: { responses: JsonObject; lost: Refusal; refuseLate: RefuseLate },
): Promise<Answer | Refusal> {
  // The call stays parked, for an answer that can be brought there.
  const bringing = link.mayBring(caller.userId, [responses, meta]);
  if (bringing === 'too-large') return { type: 'body-too-large' };
  if (typeof bringing === 'object') return { type: 'too-often', ...bringing };
  const exchange = randomBytes(16).toString('base64url');
  const abandon = () => void link.ask(replica, { type: 'abandon', exchange }, REACH_MS);
  const pieces = remoteExchanges.open(exchange, {
    onGone: abandon,
    orElse: () => refuseLate(lost),
    signal: inbound.disconnected,
  });
  const asked = { type: 'resume', park, exchange, token, connectionId, responses, requestId: id } as const;
  const reply = await link.ask(replica, meta === undefined ? asked : { ...asked, meta }, REACH_MS);
  if (reply?.taken === true) return streamOf(pieces);
  remoteExchanges.close(exchange);
  if (reply === undefined) abandon(); // it may have heard us, and we not it
  return lost;
}

export const ownerOf = (caller: Call['caller'], connectionId: string | null): ParkedFor => ({
  userId: caller.userId,
  clientId: caller.clientId,
  sid: caller.sid,
  connectionId,
});

/** Answers the server and relays what it says from then on, to whoever retried. */
export function resumed(
  uses: RelayUses,
  { serverCall, messages, answer }: ParkedCall,
  call: Call,
  refuseLate: RefuseLate,
  responses: JsonObject,
): AsyncGenerator<AnswerPiece> {
  const { disconnected } = call.inbound;
  const end = () => serverCall.work.abort();
  if (disconnected.aborted) end();
  disconnected.addEventListener('abort', end, { once: true });
  answer(responses);
  call.notes.sent();
  return dialogue(
    uses,
    { ...serverCall, call, refuseLate },
    readdressed(messages, serverCall.call.request, call.request),
  );
}

/** The server still answers the first request; the client waits for the answer to its retry. */
async function* readdressed(
  messages: AsyncIterator<ServerMessage>,
  from: Addressee,
  to: Addressee,
): AsyncGenerator<ServerMessage> {
  try {
    for (;;) {
      const { value: message, done } = await messages.next();
      if (done === true) return;
      const { params } = message.value;
      if (isResponseTo(message, from.id)) yield withValue(message, { id: to.id });
      else if (message.value['method'] === 'notifications/progress' && isProgressOf(params, from))
        yield withValue(message, { params: { ...params, progressToken: to.meta?.['progressToken'] } });
      else yield message;
    }
  } finally {
    await messages.return?.();
  }
}

interface Addressee {
  readonly id: RequestId;
  readonly meta: JsonObject | undefined;
}

const isProgressOf = (params: unknown, { meta }: Addressee): params is JsonObject =>
  typeof params === 'object' &&
  params !== null &&
  'progressToken' in params &&
  params.progressToken === meta?.['progressToken'];
