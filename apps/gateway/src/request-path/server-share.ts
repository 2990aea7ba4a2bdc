import { setTimeout as pause } from 'node:timers/promises';
import type { DocumentOf } from '@sallyport/configuration';
import { isJsonObject } from '@sallyport/mcp-relay';
import type { RelayAnswer, ServerMessage } from '@sallyport/mcp-relay';
import type { Action, Permit } from '@sallyport/policy';
import { publicResourceUri, serverResourceUri } from '@sallyport/server';
import type { SubscriptionFilter } from '../inbound/client-message.js';
import { abilitiesToward } from '../dialog/client-abilities.js';
import type { CredentialLease } from '../outbound/credential-leases.js';
import { forward } from '../outbound/forward.js';
import { withLease } from '../outbound/with-lease.js';
import { decisionOn, mayHear } from './decide-operation.js';
import type { Feed } from './feed.js';
import { permitWatch } from './lease-and-forward.js';
import { leaseTarget } from './reach.js';
import type { Call } from './request-path.js';

export const LISTS = { toolsListChanged: 'notifications/tools/list_changed', promptsListChanged: 'notifications/prompts/list_changed', resourcesListChanged: 'notifications/resources/list_changed' } as const;
const LIST_ACTIONS = { toolsListChanged: 'list-tools', promptsListChanged: 'list-prompts', resourcesListChanged: 'list-resources' } as const;
type ListName = keyof typeof LISTS;
export const listNames = Object.keys(LISTS) as ListName[];
/** A server's lists change no more often. */
const CHANGE_MS = 100;

/** One server's part of a subscription: what it agreed to tell, and its stream. */
export interface Share {
  readonly server: string;
  readonly lease: CredentialLease;
  readonly honoured: SubscriptionFilter;
  readonly messages: AsyncIterator<ServerMessage>;
  /** Ends it at the server too. */
  readonly end: () => void;
}

/** Asks one server; `undefined` when it may not be asked, does not answer, or agrees to nothing. */
export async function shareOf(call: Call, name: string, wanted: SubscriptionFilter, onPermit: (watch: NonNullable<Call['open']['lost']>) => void): Promise<Share | undefined> {
  const server = call.snapshot.get('McpServer', name);
  const reach = server && permitFor(call, server, wanted);
  if (server === undefined || reach === undefined) return undefined;
  const { permit, action, filter } = reach;
  let isAcknowledged = false;
  const { disconnected } = call.inbound;
  const work = new AbortController();
  const end = () => {
    disconnected.removeEventListener('abort', end);
    clearTimeout(timer);
    work.abort();
  };
  // Whoever drips or is silent instead of agreeing takes no part: the others are not kept waiting.
  const timer = setTimeout(end, call.path.listTimeoutMs);
  disconnected.addEventListener('abort', end, { once: true });
  if (disconnected.aborted) end();
  const leased = await withLease<RelayAnswer>(call.path.leases, permit, leaseTarget(call, server), async (lease) => {
    // A call's own progress token and names are not the subscription's.
    const { id, era, meta } = call.request;
    const request = { id, method: 'subscriptions/listen', params: { notifications: filter }, meta: era === 'modern' ? meta : undefined };
    return await forward(permit, lease, server, request, { channel: call.path.channel, clientInfo: call.path.identity, signal: work.signal, timeoutMs: call.path.listTimeoutMs, abilities: abilitiesToward(server, call.request.abilities), mayBeSilent: () => isAcknowledged });
  });
  if (leased.type !== 'used' || leased.value.type !== 'stream') {
    end();
    return undefined;
  }
  onPermit(permitWatch(call, permit, leased.lease, action));
  const stream = leased.value.messages[Symbol.asyncIterator]();
  const honoured = await acknowledged(stream, filter);
  clearTimeout(timer);
  if (honoured === undefined || work.signal.aborted) {
    end();
    return undefined;
  }
  isAcknowledged = true;
  return { server: name, lease: leased.lease, honoured, messages: stream, end };
}

/** What of it this caller may hear of from this server: changes of lists it may list, and of resources it may read. */
function permitFor(call: Call, { name }: DocumentOf<'McpServer'>, wanted: SubscriptionFilter): { permit: Permit; action: Action; filter: SubscriptionFilter } | undefined {
  let reach: { permit: Permit; action: Action } | undefined;
  const may = (action: Action): boolean => {
    const decision = decisionOn(call, name, action);
    if (decision.outcome === 'allow') reach ??= { permit: decision.permit, action };
    return decision.outcome === 'allow';
  };
  const lists = listNames.filter((list) => wanted[list] === true && may({ type: LIST_ACTIONS[list] }));
  const uris = (wanted.resourceSubscriptions ?? []).flatMap((publicUri) => {
    const found = serverResourceUri(publicUri, call.servers, call.prefix);
    return found?.server === name && may({ type: 'resource', uri: found.uri }) ? [found.uri] : [];
  });
  return reach && { ...reach, filter: { ...Object.fromEntries(lists.map((list) => [list, true])), ...(uris.length > 0 ? { resourceSubscriptions: uris } : {}) } };
}

/** The first message says what the server agreed to; more than was asked for is not agreed to. */
async function acknowledged(stream: AsyncIterator<ServerMessage>, asked: SubscriptionFilter): Promise<SubscriptionFilter | undefined> {
  try {
    const { value: message, done } = await stream.next();
    const params = done === true || message.value['method'] !== 'notifications/subscriptions/acknowledged' ? undefined : message.value['params'];
    const agreed = isJsonObject(params) ? params['notifications'] : undefined;
    if (!isJsonObject(agreed)) return undefined;
    const lists = listNames.filter((list) => asked[list] === true && agreed[list] === true);
    const uris = Array.isArray(agreed['resourceSubscriptions']) ? (agreed['resourceSubscriptions'] as unknown[]) : [];
    const resources = (asked.resourceSubscriptions ?? []).filter((uri) => uris.includes(uri));
    return lists.length + resources.length === 0 ? undefined : { ...Object.fromEntries(lists.map((list) => [list, true])), ...(resources.length > 0 ? { resourceSubscriptions: resources } : {}) };
  } catch {
    return undefined; // it fell silent or broke: it takes no part
  }
}

/** What one server says, in our words: only what it agreed to tell, and only about its own resources. */
export async function pump(call: Call, { server, lease, honoured, messages }: Share, feed: Feed): Promise<void> {
  try {
    for (;;) {
      const { value: message, done } = await messages.next();
      if (done === true || 'id' in message.value) break;
      const { method, params } = message.value;
      const list = listNames.find((name) => LISTS[name] === method);
      if (list !== undefined && honoured[list] === true && mayHear(call, server, { type: LIST_ACTIONS[list] })) {
        call.path.catalogues.forget(lease);
        feed.push({ method: LISTS[list] });
        // Each change costs us and the client a reading: a storm of them waits at the server.
        await pause(CHANGE_MS, undefined, { signal: call.inbound.disconnected, ref: false });
      } else if (method === 'notifications/resources/updated' && isJsonObject(params) && typeof params['uri'] === 'string' && honoured.resourceSubscriptions?.includes(params['uri']) === true && mayHear(call, server, { type: 'resource', uri: params['uri'] })) {
        const uri = publicResourceUri(server, params['uri'], call.prefix);
        if (uri !== undefined) feed.push({ method, uri });
      }
    }
  } catch {
    // broken off: the subscription ends below, and the client makes it anew
  }
  feed.end();
}
