import { newId, type UserId } from '@sallyport/kernel';
import type { Database } from '@sallyport/database';

export interface User {
  readonly id: UserId;
  readonly trustProvider: string;
  readonly subject: string;
  readonly email: string | undefined;
  readonly name: string | undefined;
  readonly groups: readonly string[];
}
export type Identity = Omit<User, 'id'>;

/** Humans. One is a (trust provider, immutable subject) and nothing else (security rule S1). */
export class Users {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** What the trust provider said at this sign-in replaces what it said before. */
  async signedIn({ trustProvider, subject, email, name, groups }: Identity, at: Date): Promise<User> {
    const said = { email: email ?? null, name: name ?? null, groups: [...groups], lastSignInAt: at };
    const row = await this.#database.user.upsert({
      where: { trustProvider_subject: { trustProvider, subject } },
      create: { id: newId('usr'), trustProvider, subject, createdAt: at, ...said },
      update: said,
    });
    return toUser(row);
  }

  /** What the trust provider says between two sign-ins; their subject never changes. */
  async confirmed(id: string, { email, name, groups }: Identity): Promise<void> {
    await this.#database.user.updateMany({ where: { id }, data: { email: email ?? null, name: name ?? null, groups: [...groups] } });
  }

  async find(id: string): Promise<User | undefined> {
    const row = await this.#database.user.findUnique({ where: { id } });
    return row ? toUser(row) : undefined;
  }
}

function toUser(row: { id: string; trustProvider: string; subject: string; email: string | null; name: string | null; groups: string[] }): User {
  return { id: row.id as UserId, trustProvider: row.trustProvider, subject: row.subject, email: row.email ?? undefined, name: row.name ?? undefined, groups: row.groups };
}
