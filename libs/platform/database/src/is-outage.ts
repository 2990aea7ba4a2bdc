import pg from 'pg';
import { Prisma } from './generated/client.js';

/** Prisma's codes for a database that does not answer, no longer answers, or has no connection left for us. */
const UNREACHABLE = new Set(['P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2028', 'P2037']);
/** The driver adapter's names for the same after a raw query, for which Prisma has P2010 only. */
const KINDS = new Set(['DatabaseNotReachable', 'ConnectionClosed', 'SocketTimeout', 'TooManyConnections']);
/** SQLSTATE (PostgreSQL appendix A): lost connections, resources at their end, shutting down or starting. */
const STATES = /^(?:08|53|57P0[1-4])/;
/** Socket errors that the adapter passes on unchanged. */
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
/** The messages of the driver's errors that have no code (pg 8, `client.js`). */
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
 * Whether an error means that the database was away or had no connection left for us, so that the same request may
 * succeed later. Codes decide, and for one kind of error its message.
 */
export function isDatabaseOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof Prisma.PrismaClientInitializationError) return true;
  if (error instanceof Prisma.PrismaClientKnownRequestError)
    return UNREACHABLE.has(error.code) || isDriverOutage(error.meta?.['driverAdapterError']);
  if (error.cause instanceof Prisma.PrismaClientKnownRequestError) return isDatabaseOutage(error.cause);
  if (error instanceof pg.DatabaseError) return STATES.test(error.code ?? '');
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
