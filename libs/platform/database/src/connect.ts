import { Socket } from 'node:net';
import { PrismaPg } from '@prisma/adapter-pg';
import { PrismaClient } from './generated/client.js';
import { HeldClient } from './held-client.js';

export type Database = PrismaClient;

/** Milliseconds to wait for a connection, new or from the pool. After that the caller gets an outage error. */
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Milliseconds without a byte from the server after which a connection is closed. The operating system would notice a
 * server that hangs or vanished only after a quarter of an hour. No query of ours takes this long, and the pool closes
 * idle connections earlier.
 */
const SILENT_MS = 20_000;

/**
 * Creates a client, which connects at its first query and holds at most `maxConnections`.
 * @param url `postgresql://user:password@host:port/name?schema=public`
 */
export function connectDatabase(url: string, maxConnections = 10, silentMs = SILENT_MS): Database {
  const schema = new URL(url).searchParams.get('schema') ?? 'public';
  return new PrismaClient({ adapter: new PrismaPg(poolConfig(url, maxConnections, silentMs), { schema }) });
}

/** How connections to this database are made and held. */
export function poolConfig(url: string, maxConnections: number, silentMs = SILENT_MS) {
  const parsed = new URL(url);
  parsed.searchParams.delete('schema');
  return {
    connectionString: parsed.toString(),
    max: maxConnections,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    stream: () => socketThatEnds(silentMs),
    Client: HeldClient,
  };
}

function socketThatEnds(silentMs: number): Socket {
  const socket = new Socket();
  return socket.setTimeout(silentMs, () => socket.destroy());
}
