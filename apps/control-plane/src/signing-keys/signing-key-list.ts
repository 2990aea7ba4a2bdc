import type { Database } from '@sallyport/database';
import type { Clock } from '@sallyport/kernel';
import { stateOf, type ScheduledKey, type SigningKeyState } from '@sallyport/keys';

/** One of the authorization server's signing keys, as an administrator sees it. Nothing of it is secret. */
export interface ListedSigningKey {
  readonly kid: string;
  readonly purpose: string;
  readonly algorithm: string;
  readonly state: SigningKeyState;
  readonly createdAt: Date;
  /** It is published since it was made, and signs from here on. */
  readonly signsFrom: Date;
  /** It is accepted until then; `null` while no successor is known. */
  readonly withdrawnAt: Date | null;
}

/** Reads the table that the authorization server writes. */
export class SigningKeyList {
  readonly #database: Pick<Database, 'signingKey'>;
  readonly #isWithdrawn: (kid: string) => boolean;
  readonly #clock: Clock;

  /** @param parts `isWithdrawn`: by command, which the table may not say yet */
  constructor(parts: { database: Pick<Database, 'signingKey'>; isWithdrawn: (kid: string) => boolean; clock: Clock }) {
    this.#database = parts.database;
    this.#isWithdrawn = parts.isWithdrawn;
    this.#clock = parts.clock;
  }

  /** By purpose, the newest first. */
  async read(): Promise<ListedSigningKey[]> {
    const rows = await this.#database.signingKey.findMany({
      select: { kid: true, purpose: true, algorithm: true, createdAt: true, signsFrom: true, withdrawnAt: true },
      orderBy: [{ purpose: 'asc' }, { signsFrom: 'desc' }],
    });
    const now = this.#clock();
    const scheduled = Map.groupBy(rows, ({ purpose }) => purpose);
    return rows.map((row) => ({
      ...row,
      state: this.#isWithdrawn(row.kid)
        ? 'withdrawn'
        : stateOf(asScheduled(row), (scheduled.get(row.purpose) ?? []).map(asScheduled), now),
    }));
  }

  async find(kid: string): Promise<ListedSigningKey | undefined> {
    return (await this.read()).find((key) => key.kid === kid);
  }
}

const asScheduled = (row: {
  kid: string;
  algorithm: string;
  createdAt: Date;
  signsFrom: Date;
  withdrawnAt: Date | null;
}): ScheduledKey => ({
  kid: row.kid,
  algorithm: row.algorithm,
  createdAt: row.createdAt.getTime(),
  signsFrom: row.signsFrom.getTime(),
  withdrawnAt: row.withdrawnAt?.getTime(),
});
