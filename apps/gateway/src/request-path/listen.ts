import { formatEvent } from '@sallyport/mcp-relay';
import type { JsonObject } from '@sallyport/mcp-relay';
import { publicResourceUri, serverResourceUri } from '@sallyport/server';
import type { AnswerPiece, Answer } from '../http/exchange.js';
import type { SubscriptionFilter } from '../inbound/client-message.js';
import { serverInfoMeta } from './describe-gateway.js';
import { Feed } from './feed.js';
import type { Refusal } from './refusal.js';
import { streamOf } from './relay-answer.js';
import { documentsGeneration } from './request-path.js';
import type { Call } from './request-path.js';
import { listNames, LISTS, pump, shareOf } from './server-share.js';
import type { Share } from './server-share.js';
import { followedTask, needsTasks } from './use-task.js';

const SUBSCRIPTION_ID = 'io.modelcontextprotocol/subscriptionId';

/**
 * subscriptions/listen (2026-07-28): one stream out of those of all servers this caller may reach, each permitted and leased
 * like a call. The acknowledgment names what somebody agreed to tell; URIs and the subscription's id are ours. Lists also
 * change when configuration does, which the gateway says itself. Ends with a result when a server's share ends, so that
 * the client subscribes anew and learns what still holds; a server that ends it again and again is left out for a while.
 */
export async function listen(call: Call, wanted: SubscriptionFilter): Promise<Answer | Refusal> {
  const { path, caller } = call;
  if (wanted.taskIds !== undefined && !call.request.abilities.has('tasks')) return needsTasks();
  for (const uri of wanted.resourceSubscriptions ?? []) {
    const received = serverResourceUri(uri, call.servers, call.prefix);
    if (received.type === 'not-normal')
      return { refused: 'uri-not-normal', part: received.part, normal: received.normal };
  }
  const leave = path.subscriptions.enter(caller.userId);
  if (leave === undefined)
    return { refused: 'too-many', what: 'subscriptions', byAll: path.subscriptions.isByAll(caller.userId) };
  call.inbound.onOver(leave);
  const tasks = (wanted.taskIds ?? []).flatMap((taskId) => followedTask(call, taskId) ?? []);
  const watches: NonNullable<Call['open']['lost']>[] = [];
  const pauses = new Map(call.servers.map((name) => [name, path.streamPauses.left(name, caller.userId)]));
  const shares = (
    await Promise.all(
      call.servers
        .filter((name) => pauses.get(name) === 0)
        .map((name) => shareOf(call, name, { ...wanted, tasks }, (watch) => watches.push(watch))),
    )
  ).filter((share) => share !== undefined);
  const feed = new Feed(call.inbound.bytes);
  let { documentsGeneration: generation } = call;
  call.open.lost = (snapshot) => {
    const current = documentsGeneration(snapshot);
    if (current !== generation)
      for (const name of listNames) if (wanted[name] === true) feed.push({ method: LISTS[name] });
    generation = current;
    return watches.map((watch) => watch(snapshot)).find((reason) => reason !== undefined);
  };
  return streamOf(subscription(call, wanted, shares, feed, Math.max(0, ...pauses.values())));
}

async function* subscription(
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
  const openedAt = call.path.clock();
  let isOver = false;
  try {
    // Changes of configuration change every list: those we can always tell.
    const lists = Object.fromEntries(listNames.filter((list) => wanted[list] === true).map((list) => [list, true]));
    const resourceSubscriptions = shares.flatMap(({ server, honoured }) =>
      (honoured.resourceSubscriptions ?? []).flatMap((uri) => publicResourceUri(server, uri, call.prefix) ?? []),
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
      void pump(call, share, feed).then(() => {
        if (!isOver && !disconnected.aborted) call.path.streamPauses.note(share.server, call.caller.userId, openedAt);
      });
    for (let next = await feed.take(); next !== undefined; next = await feed.take())
      yield { text: tagged(next.method, next.params), last: false };
    if (!disconnected.aborted)
      yield {
        text: formatEvent(
          JSON.stringify({
            jsonrpc: '2.0',
            id,
            result: { resultType: 'complete', _meta: { ...serverInfoMeta(call.path), [SUBSCRIPTION_ID]: id } },
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
