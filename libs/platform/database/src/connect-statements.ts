import pg from 'pg';
import { poolConfig } from './connect.js';

/** A statement of ours with its values, `$1` the first of them. */
export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** Runs one statement. @returns its rows, unchecked */
export type Query = (statement: Statement) => Promise<readonly Readonly<Record<string, unknown>>[]>;

/**
 * Statements with large values, without Prisma: it makes JSON of each value and reads it again, which takes more time
 * than all else about storing an event.
 */
export interface Statements {
  /**
   * Runs what `work` asks for, all or none. A connection that a statement failed on is closed.
   * @throws the driver's error
   */
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/**
 * A process that stands still, or is cut off, in the middle of a transaction keeps its locks no longer than this: other
 * processes wait for them.
 */
const IDLE_MS = 5_000;
const BEGIN = `BEGIN; SET LOCAL idle_in_transaction_session_timeout = ${IDLE_MS}`;
const ignore = (): void => undefined;

/** Connects at its first transaction. @param url as `connectDatabase` takes it */
export function connectStatements(url: string, maxConnections: number): Statements {
  const pool = new pg.Pool(poolConfig(url, maxConnections));
  // A connection that breaks while nobody uses it leaves the pool; the next transaction makes another.
  pool.on('error', ignore);
  return {
    async transaction(work) {
      const client = await pool.connect();
      // Of one that breaks between two statements, the next of them tells.
      client.on('error', ignore);
      let isDone = false;
      try {
        await client.query(BEGIN);
        const result = await work(async ({ text, values }) => {
          const { rows } = await client.query<Record<string, unknown>>(text, [...values]);
          return rows;
        });
        await client.query('COMMIT');
        isDone = true;
        return result;
      } finally {
        client.off('error', ignore);
        client.release(!isDone);
      }
    },
    close: () => pool.end(),
  };
}
