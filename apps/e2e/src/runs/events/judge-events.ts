import type { Arrived, Called } from './journals.js';

/** An event of the trail, as far as it is judged. */
export interface Stored {
  readonly sequence: number;
  readonly id: string;
  readonly type: string;
  readonly traceId: string | undefined;
  readonly writer: string | undefined;
  readonly n: number | undefined;
}

/** A time in which something was away, from its end until it was ready again; milliseconds since the epoch. */
export interface Outage {
  readonly what: string;
  /** Which gateway it was, from 0 on: calls to it may fail meanwhile. */
  readonly gateway?: number;
  readonly from: number;
  readonly until: number;
}

/** How it looks to an agent when a gateway is away, or is back and says that it is not ready yet. */
const AWAY = /^(ECONNREFUSED$|ECONNRESET$|EPIPE$|UND_ERR_SOCKET$|answered 503: .*The gateway is not ready)/;
const MOST_TOLD = 5;

/** @returns what is wrong with the trail, given what agents were answered and what the receiver got */
export function judgeEvents(
  calls: readonly Called[],
  { stored, arrived, outages }: { stored: readonly Stored[]; arrived: readonly Arrived[]; outages: readonly Outage[] },
): string[] {
  return [
    ...told('failed, and nothing of theirs was away', calls.filter((call) => isInexcusable(call, outages)).map(failed)),
    ...judgeTrail(calls, stored),
    ...told(
      'are in the store before an earlier one of their writer',
      disordered(stored).map(({ id }) => id),
    ),
    ...judgeReceiver(stored, arrived),
  ];
}

const failed = ({ gateway, sentAt, endedAt, failure }: Called): string =>
  `at gateway ${gateway + 1}, ${new Date(sentAt).toISOString()} for ${endedAt - sentAt} ms: ${failure}`;

const isInexcusable = ({ gateway, sentAt, endedAt, failure }: Called, outages: readonly Outage[]): boolean =>
  failure !== undefined &&
  !(
    AWAY.test(failure) &&
    outages.some((outage) => outage.gateway === gateway && sentAt <= outage.until && endedAt >= outage.from)
  );

function judgeTrail(calls: readonly Called[], stored: readonly Stored[]): string[] {
  const counts = new Map<string, { request: number; response: number }>();
  for (const { type, traceId } of stored) {
    if (traceId === undefined || (type !== 'mcp.request' && type !== 'mcp.response')) continue;
    const count = counts.get(traceId) ?? { request: 0, response: 0 };
    count[type === 'mcp.request' ? 'request' : 'response'] += 1;
    counts.set(traceId, count);
  }
  const wrong = calls.filter(({ traceId, failure }) => {
    const { request, response } = counts.get(traceId) ?? { request: 0, response: 0 };
    // Of a call whose answer did not arrive, the record may be there or not.
    return failure === undefined ? request !== 1 || response !== 1 : request > 1 || response > 1;
  });
  return told(
    'do not have one request and one response in the store',
    wrong.map(({ traceId, failure, sentAt }) => {
      const { request, response } = counts.get(traceId) ?? { request: 0, response: 0 };
      return `${traceId} of ${new Date(sentAt).toISOString()} (${failure ?? 'answered'}): ${request} and ${response}`;
    }),
  );
}

function judgeReceiver(stored: readonly Stored[], arrived: readonly Arrived[]): string[] {
  const ids = new Set(arrived.map(({ id }) => id));
  return [
    ...told(
      'are in the store and did not arrive',
      stored.filter(({ id }) => !ids.has(id)).map(({ id }) => id),
    ),
    ...told(
      'arrived before an earlier one of their writer',
      disordered(firstOf(arrived)).map(({ id }) => id),
    ),
  ];
}

/** Each record when it arrived first: a receiver tells repetitions by id. */
export function firstOf(arrived: readonly Arrived[]): Arrived[] {
  const seen = new Set<string>();
  return arrived.filter(({ id }) => !seen.has(id) && seen.add(id));
}

/** Those that come after one with a higher number of the same writer. */
function disordered<T extends { readonly writer?: string | undefined; readonly n?: number | undefined }>(
  events: readonly T[],
): T[] {
  const highest = new Map<string, number>();
  return events.filter(({ writer, n }) => {
    if (writer === undefined || n === undefined) return false;
    const before = highest.get(writer) ?? 0;
    highest.set(writer, Math.max(before, n));
    return n < before;
  });
}

const told = (what: string, which: readonly string[]): string[] =>
  which.length === 0 ? [] : [`${which.length} ${what}: ${which.slice(0, MOST_TOLD).join('; ')}`];
