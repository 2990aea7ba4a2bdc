import { Prisma, type Database } from '@sallyport/database';
import { sealedPrefix, type Sealer } from '@sallyport/keys';
import { z } from 'zod';
import { keysUsedIn } from './key-usage.js';
import { sealedPlaces, type SealedTable } from './sealed-places.js';

/** How one column's values are bound to their rows: known to whoever seals them. */
export interface SealedColumn {
  readonly table: SealedTable;
  readonly purpose: string;
  /** Columns the associated data is made of. */
  readonly reads: readonly string[];
  readonly boundTo: (row: unknown) => string;
}

/** @param row the columns the associated data is made of */
export function sealedColumn<Row extends z.ZodRawShape>(
  table: SealedTable,
  purpose: string,
  row: z.ZodObject<Row>,
  boundTo: (row: z.infer<z.ZodObject<Row>>) => string,
): SealedColumn {
  return { table, purpose, reads: Object.keys(row.shape), boundTo: (value) => boundTo(row.parse(value)) };
}

export interface ResealContext {
  readonly database: Database;
  readonly sealer: Sealer;
  /** A record that does not open is left as it is. */
  readonly onProblem: (what: string, error: unknown) => void;
  /** After each batch: traffic comes first. */
  readonly pause: () => Promise<void>;
  readonly isOver: () => boolean;
}

const BATCH = 200;
const Keys = z.record(z.string(), z.unknown());

/**
 * Seals a table's records anew, with the current key, where another one sealed them. Rows somebody is working on are
 * passed over, and what was written meanwhile is not touched: a batch holds its rows for the milliseconds it takes, waits
 * for nobody, and writes only over the very value it opened. Any number of processes may do it at once; what is done stays done.
 * @returns how many were sealed anew; 0 when there was nothing to do, or nothing could be done
 */
export async function resealRecords(column: SealedColumn, context: ResealContext): Promise<number> {
  let resealed = 0;
  for (const keyId of await keysUsedIn(column.table, context.database)) {
    if (keyId === context.sealer.currentKeyId || !context.sealer.keyIds.includes(keyId)) continue;
    let after: readonly unknown[] | undefined;
    do {
      const batch = await resealBatch(column, keyId, after, context);
      resealed += batch.resealed;
      after = batch.last;
      if (after) await context.pause();
    } while (after && !context.isOver());
  }
  return resealed;
}

async function resealBatch(
  { table, purpose, reads, boundTo }: SealedColumn,
  keyId: string,
  after: readonly unknown[] | undefined,
  { database, sealer, onProblem }: ResealContext,
): Promise<{ resealed: number; last: readonly unknown[] | undefined }> {
  const { column, primaryKey } = sealedPlaces[table];
  const name = (text: string) => Prisma.raw(`"${text}"`);
  const key = Prisma.raw(primaryKey.map((part) => `"${part}"`).join(', '));
  const beyond = after ? Prisma.sql`AND (${key}) > (${Prisma.join([...after])})` : Prisma.empty;
  const columns = Prisma.raw([...new Set([...primaryKey, ...reads, column])].map((one) => `"${one}"`).join(', '));
  return database.$transaction(async (transaction) => {
    const rows = await transaction.$queryRaw<Record<string, unknown>[]>(Prisma.sql`
      SELECT ${columns} FROM ${name(table)}
      WHERE substring(${name(column)} from 1 for 9) = decode(${sealedPrefix(keyId)}, 'hex') ${beyond}
      ORDER BY ${key} LIMIT ${BATCH} FOR UPDATE SKIP LOCKED`);
    const changes = rows.flatMap((row) => {
      const keys = primaryKey.map((part) => z.string().parse(Keys.parse(row)[part]));
      try {
        const sealed = z.instanceof(Uint8Array).parse(row[column]);
        const bound = boundTo(row);
        const plaintext = sealer.open(purpose, sealed, bound);
        const anew = sealer.seal(purpose, plaintext, bound);
        plaintext.fill(0);
        return [{ keys, before: Buffer.from(sealed).toString('hex'), after: anew.toString('hex') }];
      } catch (error) {
        onProblem(`${table} ${keys.join('/')} could not be sealed anew and stays as it is`, error);
        return [];
      }
    });
    if (changes.length > 0) {
      const lists = [
        ...primaryKey.map((_, index) => changes.map(({ keys }) => keys[index])),
        changes.map(({ before }) => before),
        changes.map(({ after: anew }) => anew),
      ];
      const given = [...primaryKey.map((_, index) => `"k${index}"`), '"before"', '"after"'];
      const same = Prisma.raw(primaryKey.map((part, index) => `t."${part}" = given."k${index}"`).join(' AND '));
      await transaction.$executeRaw(Prisma.sql`
        UPDATE ${name(table)} t SET ${name(column)} = decode(given."after", 'hex')
        FROM unnest(${Prisma.join(lists.map((list) => Prisma.sql`${list}::text[]`))}) AS given(${Prisma.raw(given.join(', '))})
        WHERE ${same} AND t.${name(column)} = decode(given."before", 'hex')`);
    }
    const last = rows.at(-1);
    return {
      resealed: changes.length,
      last: last && rows.length === BATCH ? primaryKey.map((part) => last[part]) : undefined,
    };
  });
}
