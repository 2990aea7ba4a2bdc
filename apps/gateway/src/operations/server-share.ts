import { setTimeout as pause } from 'node:timers/promises';
import type { DocumentOf } from '@sallyport/configuration';
import { isJsonObject, parseMessage } from '@sallyport/mcp-relay';
import type { RelayAnswer, ServerMessage } from '@sallyport/mcp-relay';
import type { Action, Permit } from '@sallyport/policy';
import { normalResourceUri, publicResourceUri, serverResourceUri } from '@sallyport/server';
import type { SubscriptionFilter } from '../protocol/client-message.js';
import { abilitiesToward } from '../protocol/client-abilities.js';
import type { ClientAbilities } from '../protocol/client-abilities.js';
import type { Clock } from '@sallyport/kernel';
import type { Catalogues } from '../outbound/catalogues.js';
import type { CredentialLease } from '../outbound/credential-leases.js';
import type { ServerAccess } from '../outbound/server-access.js';
import { detailedTask } from '../conversation/convert-task.js';
import { decisionOn } from '../call/decide-operation.js';
import type { Decisions } from '../call/decide-operation.js';
import type { Feed } from './feed.js';
import { permitWatch } from '../call/permit-watch.js';
import type { PermitWatch } from '../call/open-calls.js';
import { leaseTarget } from '../call/lease-target.js';
import type { Call } from '../call/call.js';
import type { FollowedTask } from './followed-task.js';

export const LISTS = {
  toolsListChanged: 'notifications/tools/list_changed',
  promptsListChanged: 'notifications/prompts/list_changed',
  resourcesListChanged: 'notifications/resources/list_changed',
} as const;
const LIST_ACTIONS = {
  toolsListChanged: 'list-tools',
  promptsListChanged: 'list-prompts',
  resourcesListChanged: 'list-resources',
} as const;
type ListName = keyof typeof LISTS;
export const listNames = Object.keys(LISTS) as ListName[];
const TASK_CHANGED = 'notifications/tasks';
/** A server's lists change no more often. */
const CHANGE_MS = 100;

/** What a client wants to hear of; its tasks are opened already. */
export interface Wanted extends Omit<SubscriptionFilter, 'taskIds'> {
  readonly tasks?: readonly FollowedTask[] | undefined;
}

/** One server's part of a subscription: what it agreed to tell, and its stream. */
export interface Share {
  readonly server: string;
  readonly lease: CredentialLease;
  readonly honoured: SubscriptionFilter;
  /** Those it agreed to tell of, by its own ids. */
  readonly tasks: ReadonlyMap<string, FollowedTask>;
  /** What it may ask, in the state of a task. */
  readonly abilities: ClientAbilities;
  readonly messages: AsyncIterator<ServerMessage>;
  /** Ends it at the server too. */
  readonly end: () => void;
}

export interface ShareUses {
  readonly servers: ServerAccess;
  readonly decisions: Decisions;
  readonly catalogues: Catalogues;
  readonly clock: Clock;
  /** How long a subscription waits for one server to agree. */
  readonly listTimeoutMs: number;
}

/** Asks one server; `undefined` when it may not be asked, does not answer, or agrees to nothing. */
export async function shareOf(
  { servers, clock, listTimeoutMs }: ShareUses,
  call: Call,
  name: string,
  wanted: Wanted,
  onPermit: (watch: PermitWatch) => void,
): Promise<Share | undefined> {
  const server = call.snapshot.get('McpServer', name);
  const reach = server && permitFor(call, server, wanted);
  if (server === undefined || reach === undefined) return undefined;
  const { permit, action, filter, tasks } = reach;
  const abilities = abilitiesToward(server, call.request.abilities);
  let isAcknowledged = false;
  const { disconnected } = call.inbound;
  const work = new AbortController();
  const end = () => {
    disconnected.removeEventListener('abort', end);
    clearTimeout(timer);
    work.abort();
  };
  // Whoever drips or is silent instead of agreeing takes no part: the others are not kept waiting.
  const timer = setTimeout(end, listTimeoutMs);
  disconnected.addEventListener('abort', end, { once: true });
  if (disconnected.aborted) end();
  const leased = await servers.withLease<RelayAnswer>(permit, leaseTarget(call, server), async (lease) => {
    // A call's own progress token and names are not the subscription's.
    const { id, era, meta } = call.request;
    const request = {
      id,
      method: 'subscriptions/listen',
      params: { notifications: filter },
      meta: era === 'modern' ? meta : undefined,
    };
    return await servers.forward(permit, lease, server, request, {
      signal: work.signal,
      timeoutMs: listTimeoutMs,
      abilities,
      mayBeSilent: () => isAcknowledged,
    });
  });
  if (leased.type !== 'used' || leased.value.type !== 'stream') {
    end();
    return undefined;
  }
  onPermit(permitWatch(clock, call, permit, leased.lease, action));
  const stream = leased.value.messages[Symbol.asyncIterator]();
  const honoured = await acknowledged(stream, filter);
  clearTimeout(timer);
  if (honoured === undefined || work.signal.aborted) {
    end();
    return undefined;
  }
  isAcknowledged = true;
  const agreed = new Set(honoured.taskIds);
  return {
    server: name,
    lease: leased.lease,
    honoured,
    tasks: new Map([...tasks].filter(([id]) => agreed.has(id))),
    abilities,
    messages: stream,
    end,
  };
}

/** How a task is now, told in full (2026-07-28): only of one that was asked for, and decided like asking for it. */
function tellTask(
  decisions: Decisions,
  call: Call,
  { server: name, lease, tasks, abilities }: Share,
  { json }: ServerMessage,
  feed: Feed,
): void {
  const redacted = lease.redactJson(json);
  const params = parseMessage(redacted)?.value['params'];
  const task = isJsonObject(params) && typeof params['taskId'] === 'string' ? tasks.get(params['taskId']) : undefined;
  if (!isJsonObject(params) || task === undefined || !decisions.mayHear(call, name, task.action)) return;
  const state = detailedTask({ call, server: task.server, abilities }, params, { is: task.id, called: task.taskId });
  if (isJsonObject(state))
    feed.push({ method: TASK_CHANGED, about: task.taskId, params: state, size: redacted.length });
}

/**
 * What of it this caller may hear of from this server: changes of lists it may list, of resources it may read, and of
 * tasks it may follow up.
 */
function permitFor(
  call: Call,
  { name }: DocumentOf<'McpServer'>,
  wanted: Wanted,
):
  | { permit: Permit; action: Action; filter: SubscriptionFilter; tasks: ReadonlyMap<string, FollowedTask> }
  | undefined {
  let reach: { permit: Permit; action: Action } | undefined;
  const may = (action: Action): boolean => {
    const decision = decisionOn(call, name, action);
    if (decision.outcome === 'allow') reach ??= { permit: decision.permit, action };
    return decision.outcome === 'allow';
  };
  const lists = listNames.filter((list) => wanted[list] === true && may({ type: LIST_ACTIONS[list] }));
  const uris = (wanted.resourceSubscriptions ?? []).flatMap((publicUri) => {
    const found = serverResourceUri(publicUri, call.servers, call.naming.prefix);
    return found.type === 'found' && found.server === name && may({ type: 'resource', uri: found.uri })
      ? [found.uri]
      : [];
  });
  const tasks = new Map(
    (wanted.tasks ?? [])
      .filter(({ server, action }) => server.name === name && may(action))
      .map((task) => [task.id, task]),
  );
  return (
    reach && {
      ...reach,
      tasks,
      filter: {
        ...Object.fromEntries(lists.map((list) => [list, true])),
        ...(uris.length > 0 ? { resourceSubscriptions: uris } : {}),
        ...(tasks.size > 0 ? { taskIds: [...tasks.keys()] } : {}),
      },
    }
  );
}

/** The first message says what the server agreed to; more than was asked for is not agreed to. */
async function acknowledged(
  stream: AsyncIterator<ServerMessage>,
  asked: SubscriptionFilter,
): Promise<SubscriptionFilter | undefined> {
  try {
    const { value: message, done } = await stream.next();
    const params =
      done === true || message.value['method'] !== 'notifications/subscriptions/acknowledged'
        ? undefined
        : message.value['params'];
    const agreed = isJsonObject(params) ? params['notifications'] : undefined;
    if (!isJsonObject(agreed)) return undefined;
    const lists = listNames.filter((list) => asked[list] === true && agreed[list] === true);
    const agreedOf = (name: 'resourceSubscriptions' | 'taskIds') => {
      const named = new Set(Array.isArray(agreed[name]) ? (agreed[name] as unknown[]) : []);
      return (asked[name] ?? []).filter((one) => named.has(one));
    };
    const [resourceSubscriptions, taskIds] = [agreedOf('resourceSubscriptions'), agreedOf('taskIds')];
    return lists.length + resourceSubscriptions.length + taskIds.length === 0
      ? undefined
      : { ...Object.fromEntries(lists.map((list) => [list, true])), resourceSubscriptions, taskIds };
  } catch {
    return undefined; // it fell silent or broke: it takes no part
  }
}

/**
 * The public URI of a resource that changed, in whatever form the server wrote it; `undefined` if this client does not
 * hear of it.
 */
function toldResource(decisions: Decisions, call: Call, { server, honoured }: Share, uri: unknown): string | undefined {
  const normal = typeof uri === 'string' ? normalResourceUri(uri) : undefined;
  if (normal === undefined || honoured.resourceSubscriptions?.includes(normal) !== true) return undefined;
  return decisions.mayHear(call, server, { type: 'resource', uri: normal })
    ? publicResourceUri(server, normal, call.naming.prefix)
    : undefined;
}

/** What one server says, in our words: only what it agreed to tell, and only about its own resources. */
export async function pump({ decisions, catalogues }: ShareUses, call: Call, share: Share, feed: Feed): Promise<void> {
  const { server, lease, honoured, messages } = share;
  try {
    for (;;) {
      await feed.room();
      const { value: message, done } = await messages.next();
      if (done === true || 'id' in message.value) break;
      const { method, params } = message.value;
      const list = listNames.find((name) => LISTS[name] === method);
      if (
        list !== undefined &&
        honoured[list] === true &&
        decisions.mayHear(call, server, { type: LIST_ACTIONS[list] })
      ) {
        catalogues.forget(lease);
        feed.push({ method: LISTS[list] });
        // Each change costs us and the client a reading: a storm of them waits at the server.
        await pause(CHANGE_MS, undefined, { signal: call.inbound.disconnected, ref: false });
      } else if (method === 'notifications/resources/updated' && isJsonObject(params)) {
        const uri = toldResource(decisions, call, share, params['uri']);
        if (uri !== undefined) feed.push({ method, about: uri, params: { uri } });
      } else if (method === TASK_CHANGED) tellTask(decisions, call, share, message, feed);
    }
  } catch {
    // broken off: the subscription ends below, and the client makes it anew
  }
  feed.end();
}
