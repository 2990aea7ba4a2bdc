import { formatEvent } from '@sallyport/mcp-relay';
import { publicResourceUri } from '@sallyport/server';
import { isBetweenEvents } from '../protocol/exchange.js';
import type { Answer, AnswerPiece } from '../protocol/exchange.js';
import { Feed } from './feed.js';
import { canBeAsked } from '../conversation/forward-call.js';
import { anyOf } from '../call/open-calls.js';
import type { OpenCalls, PermitWatch } from '../call/open-calls.js';
import type { Places } from '../call/places.js';
import type { ResourceSubscriptions } from '../session/resource-subscriptions.js';
import { isRefusal } from '../protocol/refusal.js';
import type { Refusal } from '../protocol/refusal.js';
import { streamOf } from '../conversation/relay-answer.js';
import type { Call } from '../call/call.js';
import { pump, shareOf } from './server-share.js';
import type { ShareUses } from './server-share.js';

export interface UpdatesUses extends ShareUses {
  readonly subscriptions: Places;
  readonly resourceSubscriptions: ResourceSubscriptions;
  readonly openCalls: OpenCalls;
}

/**
 * A client older than 2026-07-28 hears of the resources it subscribed to on the streams of its own calls, and nowhere
 * else: while one runs, the servers are listened to as for `subscriptions/listen`. Without a place for that, or when no
 * server tells anything, the call is as any other. What happens between calls is not told.
 */
export async function withUpdates(
  uses: UpdatesUses,
  call: Call,
  perform: () => Promise<Answer | Refusal>,
): Promise<Answer | Refusal> {
  const { subscriptions, openCalls } = uses;
  const { inbound } = call;
  const wanted = wantedUris(uses, call);
  const leave = wanted.length === 0 ? undefined : subscriptions.enter(call.caller.userId);
  if (leave === undefined) return await perform();
  inbound.onOver(leave);
  const watches: PermitWatch[] = [];
  const shares = (
    await Promise.all(
      call.servers.map((name) =>
        shareOf(uses, call, name, { resourceSubscriptions: wanted }, (watch) => watches.push(watch)),
      ),
    )
  ).filter((share) => share !== undefined);
  const feed = new Feed(inbound.bytes);
  const end = () => {
    feed.end();
    for (const share of shares) share.end();
  };
  inbound.onOver(end);
  if (shares.length === 0) return await perform();
  // Ends the updates, not the call, when they may no longer be told (security rule S17).
  inbound.onOver(
    openCalls.add({
      verified: call.open.verified,
      endsWithToken: true,
      sessionId: undefined,
      requestId: call.request.id,
      end,
      watch: anyOf(watches),
    }),
  );
  for (const share of shares) void pump(uses, call, share, feed);
  const answer = await perform();
  if (isRefusal(answer) || answer.status !== 200 || answer.body.type === 'none') return answer;
  const { 'content-type': _type, ...headers } = answer.headers;
  return {
    ...answer,
    ...streamOf(merged(answer.body.type === 'stream' ? answer.body.pieces : asPiece(answer.body.text), feed)),
    headers,
  };
}

/** Whether the client hears of resources while this call runs. */
export const wantsUpdates = (uses: Pick<UpdatesUses, 'resourceSubscriptions'>, call: Call): boolean =>
  wantedUris(uses, call).length > 0;

/** Under the names of this address; of servers it does not reach, nothing. */
function wantedUris(
  { resourceSubscriptions }: Pick<UpdatesUses, 'resourceSubscriptions'>,
  call: Call,
): readonly string[] {
  const { session, operation } = call.request;
  if (operation.type !== 'call' || session === undefined || !canBeAsked(call)) return [];
  return resourceSubscriptions
    .of(session.id)
    .filter(({ server }) => call.servers.includes(server))
    .flatMap(({ server, uri }) => publicResourceUri(server, uri, call.naming.prefix) ?? []);
}

async function* asPiece(text: string): AsyncGenerator<AnswerPiece> {
  yield { text: formatEvent(text), last: true };
}

/** The answer as it comes, and before each of its pieces what was told meanwhile. */
async function* merged(pieces: AsyncIterable<AnswerPiece>, feed: Feed): AsyncGenerator<AnswerPiece> {
  const iterator = pieces[Symbol.asyncIterator]();
  let isBetween = true;
  try {
    for (;;) {
      const next = iterator.next();
      let arrived: IteratorResult<AnswerPiece> | undefined;
      void next.then(
        (result) => (arrived = result),
        () => undefined,
      );
      while (arrived === undefined && !feed.hasEnded && isBetween) {
        await Promise.race([next, feed.woken()]);
        yield* told(feed);
      }
      const { value, done } = await next;
      if (isBetween) yield* told(feed);
      if (done === true) return;
      yield value;
      isBetween = isBetweenEvents(value, isBetween);
    }
  } finally {
    await iterator.return?.();
  }
}

function* told(feed: Feed): Generator<AnswerPiece> {
  for (const { method, params } of feed.drain())
    yield { text: formatEvent(JSON.stringify({ jsonrpc: '2.0', method, params })), last: false };
}
