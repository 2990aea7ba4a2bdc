import { connectDatabase, connectStatements } from '@sallyport/database';
import type { Database, Statements } from '@sallyport/database';
import type { Secret } from '@sallyport/kernel';

/**
 * Connections to one database, apart by what must not wait for what (S34). However many requests agents cause, they
 * wait for one another: a heartbeat, a revocation or an administrator finds a connection of its own.
 */
export interface DatabasePools {
  /** Heartbeats, the configuration log, revocations. */
  readonly core: Database;
  /** What administrators read and edit, and the keys of the vault. */
  readonly administration: Database;
  /** Log streams, and events that are forgotten. */
  readonly trail: Database;
  /** Events: one append at a time. */
  readonly events: Statements;
  /** Checkpoints over them. */
  readonly chain: Statements;
  /** What agents and users cause: leases, ended sessions, connect and account pages. */
  readonly agents: Database;
  close(): Promise<void>;
}

const CONNECTIONS = { core: 4, administration: 4, trail: 2, agents: 10 } as const;

/** They are opened when they are first needed. */
export function openDatabasePools(url: Secret): DatabasePools {
  const open = (pool: keyof typeof CONNECTIONS) => connectDatabase(url.reveal(), CONNECTIONS[pool]);
  const pools = {
    core: open('core'),
    administration: open('administration'),
    trail: open('trail'),
    agents: open('agents'),
  };
  const [events, chain] = [connectStatements(url.reveal(), 1), connectStatements(url.reveal(), 1)];
  return {
    ...pools,
    events,
    chain,
    close: async () => {
      await Promise.all([...Object.values(pools).map((pool) => pool.$disconnect()), events.close(), chain.close()]);
    },
  };
}
