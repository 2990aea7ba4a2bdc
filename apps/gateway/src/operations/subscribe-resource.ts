import { serverResourceUri } from '@sallyport/server';
import { resultAnswer } from '../protocol/exchange.js';
import type { Answer } from '../protocol/exchange.js';
import type { Operation } from '../protocol/client-message.js';
import { abilitiesToward } from '../protocol/client-abilities.js';
import type { ServerAccess } from '../outbound/server-access.js';
import type { ReplicaLink } from '../replicas/replica-link.js';
import type { ResourceSubscriptions } from '../session/resource-subscriptions.js';
import type { StateSealer } from '../session/state-sealer.js';
import { titleOf } from '../protocol/server-title.js';
import type { Decisions } from '../call/decide-operation.js';
import { findResource } from '../call/find-resource.js';
import { leaseTarget } from '../call/lease-target.js';
import { refusalOfLease } from '../call/refusal-of-lease.js';
import { requestOf } from '../call/target.js';
import { isRefusal } from '../protocol/refusal.js';
import type { Refusal } from '../protocol/refusal.js';
import type { Call } from '../call/call.js';
import type { Perform } from './operation.js';

/** Servers of 2026-07-28, and older ones without the capability, do not know the method. */
const METHOD_NOT_FOUND = -32601;

export interface SubscribeResourceUses {
  readonly servers: ServerAccess;
  readonly decisions: Decisions;
  readonly resourceSubscriptions: ResourceSubscriptions;
  readonly link: ReplicaLink;
  readonly sealer: StateSealer;
}

/**
 * resources/subscribe and resources/unsubscribe (2025-11-25 and older), decided as reading the resource is. A server
 * that knows the method has its say; the subscription itself is kept here, for the calls of this session
 * (`updates-during-call.ts`).
 */
export function createSubscribeResource(uses: SubscribeResourceUses): Perform<'subscribe' | 'unsubscribe'> {
  return (call, operation) => subscribeResource(uses, call, operation);
}

async function subscribeResource(
  { servers, decisions, resourceSubscriptions, link, sealer }: SubscribeResourceUses,
  call: Call,
  { type, uri: publicUri }: Extract<Operation, { type: 'subscribe' | 'unsubscribe' }>,
): Promise<Answer | Refusal> {
  const { id, session } = call.request;
  if (session === undefined) return { type: 'invalid-params', message: 'A subscription needs a session.' };
  const unknown: Refusal = { type: 'unknown-resource', uri: publicUri };
  const found = findResource(call, serverResourceUri(publicUri, call.servers, call.naming.prefix), unknown);
  if (isRefusal(found)) return found;
  const { server } = found;
  const resource = { server: server.name, uri: found.uri };
  call.notes.target({ server: resource.server, target: resource.uri });
  const permit = decisions.permit(call, resource.server, { type: 'resource', uri: resource.uri }, unknown);
  if (isRefusal(permit)) return permit;
  if (type === 'subscribe' && !resourceSubscriptions.hasRoomFor(session.id, resource))
    return { type: 'too-many', what: 'subscriptions', byAll: false };

  const telling = link.mayTell(call.caller.userId);
  if (!('tell' in telling)) return { type: 'too-often', ...telling };

  const request = { ...requestOf(call, { uri: resource.uri }), name: resource.uri };
  const asked = await servers.ask(permit, leaseTarget(call, server), server, request, {
    signal: call.inbound.disconnected,
    abilities: abilitiesToward(server, call.request.abilities),
  });
  if (asked.type !== 'used') return refusalOfLease(sealer, call, server, asked);
  call.notes.leased(asked.lease);
  if (asked.value.type === 'failed') {
    const { type: _type, challenge: _challenge, ...failure } = asked.value;
    return { type: 'server-unavailable', title: titleOf(server), ...failure };
  }
  // In one's own words a server could tell what is there from what may not be read (S15).
  if (asked.value.type === 'error' && asked.value.said.code !== METHOD_NOT_FOUND) return unknown;

  const owned = { userId: call.caller.userId, expiresAt: session.expiresAt };
  const noRoom = resourceSubscriptions.set({ id: session.id, ...owned }, resource, type === 'subscribe');
  if (noRoom !== undefined) return { type: 'too-many', what: 'subscriptions', byAll: noRoom === 'all' };
  // For the session's calls, wherever they arrive.
  await telling.tell({
    type: 'subscription',
    sessionId: session.id,
    ...owned,
    ...resource,
    isWanted: type === 'subscribe',
  });
  return resultAnswer(id, {});
}
