import { Prisma, type Database } from '@sallyport/database';
import { sealedPrefix } from '@sallyport/keys';
import { sealedPlaces, type SealedTable } from './sealed-places.js';

const tables = Object.keys(sealedPlaces) as SealedTable[];
const sealedBy = (table: SealedTable) => Prisma.raw(`substring("${sealedPlaces[table].column}" from 1 for 9)`);
const from = (table: SealedTable) => Prisma.raw(`"${table}"`);
/** False for an empty value or an unknown format, which tests or a partial restore may leave behind. */
const isKeyId = (id: string): boolean => /^[0-9a-f]{16}$/.test(id);

/**
 * The ids of the keys that sealed a table's values. Its cost grows with the keys, not the rows (a loose index scan).
 */
export async function keysUsedIn(table: SealedTable, database: Pick<Database, '$queryRaw'>): Promise<string[]> {
  const rows = await database.$queryRaw<{ prefix: string }[]>(Prisma.sql`
    WITH RECURSIVE used AS (
      SELECT min(${sealedBy(table)}) AS prefix FROM ${from(table)}
      UNION ALL
      SELECT (SELECT min(${sealedBy(table)}) FROM ${from(table)} WHERE ${sealedBy(table)} > used.prefix)
        FROM used WHERE used.prefix IS NOT NULL
    ) SELECT encode(prefix, 'hex') AS prefix FROM used WHERE prefix IS NOT NULL`);
  return rows
    .map(({ prefix }) => prefix)
    .filter((prefix) => prefix.startsWith(sealedPrefix('')))
    .map((prefix) => prefix.slice(2))
    .filter(isKeyId);
}

/** Every key in use, by id, with the tables that hold values it sealed. */
export async function keysInUse(database: Pick<Database, '$queryRaw'>): Promise<Map<string, SealedTable[]>> {
  const used = await Promise.all(
    tables.map(async (table) => (await keysUsedIn(table, database)).map((id) => ({ id, table }))),
  );
  return new Map(
    [...Map.groupBy(used.flat(), ({ id }) => id)].map(([id, uses]) => [id, uses.map(({ table }) => table)]),
  );
}

export interface KeyUse {
  readonly keyId: string;
  readonly table: SealedTable;
  readonly records: number;
}

/** How many records of each table each key sealed. It counts the whole index, so it is for administrators only. */
export async function countKeyUses(database: Pick<Database, '$queryRaw'>): Promise<KeyUse[]> {
  const counts = await Promise.all(
    tables.map(async (table) => {
      const rows = await database.$queryRaw<{ prefix: string; records: bigint }[]>(
        Prisma.sql`
          SELECT encode(${sealedBy(table)}, 'hex') AS prefix, count(*) AS records FROM ${from(table)}
          WHERE ${Prisma.raw(`"${sealedPlaces[table].column}"`)} IS NOT NULL GROUP BY 1`,
      );
      return rows.map(({ prefix, records }) => ({ keyId: prefix.slice(2), table, records: Number(records) }));
    }),
  );
  return counts.flat().filter(({ keyId }) => isKeyId(keyId));
}
