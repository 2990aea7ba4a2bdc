import type { AuditEvent } from '@sallyport/audit';
import type { Database } from '@sallyport/database';
import type { BatchLimits, Severity, SinkRecord } from '@sallyport/log-sinks';
import type { LogStream, LogStreamFilter } from './log-stream.js';

export interface PendingRecord extends SinkRecord {
  readonly sequence: bigint;
}

/** The next events of the trail, of which some may not be for this stream. */
export interface PendingPage {
  readonly records: readonly PendingRecord[];
  /** The last event that was looked at; the stream's place when all records are settled. */
  readonly last: bigint;
  /** There may be more. */
  readonly isFull: boolean;
}

interface EventRow {
  readonly sequence: bigint;
  /** `null`: it is not for this stream. */
  readonly body: AuditEvent | null;
}

/** Events that are looked at in one statement, when only few of them are for a stream. */
const MOST_LOOKED_AT = 2_000;

/** Reads on after `after`, as far as one batch goes. Sequences commit in order, so that nothing is passed over. */
export async function readPending(
  database: Pick<Database, '$queryRaw'>,
  { filter, shape }: Pick<LogStream, 'filter' | 'shape'>,
  { after, limits }: { readonly after: bigint; readonly limits: BatchLimits },
): Promise<PendingPage> {
  const isFiltered = Object.values(filter).some((list) => list !== undefined);
  const most = isFiltered ? Math.max(MOST_LOOKED_AT, limits.records) : limits.records;
  const rows = await readRows(database, filter, { after, most });
  const records: PendingRecord[] = [];
  let [last, bytes] = [after, 0];
  for (const { sequence, body } of rows) {
    if (body !== null) {
      const record = recordOf(body, sequence, shape);
      bytes += record.body.length;
      if (records.length >= limits.records || (records.length > 0 && bytes > limits.bytes))
        return { records, last, isFull: true };
      records.push(record);
    }
    last = sequence;
  }
  return { records, last, isFull: rows.length === most };
}

function readRows(
  database: Pick<Database, '$queryRaw'>,
  { types, servers, users, outcomes }: LogStreamFilter,
  { after, most }: { readonly after: bigint; readonly most: number },
): Promise<EventRow[]> {
  const patterns = types?.map(likePattern) ?? null;
  const [ofServers, ofUsers, ofOutcomes] = [servers ?? null, users ?? null, outcomes ?? null];
  return database.$queryRaw<EventRow[]>`
    SELECT "sequence", CASE WHEN
      (${patterns}::text[] IS NULL OR "type" LIKE ANY (${patterns}::text[]))
      AND (${ofServers}::text[] IS NULL OR "server" = ANY (${ofServers}::text[]))
      AND (${ofUsers}::text[] IS NULL OR "userId" = ANY (${ofUsers}::text[]))
      AND (${ofOutcomes}::text[] IS NULL OR "body"->>'outcome' = ANY (${ofOutcomes}::text[]))
      THEN "body" END AS "body"
    FROM "Event" WHERE "sequence" > ${after} ORDER BY "sequence" LIMIT ${most}`;
}

/** `_` and `%` stand for themselves, a `*` at the end for anything. */
const likePattern = (pattern: string): string => pattern.replace(/[\\_%]/g, '\\$&').replace(/\*$/, '%');

/** What is sent of an event. */
export function recordOf(event: AuditEvent, sequence: bigint, shape: LogStream['shape']): PendingRecord {
  const { id, at, type } = event;
  const body = JSON.stringify(shape({ sequence: Number(sequence), ...event }));
  return { sequence, id, at, type, severity: severityOf(event), body };
}

/** By the last letter of an event's code, such as `SPG01W`; events from before have none. */
const severityOf = ({ code = '' }: AuditEvent): Severity =>
  code.endsWith('E') ? 'error' : code.endsWith('W') ? 'warning' : 'info';
