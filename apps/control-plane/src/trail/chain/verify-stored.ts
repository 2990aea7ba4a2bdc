import {
  ChainVerifier,
  openCheckpoint,
  readCheckpoint,
  checkpointDigest,
  type ChainPosition,
  type ChainReport,
} from '@sallyport/audit-chain';
import type { Database, Statements } from '@sallyport/database';
import type { AuditKeys } from './audit-keys.js';
import { readCounters } from './store-counters.js';

export interface VerifyStoredContext {
  readonly database: Pick<Database, 'event' | 'auditCheckpoint'>;
  readonly statements: Statements;
  readonly keys: Pick<AuditKeys, 'all'>;
}

export type StoredVerified = ChainReport & { readonly isDone: boolean };

const EVENTS_AT_ONCE = 1_000;
/** The first of them that is signed says from when on events are kept. */
const NEWEST = 10;

/**
 * Compares what is stored with its checkpoints, a piece at a time.
 * @param after the last checkpoint of the piece before, which counts as verified; 0 begins
 * @param limit checkpoints; all of one window are taken together, so it may be a few more
 */
export async function verifyStored(
  context: VerifyStoredContext,
  { after, limit }: { readonly after: bigint; readonly limit: number },
): Promise<StoredVerified> {
  const { database, statements, keys } = context;
  // What is told after this may speak of checkpoints that are made after they were read.
  const told = await database.event.aggregate({ _max: { sequence: true } });
  const newest = await database.auditCheckpoint.findMany({ orderBy: { number: 'desc' }, take: NEWEST });
  const start = after === 0n ? undefined : await positionOf(database, after);
  const rows = await checkpointsOf(database, after, limit);
  const trusted = await keys.all();
  const signed = newest.map(({ note }) => openCheckpoint(note, trusted)).find((one) => typeof one !== 'string');
  const verifier = new ChainVerifier({
    keys: trusted,
    after: start,
    keepsFrom: signed?.checkpoint.keepsFrom,
    store: await statements.transaction((query) => readCounters(query)),
  });
  let sequence = BigInt(start?.upTo ?? -1);
  const feed = async (upTo: bigint): Promise<void> => {
    for (let page = EVENTS_AT_ONCE; page === EVENTS_AT_ONCE;) {
      const events = await database.event.findMany({
        where: { sequence: { gt: sequence, lte: upTo } },
        orderBy: { sequence: 'asc' },
        take: EVENTS_AT_ONCE,
        select: { sequence: true, body: true },
      });
      for (const event of events) verifier.event({ ...(event.body as object), sequence: Number(event.sequence) });
      sequence = events.at(-1)?.sequence ?? sequence;
      page = events.length;
    }
  };
  for (const { note, entries, upTo } of rows) {
    if (upTo > sequence) await feed(upTo);
    verifier.checkpoint({ note, entries: entries ?? undefined });
  }
  const isDone = (rows.at(-1)?.number ?? after) >= (newest[0]?.number ?? 0n);
  if (isDone) await feed(told._max.sequence ?? 0n);
  return { ...verifier.end(), isDone };
}

const textOf = (note: string): string => note.slice(0, note.lastIndexOf('\n\n') + 1);

async function positionOf(
  database: VerifyStoredContext['database'],
  number: bigint,
): Promise<ChainPosition | undefined> {
  const row = await database.auditCheckpoint.findUnique({ where: { number } });
  const text = textOf(row?.note ?? '');
  const checkpoint = readCheckpoint(text);
  return checkpoint && { number: checkpoint.number, digest: checkpointDigest(text), upTo: checkpoint.upTo };
}

async function checkpointsOf(database: VerifyStoredContext['database'], after: bigint, limit: number) {
  const orderBy = { number: 'asc' } as const;
  const rows = await database.auditCheckpoint.findMany({ where: { number: { gt: after } }, orderBy, take: limit });
  const last = rows.at(-1);
  if (last === undefined || rows.length < limit) return rows;
  const rest = { number: { gt: last.number }, upTo: last.upTo };
  return [...rows, ...(await database.auditCheckpoint.findMany({ where: rest, orderBy }))];
}
