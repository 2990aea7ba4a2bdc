import type { EventSpool } from '@sallyport/event-spool';
import { newId } from '@sallyport/kernel';
import type { EventTally } from '@sallyport/kernel';
import type { CallRecord } from '@sallyport/messages';
import type { ContentRecord } from '@sallyport/messages/content';
import type { Logger } from '@sallyport/telemetry';
import type { RecordedContent } from '../call/call-content.js';
import { ExchangeNotes } from '../call/call-notes.js';
import type { CallFacts } from '../call/call-notes.js';
import { endCallSpan } from '../call/call-span.js';
import { jsonAnswer } from '../protocol/exchange.js';
import type { Answer, ExchangeEnd, HandledExchange, InboundRequest, Withheld } from '../protocol/exchange.js';

export interface CallRecorder {
  /** Of a record as one line of JSON; see `EventSpool.appendLine`. */
  readonly append: EventSpool['appendLine'];
  /** Of callers that are not known, and of records there is no room for. */
  readonly refusals: EventTally;
  readonly replica: string;
  readonly logger: Logger;
  /** Told of each call; must not throw. */
  readonly observe?: (record: CallRecord) => void;
}

/**
 * Answers an exchange and sees to its records. What breaks on the way is answered and recorded, and breaks nothing
 * else: the promise does not reject.
 * @param answerTo answers, and notes what it finds out
 * @param notes what is known already
 */
export async function recorded(
  { recorder }: { readonly recorder: CallRecorder },
  { disconnected }: Pick<InboundRequest, 'disconnected'>,
  answerTo: (notes: ExchangeNotes) => Promise<Answer>,
  notes = new ExchangeNotes(),
): Promise<HandledExchange> {
  const brokeOff = (err: unknown) => {
    if (!disconnected.aborted) recorder.logger.error({ err }, 'call failed');
    for (const call of notes.calls) call.brokeOff(disconnected.aborted ? 'client_gone' : 'internal_error');
  };
  let answer: Answer;
  try {
    answer = await answerTo(notes);
  } catch (error) {
    brokeOff(error);
    answer = internalError(notes);
  }
  let records: Promise<Withheld> | undefined;
  return {
    answer,
    record: (end) =>
      (records ??= recordCalls(
        recorder,
        notes.calls.map(({ facts }) => facts),
        end,
      )),
    brokeOff,
    notDelivered: () => {
      for (const call of notes.calls) call.notDelivered();
    },
    internalError: () => internalError(notes),
  };
}

function internalError({ calls }: ExchangeNotes): Answer {
  const message = calls.some(({ facts }) => facts.room !== undefined)
    ? 'Internal error. Whether this was carried out is not known.'
    : 'Internal error.';
  return jsonAnswer(500, { jsonrpc: '2.0', id: null, error: { code: -32603, message } });
}

/**
 * Records each call of an exchange before its last byte leaves (R74). Refusals of whoever is not known are recorded one
 * by one up to a rate and summed up beyond it (security rule S33).
 * @returns what the clients of calls hear that ran although their records could not be written
 */
export async function recordCalls(
  recorder: CallRecorder,
  calls: readonly CallFacts[],
  end: ExchangeEnd,
): Promise<Withheld> {
  // How large the parts of a shared answer are is not known.
  const own = calls.length === 1 ? end : { ...end, responseBytes: undefined };
  const withheld = await Promise.all(calls.map((call) => recordCall(recorder, call, own)));
  return withheld.filter((answer) => answer !== undefined);
}

const recordCall = (recorder: CallRecorder, call: CallFacts, end: ExchangeEnd): Promise<Withheld[number] | undefined> =>
  new Promise((resolve) => recordOne(recorder, call, end, ([withheld]) => resolve(withheld)));

/**
 * Records one call.
 * @param done hears, once the record is safe on this host or could not be written, what the client hears instead of the
 * answer
 */
export function recordOne(
  recorder: CallRecorder,
  call: CallFacts,
  end: ExchangeEnd,
  done: (withheld: Withheld) => void,
): void {
  const { append, refusals, replica, observe } = recorder;
  const { decision = 'invalid', room, withheld: _withheld, span, content, ...known } = call;
  const entry: CallRecord = {
    v: 1,
    type: 'mcp.call',
    id: newId('evt', end.receivedAt),
    replica,
    ...end,
    ...bounded(known),
    decision,
  };
  observe?.(entry);
  if (span !== undefined) endCallSpan(span, entry);
  const isKnown = known.userId !== undefined;
  if (!isKnown && !refusals.note('mcp.request', known.reason ?? decision, end.address)) return done([]);
  append(JSON.stringify(entry), { room, yields: !isKnown, owner: known.userId }, (err) =>
    done(err === undefined ? [] : withheldFor(recorder, call, entry, err)),
  );
  if (content?.said !== undefined) recordContent(recorder, content.said, entry);
}

/** Records what a call was asked with and answered. Where there is no room it is counted: nobody waits for it. */
function recordContent({ append, refusals, replica }: CallRecorder, said: RecordedContent, entry: CallRecord): void {
  const { id: callId, receivedAt: at, address, traceId, method, server, target, connectionId } = entry;
  const { userId, trustProvider, clientId, agentName, sid } = entry;
  const record: ContentRecord = {
    v: 1,
    type: 'mcp.content',
    ...{ id: `${callId}.content`, replica, at, callId },
    ...{ userId, trustProvider, clientId, agentName, sid, address, traceId, method, server, target, connectionId },
    ...said,
  };
  append(JSON.stringify(record), { yields: true, owner: userId }, (err) => {
    if (err !== undefined) refusals.count('mcp.content', err.code, address);
  });
}

function withheldFor(
  { refusals, logger }: CallRecorder,
  { decision = 'invalid', reason = decision, room, withheld }: CallFacts,
  entry: CallRecord,
  err: unknown,
): Withheld {
  if (room === undefined) refusals.count('mcp.request', reason, entry.address);
  else
    logger.error(
      { err, record: entry },
      'the record of a call could not be written: it is this one, and is kept in memory',
    );
  const answer = room !== undefined && decision === 'allow' ? withheld?.(entry.id) : undefined;
  return answer === undefined ? [] : [answer];
}

/** What one record may say at most, in bytes of JSON: it fits into the room that was set aside for it. */
const LONG_NAMES: ReadonlySet<string> = new Set(['target', 'clientId']);
const LONG_BYTES = 2_048;
const SHORT_BYTES = 256;
/** Of all texts together: no character takes more than six bytes. */
const SURELY_FITTING_LENGTH = 1_024;

type Known = Omit<CallFacts, 'decision' | 'room' | 'withheld' | 'span' | 'content'>;

/** Names that agents and servers made up are cut where they would not fit. */
function bounded(facts: Known): Partial<Known> {
  let length = 0;
  for (const value of Object.values(facts)) if (typeof value === 'string') length += value.length;
  if (length <= SURELY_FITTING_LENGTH) return facts;
  return Object.fromEntries(
    Object.entries(facts).map(([name, value]) => [
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
