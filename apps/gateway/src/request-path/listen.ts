import type { DocumentOf } from '@sallyport/configuration';
import { formatEvent, isJsonObject } from '@sallyport/mcp-relay';
import type { JsonObject, RelayAnswer, ServerMessage } from '@sallyport/mcp-relay';
import type { Action, Permit } from '@sallyport/policy';
import { publicResourceUri, serverResourceUri } from '@sallyport/server';
import type { AnswerPiece, Answer } from '../http/exchange.js';
import type { SubscriptionFilter } from '../inbound/client-message.js';
import type { CredentialLease } from '../outbound/credential-leases.js';
import { forward } from '../outbound/forward.js';
import { withLease } from '../outbound/with-lease.js';
import { decisionOn } from './decide-operation.js';
import { serverInfoMeta } from './describe-gateway.js';
import { permitWatch, requestOf } from './lease-and-forward.js';
import { leaseTarget } from './reach.js';
import type { Refusal } from './refusal.js';
import { streamOf } from './relay-answer.js';
import { documentsGeneration } from './request-path.js';
import type { Call } from './request-path.js';

const SUBSCRIPTION_ID = 'io.modelcontextprotocol/subscriptionId';
const LISTS = { toolsListChanged: 'notifications/tools/list_changed', promptsListChanged: 'notifications/prompts/list_changed', resourcesListChanged: 'notifications/resources/list_changed' } as const;
type ListName = keyof typeof LISTS;
const listNames = Object.keys(LISTS) as ListName[];
/** What a client has not taken yet; changes of lists are told once however often they happen. */
const MAX_PENDING = 1_000;

/** One server's part of a subscription: what it agreed to tell, and its stream. */
interface Share {
  readonly server: string;
  readonly lease: CredentialLease;
  readonly honoured: SubscriptionFilter;
  readonly messages: AsyncIterator<ServerMessage>;
}

/**
 * subscriptions/listen (2026-07-28): one stream out of those of all servers this caller may reach, each permitted and leased
 * like a call. The acknowledgment names what somebody agreed to tell; URIs and the subscription's id are ours. Lists also
 * change when configuration does, which the gateway says itself. Ends with a result when a server's share ends, so that
 * the client subscribes anew and learns what still holds.
 */
export async function listen(call: Call, wanted: SubscriptionFilter): Promise<Answer | Refusal> {
  const { path, caller } = call;
  const leave = path.subscriptions.enter(caller.userId);
  if (leave === undefined) return { refused: 'too-many', what: 'subscriptions' };
  call.inbound.onOver(leave);
  const watches: NonNullable<Call['open']['lost']>[] = [];
  const shares = (await Promise.all(call.servers.map((name) => shareOf(call, name, wanted, (watch) => watches.push(watch))))).filter((share) => share !== undefined);
  const feed = new Feed();
  let { documentsGeneration: generation } = call;
  call.open.lost = (snapshot) => {
    const current = documentsGeneration(snapshot);
    if (current !== generation) for (const name of listNames) if (wanted[name] === true) feed.push({ method: LISTS[name] });
    generation = current;
    return watches.map((watch) => watch(snapshot)).find((reason) => reason !== undefined);
  };
  return streamOf(subscription(call, wanted, shares, feed));
}

/** Asks one server; `undefined` when it may not be asked, does not answer, or agrees to nothing. */
async function shareOf(call: Call, name: string, wanted: SubscriptionFilter, onPermit: (watch: NonNullable<Call['open']['lost']>) => void): Promise<Share | undefined> {
  const server = call.snapshot.get('McpServer', name);
  const reach = server && permitFor(call, server, wanted);
  if (server === undefined || reach === undefined) return undefined;
  const { permit, action, filter } = reach;
  let messages: AsyncIterator<ServerMessage> | undefined;
  const leased = await withLease<RelayAnswer>(call.path.leases, permit, leaseTarget(call, server), async (lease) => {
    const request = requestOf(call, { notifications: filter });
    return await forward(permit, lease, server, request, { channel: call.path.channel, clientInfo: call.path.identity, signal: call.inbound.disconnected, timeoutMs: call.path.listTimeoutMs, abilities: new Set(), mayBeSilent: () => messages !== undefined });
  });
  if (leased.type !== 'used' || leased.value.type !== 'stream') return undefined;
  onPermit(permitWatch(call, permit, leased.lease, action));
  const stream = leased.value.messages[Symbol.asyncIterator]();
  const honoured = await acknowledged(stream, filter);
  if (honoured === undefined) await stream.return?.();
  else messages = stream;
  return messages === undefined || honoured === undefined ? undefined : { server: name, lease: leased.lease, honoured, messages };
}

/** What of it this caller may hear of from this server: changes of lists it may list, and of resources it may read. */
function permitFor(call: Call, { name }: DocumentOf<'McpServer'>, wanted: SubscriptionFilter): { permit: Permit; action: Action; filter: SubscriptionFilter } | undefined {
  let reach: { permit: Permit; action: Action } | undefined;
  const may = (action: Action): boolean => {
    const decision = decisionOn(call, name, action);
    if (decision.outcome === 'allow') reach ??= { permit: decision.permit, action };
    return decision.outcome === 'allow';
  };
  const kinds = { toolsListChanged: 'list-tools', promptsListChanged: 'list-prompts', resourcesListChanged: 'list-resources' } as const;
  const lists = listNames.filter((list) => wanted[list] === true && may({ type: kinds[list] }));
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

async function* subscription(call: Call, wanted: SubscriptionFilter, shares: readonly Share[], feed: Feed): AsyncGenerator<AnswerPiece> {
  const { id } = call.request;
  const { disconnected } = call.inbound;
  const tagged = (method: string, params: JsonObject = {}) => formatEvent(JSON.stringify({ jsonrpc: '2.0', method, params: { ...params, _meta: { [SUBSCRIPTION_ID]: id } } }));
  const stop = () => feed.end();
  disconnected.addEventListener('abort', stop, { once: true });
  if (disconnected.aborted) stop();
  try {
    // Changes of configuration change every list: those we can always tell.
    const lists = Object.fromEntries(listNames.filter((list) => wanted[list] === true).map((list) => [list, true]));
    const resourceSubscriptions = shares.flatMap(({ server, honoured }) => (honoured.resourceSubscriptions ?? []).flatMap((uri) => publicResourceUri(server, uri, call.prefix) ?? []));
    yield { text: tagged('notifications/subscriptions/acknowledged', { notifications: { ...lists, ...(resourceSubscriptions.length > 0 ? { resourceSubscriptions } : {}) } }), last: false };
    for (const share of shares) void pump(call, share, feed);
    for (let next = await feed.take(); next !== undefined; next = await feed.take()) yield { text: tagged(next.method, next.uri === undefined ? {} : { uri: next.uri }), last: false };
    if (!disconnected.aborted) yield { text: formatEvent(JSON.stringify({ jsonrpc: '2.0', id, result: { resultType: 'complete', _meta: { ...serverInfoMeta(call.path), [SUBSCRIPTION_ID]: id } } })), last: true };
  } finally {
    disconnected.removeEventListener('abort', stop);
    feed.end();
    for (const { messages } of shares) void messages.return?.();
  }
}

/** What one server says, in our words: only what it agreed to tell, and only about its own resources. */
async function pump(call: Call, { server, lease, honoured, messages }: Share, feed: Feed): Promise<void> {
  try {
    for (;;) {
      const { value: message, done } = await messages.next();
      if (done === true || 'id' in message.value) break;
      const { method, params } = message.value;
      const list = listNames.find((name) => LISTS[name] === method);
      if (list !== undefined && honoured[list] === true) {
        call.path.catalogues.forget(lease);
        feed.push({ method: LISTS[list] });
      } else if (method === 'notifications/resources/updated' && isJsonObject(params) && typeof params['uri'] === 'string' && honoured.resourceSubscriptions?.includes(params['uri']) === true) {
        const uri = publicResourceUri(server, params['uri'], call.prefix);
        if (uri !== undefined) feed.push({ method, uri });
      }
    }
  } catch {
    // broken off: the subscription ends below, and the client makes it anew
  }
  feed.end();
}

interface Change {
  readonly method: string;
  readonly uri?: string;
}

/** Changes that wait for the client: each at most once. */
class Feed {
  readonly #pending = new Map<string, Change>();
  #ended = false;
  #wake: () => void = () => undefined;

  push(change: Change): void {
    if (this.#pending.size >= MAX_PENDING) this.#ended = true;
    else this.#pending.set(`${change.method} ${change.uri ?? ''}`, change);
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async take(): Promise<Change | undefined> {
    for (;;) {
      const [first] = this.#pending;
      if (first !== undefined) {
        this.#pending.delete(first[0]);
        return first[1];
      }
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
