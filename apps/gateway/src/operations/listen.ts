import { formatEvent } from '@sallyport/mcp-relay';
import type { JsonObject } from '@sallyport/mcp-relay';
import { publicResourceUri, serverResourceUri } from '@sallyport/server';
import type { Places } from '../call/places.js';
import type { AnswerPiece, Answer } from '../protocol/exchange.js';
import type { SubscriptionFilter } from '../protocol/client-message.js';
import type { StateSealer } from '../session/state-sealer.js';
import { serverInfoMeta } from './describe-gateway.js';
import type { Identity } from './describe-gateway.js';
import { Feed } from './feed.js';
import { anyOf } from '../call/open-calls.js';
import type { PermitWatch } from '../call/open-calls.js';
import type { Refusal } from '../protocol/refusal.js';
import { streamOf } from '../conversation/relay-answer.js';
import { documentsGeneration } from '../call/configured-for.js';
import type { Call } from '../call/call.js';
import { listNames, LISTS, pump, shareOf } from './server-share.js';
import type { Share, ShareUses } from './server-share.js';
import { followedTask, needsTasks } from './followed-task.js';
import type { Perform } from './operation.js';
import type { StreamPauses } from './stream-pauses.js';

const SUBSCRIPTION_ID = 'io.modelcontextprotocol/subscriptionId';

export interface ListenUses extends ShareUses {
  /** Each holds a stream to every server. */
  readonly subscriptions: Places;
  readonly streamPauses: StreamPauses;
  readonly sealer: StateSealer;
  readonly identity: Identity;
}

/**
 * subscriptions/listen (2026-07-28): one stream out of those of all servers this caller may reach, each permitted and
 * leased like a call. The acknowledgment names what somebody agreed to tell; URIs and the subscription's id are ours.
 * Lists also change when configuration does, which the gateway says itself. Ends with a result when a server's share
 * ends, so that the client subscribes anew and learns what still holds; a server that ends it again and again is left
 * out for a while.
 */
export function createListen(uses: ListenUses): Perform<'listen'> {
  return (call, { wanted }) => listen(uses, call, wanted);
}

async function listen(uses: ListenUses, call: Call, wanted: SubscriptionFilter): Promise<Answer | Refusal> {
  const { subscriptions, streamPauses, sealer } = uses;
  const { caller } = call;
  if (wanted.taskIds !== undefined && !call.request.abilities.has('tasks')) return needsTasks();
  for (const uri of wanted.resourceSubscriptions ?? []) {
    const received = serverResourceUri(uri, call.servers, call.naming.prefix);
    if (received.type === 'not-normal') return { type: 'uri-not-normal', part: received.part, normal: received.normal };
  }
  const leave = subscriptions.enter(caller.userId);
  if (leave === undefined)
    return { type: 'too-many', what: 'subscriptions', byAll: subscriptions.isByAll(caller.userId) };
  call.inbound.onOver(leave);
  const tasks = (wanted.taskIds ?? []).flatMap((taskId) => followedTask(sealer, call, taskId) ?? []);
  const watches: PermitWatch[] = [];
  const pauses = new Map(call.servers.map((name) => [name, streamPauses.left(name, caller.userId)]));
  const shares = (
    await Promise.all(
      call.servers
        .filter((name) => pauses.get(name) === 0)
        .map((name) => shareOf(uses, call, name, { ...wanted, tasks }, (watch) => watches.push(watch))),
    )
  ).filter((share) => share !== undefined);
  const feed = new Feed(call.inbound.bytes);
  let { documentsGeneration: generation } = call;
  const permits = anyOf(watches);
  call.open.watch = {
    ...permits,
    isLost(snapshot) {
      const current = documentsGeneration(snapshot);
      if (current !== generation)
        for (const name of listNames) if (wanted[name] === true) feed.push({ method: LISTS[name] });
      generation = current;
      return permits.isLost(snapshot);
    },
  };
  return streamOf(subscription(uses, call, wanted, shares, feed, Math.max(0, ...pauses.values())));
}

async function* subscription(
  uses: ListenUses,
  call: Call,
  wanted: SubscriptionFilter,
  shares: readonly Share[],
  feed: Feed,
  pausedMs: number,
): AsyncGenerator<AnswerPiece> {
  const { id } = call.request;
  const { disconnected } = call.inbound;
  const tagged = (method: string, params: JsonObject = {}) =>
    formatEvent(JSON.stringify({ jsonrpc: '2.0', method, params: { ...params, _meta: { [SUBSCRIPTION_ID]: id } } }));
  const stop = () => feed.end();
  disconnected.addEventListener('abort', stop, { once: true });
  if (disconnected.aborted) stop();
  // Whoever was left out is asked when the client subscribes anew.
  const pause = pausedMs > 0 ? setTimeout(stop, pausedMs) : undefined;
  const openedAt = uses.clock();
  let isOver = false;
  try {
    // Changes of configuration change every list: those we can always tell.
    const lists = Object.fromEntries(listNames.filter((list) => wanted[list] === true).map((list) => [list, true]));
    const resourceSubscriptions = shares.flatMap(({ server, honoured }) =>
      (honoured.resourceSubscriptions ?? []).flatMap((uri) => publicResourceUri(server, uri, call.naming.prefix) ?? []),
    );
    const taskIds = shares.flatMap(({ tasks }) => [...tasks.values()].map(({ taskId }) => taskId));
    yield {
      text: tagged('notifications/subscriptions/acknowledged', {
        notifications: {
          ...lists,
          ...(resourceSubscriptions.length > 0 ? { resourceSubscriptions } : {}),
          ...(taskIds.length > 0 ? { taskIds } : {}),
        },
      }),
      last: false,
    };
    for (const share of shares)
      void pump(uses, call, share, feed).then(() => {
        if (!isOver && !disconnected.aborted) uses.streamPauses.note(share.server, call.caller.userId, openedAt);
      });
    for (let next = await feed.take(); next !== undefined; next = await feed.take())
      yield { text: tagged(next.method, next.params), last: false };
    if (!disconnected.aborted)
      yield {
        text: formatEvent(
          JSON.stringify({
            jsonrpc: '2.0',
            id,
            result: { resultType: 'complete', _meta: { ...serverInfoMeta(uses.identity), [SUBSCRIPTION_ID]: id } },
          }),
        ),
        last: true,
      };
  } finally {
    isOver = true;
    clearTimeout(pause);
    disconnected.removeEventListener('abort', stop);
    feed.end();
    for (const share of shares) share.end();
  }
}
