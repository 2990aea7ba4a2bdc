import type { AppendOptions } from '@sallyport/event-spool';
import { newId } from '@sallyport/kernel';
import type { EventTally } from '@sallyport/kernel';
import type { CallRecord } from '@sallyport/messages';
import type { Logger } from '@sallyport/telemetry';
import type { CallFacts } from './exchange.js';
import type { Withheld } from './withhold.js';

export interface CallRecorder {
  /** Resolves when the record is safe on this host. */
  readonly append: (record: CallRecord, options: AppendOptions) => Promise<void>;
  /** Of callers that are not known, and of records there is no room for. */
  readonly refusals: EventTally;
  readonly replica: string;
  readonly logger: Logger;
  /** Told of each call; must not throw. */
  readonly observe?: (record: CallRecord) => void;
}

export interface ExchangeEnd {
  readonly receivedAt: number;
  readonly durationMs: number;
  readonly httpStatus: number;
  readonly sourceIp: string;
}

/**
 * Records each call of an exchange before its last byte leaves (R74). Refusals of whoever is not known are recorded one by
 * one up to a rate and summed up beyond it (security rule S33).
 * @returns what the clients of calls hear that ran although their records could not be written
 */
export async function recordCalls(
  recorder: CallRecorder,
  calls: readonly CallFacts[],
  end: ExchangeEnd,
): Promise<Withheld> {
  const withheld = await Promise.all(calls.map((call) => recordCall(recorder, call, end)));
  return withheld.filter((answer) => answer !== undefined);
}

async function recordCall(
  recorder: CallRecorder,
  call: CallFacts,
  { sourceIp, ...end }: ExchangeEnd,
): Promise<Withheld[number] | undefined> {
  const { append, refusals, replica, logger, observe } = recorder;
  const { decision = 'invalid', room, withheld, ...known } = call;
  const entry: CallRecord = {
    v: 1,
    type: 'mcp.call',
    id: newId('evt', end.receivedAt),
    replica,
    ...end,
    ...bounded(known),
    decision,
  };
  const reason = known.reason ?? decision;
  const isKnown = known.userId !== undefined;
  try {
    if (isKnown || refusals.note('mcp.request', reason, sourceIp)) await append(entry, { room, yields: !isKnown });
  } catch (err) {
    if (room === undefined) refusals.count('mcp.request', reason, sourceIp);
    else
      logger.error(
        { err, record: entry },
        'the record of a call could not be written: it is this one, and is kept in memory',
      );
    return room !== undefined && decision === 'allow' ? withheld?.(entry.id) : undefined;
  } finally {
    observe?.(entry);
  }
  return undefined;
}

/** What one record may say at most, in bytes of JSON: it fits into the room that was set aside for it. */
const LONG_NAMES: ReadonlySet<string> = new Set(['target', 'clientId']);
const LONG_BYTES = 2_048;
const SHORT_BYTES = 256;
/** Of all texts together: no character takes more than six bytes. */
const SURELY_FITTING_LENGTH = 1_024;

type Known = Omit<CallFacts, 'decision' | 'room' | 'withheld'>;

/** Absent facts stay absent; names that agents and servers made up are cut where they would not fit. */
function bounded(facts: Known): Partial<Known> {
  const known = Object.entries(facts).filter(([, value]) => value !== undefined);
  const length = known.reduce((sum, [, value]) => sum + (typeof value === 'string' ? value.length : 0), 0);
  if (length <= SURELY_FITTING_LENGTH) return Object.fromEntries(known);
  return Object.fromEntries(
    known.map(([name, value]) => [
      name,
      typeof value === 'string' ? cut(value, LONG_NAMES.has(name) ? LONG_BYTES : SHORT_BYTES) : value,
    ]),
  );
}

function cut(text: string, maxBytes: number): string {
  const bytesOf = (part: string) => Buffer.byteLength(JSON.stringify(part)) - 2;
  if (bytesOf(text) <= maxBytes) return text;
  let part = text.slice(0, maxBytes);
  for (let bytes = bytesOf(part); bytes > maxBytes - 3; bytes = bytesOf(part))
    part = part.slice(0, Math.floor((part.length * (maxBytes - 3)) / bytes));
  return `${part}…`;
}
