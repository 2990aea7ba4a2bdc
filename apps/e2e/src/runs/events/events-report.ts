import type { Arrived, Called } from './journals.js';
import type { Outage, Stored } from './judge-events.js';

export type Fault = Outage;

/** What followed from one kill, until the next one. */
export interface FaultReport {
  readonly what: string;
  /** Until it was ready again, the time that a supervisor waited included; milliseconds. */
  readonly awayMs: number;
  /** Calls that failed, by why. */
  readonly failures: Readonly<Record<string, number>>;
  /** From an answer to its event in the store, and at the receiver, at most; milliseconds. */
  readonly storedWithinMs: number;
  readonly arrivedWithinMs: number;
  /** Records that the receiver got again. */
  readonly repeated: number;
}

export interface EventsReport {
  readonly calls: number;
  readonly answered: number;
  /** Calls a second that were made. */
  readonly reached: number;
  readonly wanted: number;
  readonly stored: number;
  readonly arrived: number;
  readonly faults: readonly FaultReport[];
  /** After the last call; undefined: not within the time that was given. */
  readonly drainedMs: number | undefined;
  /** What the verification of the trail says. */
  readonly verified: string;
  readonly problems: readonly string[];
}

type Seen = {
  readonly calls: readonly Called[];
  readonly faults: readonly Fault[];
  readonly stored: readonly Stored[];
  readonly arrived: readonly Arrived[];
  readonly storedAt: ReadonlyMap<string, number>;
  readonly rate: number;
};

export function summarize(seen: Seen): Omit<EventsReport, 'drainedMs' | 'verified' | 'problems'> {
  const { calls, faults, stored, arrived, rate } = seen;
  const sent = calls.map(({ sentAt }) => sentAt);
  const [first, last] = [sent.reduce((a, b) => Math.min(a, b)), sent.reduce((a, b) => Math.max(a, b))];
  const arrivedAt = new Map<string, number>();
  const repetitions: Arrived[] = [];
  for (const record of arrived)
    if (arrivedAt.has(record.id)) repetitions.push(record);
    else arrivedAt.set(record.id, record.arrivedAt);
  const responses = new Map(
    stored.flatMap(({ type, traceId, id }) => (type === 'mcp.response' && traceId ? [[traceId, id]] : [])),
  );
  const latest = (which: readonly Called[], at: ReadonlyMap<string, number>): number =>
    which.reduce((most, { traceId, endedAt, failure }) => {
      const seenAt = at.get(responses.get(traceId) ?? '');
      return failure !== undefined || seenAt === undefined ? most : Math.max(most, seenAt - endedAt);
    }, 0);
  return {
    calls: calls.length,
    answered: calls.filter(({ failure }) => failure === undefined).length,
    reached: calls.length / Math.max(0.001, (last - first) / 1000),
    wanted: rate,
    stored: stored.length,
    arrived: arrivedAt.size,
    faults: faults.map(({ what, from, until }, index) => {
      const next = faults[index + 1]?.from ?? Infinity;
      const meanwhile = calls.filter(({ endedAt }) => endedAt >= from && endedAt < next);
      return {
        what,
        awayMs: until - from,
        failures: countBy(meanwhile.flatMap(({ failure }) => failure ?? [])),
        storedWithinMs: latest(meanwhile, seen.storedAt),
        arrivedWithinMs: latest(meanwhile, arrivedAt),
        repeated: repetitions.filter((record) => record.arrivedAt >= from && record.arrivedAt < next).length,
      };
    }),
  };
}

function countBy(names: readonly string[]): Record<string, number> {
  return Object.fromEntries([...Map.groupBy(names, (name) => name)].map(([name, all]) => [name, all.length]));
}

const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`;

export const describeFault = ({ what, from, until }: Fault): string =>
  `${what} was killed, and ready again after ${seconds(until - from)}`;

/** In Markdown. */
export function tableOf({ faults }: EventsReport): string {
  const rows = faults.map(({ what, awayMs, failures, storedWithinMs, arrivedWithinMs, repeated }) => [
    what,
    seconds(awayMs),
    Object.entries(failures)
      .map(([why, count]) => `${count} ${why}`)
      .join(', ') || 'none',
    seconds(storedWithinMs),
    seconds(arrivedWithinMs),
    String(repeated),
  ]);
  const head = ['killed', 'away', 'failed calls', 'latest event stored', 'latest at the receiver', 'repeated there'];
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
