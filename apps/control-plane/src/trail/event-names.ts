import type { AuditEvent } from '@sallyport/audit';
import type { ConfigurationSnapshot } from '@sallyport/configuration';
import type { Database } from '@sallyport/database';
import { BoundedMap } from '@sallyport/kernel';
import type { Clock } from '@sallyport/kernel';
import { serverTitle } from '@sallyport/server';

export interface EventNamesOptions {
  /** The authorization server's users and the connections; they are only read here. */
  readonly database: Pick<Database, 'user' | 'connection'>;
  /** The newest there is; none before the first one came. */
  readonly snapshot: () => Pick<ConfigurationSnapshot, 'get'> | undefined;
  readonly clock: Clock;
  /** Told once, until names can be read again. */
  readonly onProblem: (error: unknown) => void;
}

type Names = Partial<Pick<AuditEvent, 'userName' | 'serverTitle' | 'account'>>;

/** A name in the trail is the one of that time: it may change, and be told late by so much. */
const USERS_KEPT_MS = 120_000;
const ACCOUNTS_KEPT_MS = 10_000;
const MOST_KEPT = 20_000;

/**
 * Puts names beside the ids of events that are about to be stored: of users, servers and connected accounts, as they
 * are now. What is not known has none, and nothing waits for it: where names cannot be read, events are stored without.
 */
export class EventNames {
  readonly #options: EventNamesOptions;
  readonly #users: RememberedNames<string>;
  readonly #accounts: RememberedNames<Account>;
  #isFailing = false;

  constructor(options: EventNamesOptions) {
    const { database, clock } = options;
    this.#options = options;
    this.#users = new RememberedNames({ clock, keptMs: USERS_KEPT_MS, find: (ids) => findUsers(database, ids) });
    this.#accounts = new RememberedNames({
      clock,
      keptMs: ACCOUNTS_KEPT_MS,
      find: (ids) => findAccounts(database, ids),
    });
  }

  async named(events: readonly AuditEvent[]): Promise<readonly AuditEvent[]> {
    const snapshot = this.#options.snapshot();
    const { users, accounts } = await this.#read(events);
    return events.map((event) => {
      const { userId, server } = event;
      const names: Names = {};
      const userName = userId === undefined ? undefined : users.get(userId);
      if (userName !== undefined) names.userName = userName;
      const document = server === undefined ? undefined : snapshot?.get('McpServer', server);
      if (document !== undefined) names.serverTitle = serverTitle(document);
      const connectionId = connectionOf(event);
      const account = connectionId === undefined ? undefined : accounts.get(connectionId);
      // A gateway that errs about a connection tells nobody whose account another user has.
      if (account !== undefined && (account.userId === null || account.userId === userId)) names.account = account.name;
      return { ...event, ...names };
    });
  }

  async #read(events: readonly AuditEvent[]) {
    const userIds = new Set<string>();
    const connectionIds = new Set<string>();
    for (const event of events) {
      if (event.userId !== undefined) userIds.add(event.userId);
      const connectionId = connectionOf(event);
      if (connectionId === undefined) continue;
      connectionIds.add(connectionId);
      if (event.type.startsWith('connection.')) this.#accounts.forget(connectionId);
    }
    try {
      const [users, accounts] = await Promise.all([this.#users.of(userIds), this.#accounts.of(connectionIds)]);
      this.#isFailing = false;
      return { users, accounts };
    } catch (error) {
      if (!this.#isFailing) this.#options.onProblem(error);
      this.#isFailing = true;
      return { users: new Map<string, string>(), accounts: new Map<string, Account>() };
    }
  }
}

/** Whose account it is: `null` for one that users share. */
interface Account {
  readonly name: string;
  readonly userId: string | null;
}

function connectionOf({ detail: { connectionId } }: AuditEvent): string | undefined {
  return typeof connectionId === 'string' ? connectionId : undefined;
}

async function findUsers({ user }: EventNamesOptions['database'], ids: string[]): Promise<Map<string, string>> {
  const rows = await user.findMany({ where: { id: { in: ids } }, select: { id: true, name: true, email: true } });
  return new Map(rows.flatMap(({ id, name, email }) => (name || email ? [[id, name || (email ?? '')]] : [])));
}

async function findAccounts(
  { connection }: EventNamesOptions['database'],
  ids: string[],
): Promise<Map<string, Account>> {
  const rows = await connection.findMany({
    where: { id: { in: ids }, accountName: { not: null } },
    select: { id: true, userId: true, accountName: true },
  });
  return new Map(rows.map(({ id, userId, accountName }) => [id, { name: accountName ?? '', userId }]));
}

interface RememberedNamesOptions<T> {
  readonly clock: Clock;
  readonly keptMs: number;
  readonly find: (ids: string[]) => Promise<ReadonlyMap<string, T>>;
}

interface Kept<T> {
  /** None where there is none. */
  readonly value: T | undefined;
  readonly until: number;
}

/** What was found under ids, for a while; all that is not known of one batch is asked for at once. */
class RememberedNames<T> {
  readonly #options: RememberedNamesOptions<T>;
  readonly #kept = new BoundedMap<string, Kept<T>>(MOST_KEPT);

  constructor(options: RememberedNamesOptions<T>) {
    this.#options = options;
  }

  forget(id: string): void {
    this.#kept.delete(id);
  }

  async of(ids: ReadonlySet<string>): Promise<ReadonlyMap<string, T>> {
    const { clock, keptMs, find } = this.#options;
    const now = clock();
    const found = new Map<string, T>();
    const unknown: string[] = [];
    for (const id of ids) {
      const kept = this.#kept.get(id);
      if (kept === undefined || kept.until <= now) unknown.push(id);
      else if (kept.value !== undefined) found.set(id, kept.value);
    }
    if (unknown.length === 0) return found;
    const read = await find(unknown);
    for (const id of unknown) {
      const value = read.get(id);
      this.#kept.set(id, { value, until: now + keptMs });
      if (value !== undefined) found.set(id, value);
    }
    return found;
  }
}
