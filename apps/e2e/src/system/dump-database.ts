import pg from 'pg';

/** Every row of every table that is not PostgreSQL's own, bytes in hexadecimal, by `<schema>.<table>`. */
export async function dumpDatabase(url: string): Promise<Record<string, string>> {
  const parsed = new URL(url);
  parsed.searchParams.delete('schema');
  const client = new pg.Client({ connectionString: parsed.toString() });
  await client.connect();
  try {
    const { rows: tables } = await client.query<{ schema: string; name: string }>(
      "SELECT table_schema AS schema, table_name AS name FROM information_schema.tables WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')",
    );
    const dump: Record<string, string> = {};
    for (const { schema, name } of tables) {
      const { rows } = await client.query<{ row: string }>(
        `SELECT to_jsonb(t)::text AS row FROM ${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)} t`,
      );
      dump[`${schema}.${name}`] = rows.map(({ row }) => row).join('\n');
    }
    return dump;
  } finally {
    await client.end();
  }
}
