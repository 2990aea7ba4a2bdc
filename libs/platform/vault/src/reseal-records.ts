import { Prisma, type Database } from '@sallyport/database';
import { sealedPrefix, type Sealer } from '@sallyport/keys';
import { z } from 'zod';
import { keysUsedIn } from './key-usage.js';
import { sealedPlaces, type SealedTable } from './sealed-places.js';

/** How the sealed values of one column are bound to their rows. */
export interface SealedColumn {
  readonly table: SealedTable;
  readonly purpose: string;
  /** The columns that the associated data consists of. */
  readonly reads: readonly string[];
  /** The associated data of a row. */
  readonly boundTo: (row: unknown) => string;
}

/** Describes a sealed column. @param row the columns that the associated data consists of */
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
  /** Called for a record that does not open; the record stays as it is. */
  readonly onProblem: (what: string, error: unknown) => void;
  /** Awaited after each batch, so that requests come first. */
  readonly pause: () => Promise<void>;
  /** Whether to stop after this batch. */
  readonly isOver: () => boolean;
}

const BATCH = 200;
const Keys = z.record(z.string(), z.unknown());

/**
 * Seals the records of a table with the current key where another key sealed them. A batch skips rows that somebody has
 * locked, locks its own rows for the milliseconds it takes, and overwrites only the value it opened. So any number of
 * processes may run it at once, and it may stop and start again anywhere.
 * @returns how many records it sealed; 0 when no record was left that it can open
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
        onProblem(
          `${table} ${keys.join('/')} could not be sealed with the current vault key and stays as it is`,
          error,
        );
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
        FROM unnest(${Prisma.join(lists.map((list) => Prisma.sql`${list}::text[]`))})
          AS given(${Prisma.raw(given.join(', '))})
        WHERE ${same} AND t.${name(column)} = decode(given."before", 'hex')`);
    }
    const last = rows.at(-1);
    return {
      resealed: changes.length,
      last: last && rows.length === BATCH ? primaryKey.map((part) => last[part]) : undefined,
    };
  });
}
