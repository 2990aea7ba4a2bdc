import { Prisma } from './generated/client.js';

/** Prisma's own codes for a database that does not answer, or not any more, or has no connection left for us. */
const UNREACHABLE = new Set(['P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2028', 'P2037']);
/** How the driver adapter names the same where a raw query failed (P2010 says only that). */
const KINDS = new Set(['DatabaseNotReachable', 'ConnectionClosed', 'SocketTimeout', 'TooManyConnections']);
/** SQLSTATE (PostgreSQL appendix A): lost connections, resources at their end, shutting down or starting. */
const STATES = /^(?:08|53|57P0[1-4])/;
/** Where the adapter passes an error of the socket on as it is. */
const SOCKET = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EPIPE',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);
/** The one kind of error the driver gives no code: these are its whole messages (pg 8, `client.js`). */
const UNCODED = new Set([
  'Connection terminated',
  'Connection terminated unexpectedly',
  'Client has encountered a connection error and is not queryable',
  'Client was closed and is not queryable',
  'timeout expired',
  'timeout exceeded when trying to connect',
  'Connection terminated due to connection timeout',
]);

/**
 * Whether the database was away, or had no room for us: nothing is wrong with what was asked, and it may be asked again.
 * Told by codes; any other error is one.
 */
export function isDatabaseOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof Prisma.PrismaClientInitializationError) return true;
  if (error instanceof Prisma.PrismaClientKnownRequestError)
    return UNREACHABLE.has(error.code) || isDriverOutage(error.meta?.['driverAdapterError']);
  if (error.cause instanceof Prisma.PrismaClientKnownRequestError) return isDatabaseOutage(error.cause);
  return isDriverOutage(error) || isSocketError(error) || UNCODED.has(error.message);
}

function isSocketError(error: Error): boolean {
  return 'syscall' in error && 'code' in error && typeof error.code === 'string' && SOCKET.has(error.code);
}

function isDriverOutage(error: unknown): boolean {
  if (typeof error !== 'object' || error === null || Reflect.get(error, 'name') !== 'DriverAdapterError') return false;
  const cause: unknown = Reflect.get(error, 'cause');
  if (typeof cause !== 'object' || cause === null) return false;
  const [kind, state]: unknown[] = [Reflect.get(cause, 'kind'), Reflect.get(cause, 'originalCode')];
  return (typeof kind === 'string' && KINDS.has(kind)) || (typeof state === 'string' && STATES.test(state));
}
