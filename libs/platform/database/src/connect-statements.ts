import pg from 'pg';
import { poolConfig } from './connect.js';

/** A statement of ours with its values, `$1` the first of them. */
export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/**
 * Statements with large values, without Prisma: it makes JSON of each value and reads it again, which takes more time
 * than all else about storing an event.
 */
export interface Statements {
  /** Runs these in order, all or none. A connection that one of them failed on is closed. @throws the driver's error */
  transaction(statements: readonly Statement[]): Promise<void>;
  close(): Promise<void>;
}

/** Connects at its first transaction. @param url as `connectDatabase` takes it */
export function connectStatements(url: string, maxConnections: number): Statements {
  const pool = new pg.Pool(poolConfig(url, maxConnections));
  // A connection that breaks while nobody uses it leaves the pool; the next transaction makes another.
  pool.on('error', () => undefined);
  return {
    async transaction(statements) {
      const client = await pool.connect();
      let isDone = false;
      try {
        await client.query('BEGIN');
        for (const { text, values } of statements) await client.query(text, [...values]);
        await client.query('COMMIT');
        isDone = true;
      } finally {
        client.release(!isDone);
      }
    },
    close: () => pool.end(),
  };
}
