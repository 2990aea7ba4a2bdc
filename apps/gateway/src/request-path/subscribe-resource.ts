import { serverResourceUri } from '@sallyport/server';
import { jsonAnswer } from '../http/exchange.js';
import type { Answer } from '../http/exchange.js';
import type { Operation } from '../inbound/client-message.js';
import { abilitiesToward } from '../dialog/client-abilities.js';
import { forward } from '../outbound/forward.js';
import { readAnswer } from '../outbound/read-answer.js';
import type { ServerResult } from '../outbound/read-answer.js';
import { titleOf } from '../outbound/server-title.js';
import { withLease } from '../outbound/with-lease.js';
import { decideOperation } from './decide-operation.js';
import { findResource } from './find-resource.js';
import { requestOf } from './lease-and-forward.js';
import { leaseRefusal, leaseTarget } from './reach.js';
import { isRefusal } from './refusal.js';
import type { Refusal } from './refusal.js';
import { answerRoom } from './request-path.js';
import type { Call } from './request-path.js';

/** Servers of 2026-07-28, and older ones without the capability, do not know the method. */
const METHOD_NOT_FOUND = -32601;

/**
 * resources/subscribe and resources/unsubscribe (2025-11-25 and older), decided as reading the resource is. A server that knows the
 * method has its say; the subscription itself is kept here, for the calls of this session (`updates-during-call.ts`).
 */
export async function subscribeResource(
  call: Call,
  { type, uri: publicUri }: Extract<Operation, { type: 'subscribe' | 'unsubscribe' }>,
): Promise<Answer | Refusal> {
  const {
    path,
    request: { id, session },
  } = call;
  if (session === undefined) return { refused: 'invalid-params', message: 'A subscription needs a session.' };
  const unknown: Refusal = { refused: 'unknown-resource', uri: publicUri };
  const found = findResource(call, serverResourceUri(publicUri, call.servers, call.prefix), unknown);
  if (isRefusal(found)) return found;
  const { server } = found;
  const resource = { server: server.name, uri: found.uri };
  call.facts.server = resource.server;
  call.facts.target = resource.uri;
  const permit = decideOperation(call, resource.server, { type: 'resource', uri: resource.uri }, unknown);
  if (isRefusal(permit)) return permit;
  if (type === 'subscribe' && !path.resourceSubscriptions.hasRoomFor(session.id, resource))
    return { refused: 'too-many', what: 'subscriptions', byAll: false };

  const telling = path.link.mayTell(call.caller.userId);
  if (!('tell' in telling)) return { refused: 'too-often', ...telling };

  const options = {
    channel: path.channel,
    clientInfo: path.identity,
    signal: call.inbound.disconnected,
    room: answerRoom(path, call.caller.userId),
    abilities: abilitiesToward(server, call.request.abilities),
  };
  const asked = await withLease<ServerResult>(path.leases, permit, leaseTarget(call, server), async (lease) => {
    return await readAnswer(
      await forward(permit, lease, server, { ...requestOf(call, { uri: resource.uri }), name: resource.uri }, options),
      id,
      lease,
    );
  });
  if (asked.type !== 'used') return leaseRefusal(call, server, asked);
  call.facts.connectionId = asked.lease.connectionId ?? undefined;
  if (asked.value.type === 'failed')
    return { refused: 'server-unavailable', title: titleOf(server), reason: asked.value.reason };
  // In one's own words a server could tell what is there from what may not be read (S15).
  if (asked.value.type === 'error' && asked.value.code !== METHOD_NOT_FOUND) return unknown;

  path.resourceSubscriptions.set(session.id, resource, type === 'subscribe');
  // For the session's calls, wherever they arrive.
  await telling.tell({ type: 'subscription', sessionId: session.id, ...resource, isWanted: type === 'subscribe' });
  return jsonAnswer(200, { jsonrpc: '2.0', id, result: {} });
}
