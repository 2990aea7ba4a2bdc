import { PrismaPg } from '@prisma/adapter-pg';
import { PrismaClient } from './generated/client.js';

export type Database = PrismaClient;

/** @param url `postgresql://user:password@host:port/name?schema=public`; at most `maxConnections` are opened, lazily. */
export function connectDatabase(url: string, maxConnections = 10): Database {
  const parsed = new URL(url);
  const schema = parsed.searchParams.get('schema') ?? 'public';
  parsed.searchParams.delete('schema');
  return new PrismaClient({ adapter: new PrismaPg({ connectionString: parsed.toString(), max: maxConnections }, { schema }) });
}
