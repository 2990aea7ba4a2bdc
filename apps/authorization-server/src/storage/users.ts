import type { Identity } from '@sallyport/authorization';
import { newId, type UserId } from '@sallyport/kernel';
import type { Database } from '@sallyport/database';

export interface User extends Identity {
  readonly id: UserId;
}

type Row = NonNullable<Awaited<ReturnType<Database['user']['findUnique']>>>;

/**
 * Humans. One is a (trust provider, its issuer, immutable subject) and nothing else (S1): a provider's
 * name that comes to mean another issuer brings nobody's account along.
 */
export class Users {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** What the trust provider said at this sign-in replaces what it said before. */
  async signedIn(
    { trustProvider, issuer, subject, email, name, groups, providerRoles }: Identity,
    at: Date,
  ): Promise<User> {
    const said = {
      email: email ?? null,
      name: name ?? null,
      groups: [...groups],
      providerRoles: [...providerRoles],
      lastSignInAt: at,
    };
    const row = await this.#database.user.upsert({
      where: { trustProvider_issuer_subject: { trustProvider, issuer, subject } },
      create: { id: newId('usr'), trustProvider, issuer, subject, createdAt: at, ...said },
      update: said,
    });
    return toUser(row);
  }

  /** What the trust provider says between two sign-ins; their subject never changes. */
  async confirmed(id: string, { email, name, groups, providerRoles }: Identity): Promise<void> {
    await this.#database.user.updateMany({
      where: { id },
      data: { email: email ?? null, name: name ?? null, groups: [...groups], providerRoles: [...providerRoles] },
    });
  }

  /** Somebody a provider speaks of without their having signed in here; what it said at their last sign-in is kept. */
  async asserted(
    { trustProvider, issuer, subject, email, name, groups, providerRoles }: Identity,
    at: Date,
  ): Promise<User> {
    const row = await this.#database.user.upsert({
      where: { trustProvider_issuer_subject: { trustProvider, issuer, subject } },
      create: {
        id: newId('usr'),
        trustProvider,
        issuer,
        subject,
        email: email ?? null,
        name: name ?? null,
        groups: [...groups],
        providerRoles: [...providerRoles],
        createdAt: at,
        lastSignInAt: at,
      },
      update: {},
    });
    return toUser(row);
  }

  async find(id: string): Promise<User | undefined> {
    const row = await this.#database.user.findUnique({ where: { id } });
    return row ? toUser(row) : undefined;
  }
}

function toUser(
  row: Pick<Row, 'id' | 'trustProvider' | 'issuer' | 'subject' | 'email' | 'name' | 'groups' | 'providerRoles'>,
): User {
  const { trustProvider, issuer, subject, groups, providerRoles } = row;
  return {
    id: row.id as UserId,
    trustProvider,
    issuer,
    subject,
    email: row.email ?? undefined,
    name: row.name ?? undefined,
    groups,
    providerRoles,
  };
}
