import { compilePolicies, decide } from '@sallyport/policy';
import type { Action, Permit } from '@sallyport/policy';
import type { DocumentOf } from '@sallyport/configuration';
import { isJsonObject } from '@sallyport/mcp-relay';
import type { JsonObject, RelayAnswer } from '@sallyport/mcp-relay';
import { abilitiesToward, unasked } from '../dialog/client-abilities.js';
import { parkedPlace, resumeCall } from '../dialog/resume-call.js';
import type { Answer } from '../http/exchange.js';
import type { CredentialLease } from '../outbound/credential-leases.js';
import { forward } from '../outbound/forward.js';
import type { ServerRequest } from '../outbound/forward.js';
import { originOf, withLease } from '../outbound/with-lease.js';
import { BATCH_VERSION } from './answer-batch.js';
import { decideOperation } from './decide-operation.js';
import { leaseRefusal, leaseTarget } from './reach.js';
import { relayAnswer } from './relay-answer.js';
import { isRefusal } from './refusal.js';
import type { Refusal } from './refusal.js';
import { mayNeedInput } from '../inbound/client-message.js';
import { answerRoom, asOfNow, documentsGeneration } from './request-path.js';
import type { Call } from './request-path.js';
import type { RefuseLate, Sent, ServerCall } from './server-call.js';

export type { RefuseLate };

/** What was permitted is done: with the credential leased for the permit, watched for as long as it runs (security rule S17). */
export async function leaseAndForward(
  call: Call,
  permit: Permit,
  server: DocumentOf<'McpServer'>,
  action: Action,
  request: ServerRequest,
  refuseLate: RefuseLate,
): Promise<Answer | Refusal> {
  const parked = parkedPlace(call, server.name);
  if (parked !== undefined) {
    const leased = await call.path.leases.lease(permit, leaseTarget(call, server));
    if (leased.type !== 'granted') return leaseRefusal(call, server, leased);
    call.facts.connectionId = leased.lease.connectionId ?? undefined;
    call.open.lost = permitWatch(call, permit, leased.lease, action);
    const { inputResponses } = request.params;
    return await resumeCall(
      { call, server, lease: leased.lease, refuseLate },
      parked,
      isJsonObject(inputResponses) ? inputResponses : {},
    );
  }
  const sent = await send(call, permit, server, action, request, refuseLate);
  return isRefusal(sent) ? sent : await relayAnswer(sent);
}

async function send(
  call: Call,
  permit: Permit,
  server: DocumentOf<'McpServer'>,
  action: Action,
  request: ServerRequest,
  refuseLate: RefuseLate,
): Promise<Sent | Refusal> {
  const { path, inbound } = call;
  const abilities = abilitiesToward(server, mayAsk(call) ? call.request.abilities : unasked(call.request.abilities));
  const waiting = new Set<() => void>();
  const work = new AbortController();
  inbound.disconnected.addEventListener('abort', () => work.abort(), { once: true });
  if (inbound.disconnected.aborted) work.abort();
  const leased = await withLease<RelayAnswer>(path.leases, permit, leaseTarget(call, server), (lease) => {
    call.open.lost = permitWatch(call, permit, lease, action);
    return forward(permit, lease, server, request, {
      channel: path.channel,
      clientInfo: path.identity,
      signal: work.signal,
      abilities,
      room: answerRoom(path, call.caller.userId),
      mayBeSilent: () => waiting.size > 0,
      maxLargeBytes: canStream(call) ? path.maxAnswerBytes : undefined,
    });
  });
  if (leased.type !== 'used') return leaseRefusal(call, server, leased);
  call.facts.connectionId = leased.lease.connectionId ?? undefined;
  const again: ServerCall['again'] = async (more) => {
    const now = asOfNow(call);
    if (isRefusal(now)) return now;
    const current = now.snapshot.get('McpServer', server.name);
    const renewed = decideOperation(now, server.name, action, { refused: 'denied' });
    if (isRefusal(renewed)) return renewed;
    return current === undefined
      ? { refused: 'denied' }
      : await send(now, renewed, current, action, { ...request, params: withRetry(request.params, more) }, refuseLate);
  };
  return {
    serverCall: {
      call,
      server,
      lease: leased.lease,
      action,
      params: request.params,
      abilities,
      waiting,
      work,
      refuseLate,
      again,
    },
    answer: leased.value,
  };
}

function withRetry(
  { requestState: _state, inputResponses: _responses, ...params }: JsonObject,
  more: JsonObject,
): JsonObject {
  return { ...params, ...more };
}

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

/** The client's request under the server's own names: nothing of its params but these travels. */
export const requestOf = (
  { request: { id, method, meta, logLevel } }: Call,
  params: Record<string, unknown>,
): ServerRequest => ({ id, method, params, meta, logLevel });

/** Time and network count while a call runs, too; a change of documents counts at once. */
const DECIDED_AGAIN_MS = 10_000;
const GOLDEN_RATIO = 0.618_033_988_75;
let watches = 0;

/**
 * When a call counts as decided that began now: somewhat earlier, for each call otherwise. Calls that began together are
 * decided again one after the other and not all at once, which nobody else could do anything during (S34).
 */
export const decidedSince = (now: number): number =>
  now - Math.floor(((++watches * GOLDEN_RATIO) % 1) * DECIDED_AGAIN_MS);

/** Says when a call that runs may no longer (security rule S17): its credential was revoked, or policy would not let it in again. */
export function permitWatch(
  call: Call,
  permit: Permit,
  lease: CredentialLease,
  action: Action,
): NonNullable<Call['open']['lost']> {
  let { documentsGeneration: generation } = call;
  let decidedAt = decidedSince(call.now);
  return (snapshot) => {
    const { revocations } = snapshot;
    if (
      (lease.connectionId !== null && revocations.isConnectionRevoked(lease.connectionId, lease.leasedAt)) ||
      revocations.isServerRevoked(permit.server, lease.leasedAt)
    )
      return 'credential_revoked';
    const now = call.path.clock();
    if (documentsGeneration(snapshot) === generation && now - decidedAt < DECIDED_AGAIN_MS) return undefined;
    [generation, decidedAt] = [documentsGeneration(snapshot), now];
    const decision = decide(compilePolicies(snapshot), call.caller, {
      server: permit.server,
      action,
      sourceIp: call.inbound.sourceIp,
      now,
    });
    const server = snapshot.get('McpServer', permit.server);
    const isSame =
      decision.outcome === 'allow' &&
      decision.permit.credentialProvider === permit.credentialProvider &&
      server !== undefined &&
      originOf(server) === lease.targetOrigin;
    return isSame ? undefined : 'permit_lost';
  };
}
