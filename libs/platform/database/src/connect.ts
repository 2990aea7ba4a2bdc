import { PrismaPg } from '@prisma/adapter-pg';
import { PrismaClient } from './generated/client.js';

export type Database = PrismaClient;

/** Milliseconds to wait for a connection, a new one or one of the pool's: whoever asked is told to come back then. */
const CONNECT_TIMEOUT_MS = 10_000;

/** @param url `postgresql://user:password@host:port/name?schema=public`; at most `maxConnections` are opened, lazily. */
export function connectDatabase(url: string, maxConnections = 10): Database {
  const parsed = new URL(url);
  const schema = parsed.searchParams.get('schema') ?? 'public';
  parsed.searchParams.delete('schema');
  return new PrismaClient({
    adapter: new PrismaPg(
      { connectionString: parsed.toString(), max: maxConnections, connectionTimeoutMillis: CONNECT_TIMEOUT_MS },
      { schema },
    ),
  });
}
