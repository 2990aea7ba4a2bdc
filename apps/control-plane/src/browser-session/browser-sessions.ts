import { createHash, randomBytes } from 'node:crypto';
import type { Database } from '@sallyport/database';
import type { Clock } from '@sallyport/kernel';
import type { Sealer } from '@sallyport/keys';
import { sealedColumn } from '@sallyport/vault';
import { z } from 'zod';

/** A browser whose user signed in at our authorization server. */
export interface BrowserSession {
  readonly idDigest: string;
  readonly userId: string;
  /** The sign-in at the identity provider it came from. */
  readonly signIn: string;
  /** Signs the forms of its pages; in none of them. */
  readonly formKey: string;
}

const PURPOSE = 'browser-session';
export const browserSessionColumn = sealedColumn(
  'BrowserSession',
  PURPOSE,
  z.object({ idDigest: z.string() }),
  ({ idDigest }) => idDigest,
);
const LIFETIME_MS = 60 * 60 * 1000;
const Sealed = z.object({
  v: z.literal(2),
  userId: z.string(),
  /** The sign-in at the identity provider it came from. */ signIn: z.string(),
  csrfToken: z.string(),
  /** Seconds since the epoch. */ beganAt: z.int(),
});
const digest = (id: string) => createHash('sha256').update(id).digest('base64url');

/**
 * The sessions of browsers that use the pages. The cookie holds the id, the database its digest (S8). A session ends
 * after an hour, with a revocation of its user (S28), and with the sign-in it came from.
 */
export class BrowserSessions {
  readonly #database: Database;
  readonly #sealer: Sealer;
  readonly #clock: Clock;
  readonly #isRevoked: (session: { userId: string; issuedAt: number }) => boolean;

  /** @param parts `isRevoked`: whether what a user was given at `issuedAt` (seconds) is void. */
  constructor({
    database,
    sealer,
    clock,
    isRevoked,
  }: {
    database: Database;
    sealer: Sealer;
    clock: Clock;
    isRevoked: (session: { userId: string; issuedAt: number }) => boolean;
  }) {
    this.#database = database;
    this.#sealer = sealer;
    this.#clock = clock;
    this.#isRevoked = isRevoked;
  }

  /** @returns the cookie's value and how long it is good for. */
  async begin({ userId, signIn }: { userId: string; signIn: string }): Promise<{ id: string; maxAgeSeconds: number }> {
    const id = randomBytes(32).toString('base64url');
    const idDigest = digest(id);
    const now = this.#clock();
    const session: z.infer<typeof Sealed> = {
      v: 2,
      userId,
      signIn,
      csrfToken: randomBytes(24).toString('base64url'),
      beganAt: Math.floor(now / 1000),
    };
    await this.#database.browserSession.deleteMany({ where: { expiresAt: { lte: new Date(now) } } });
    await this.#database.browserSession.create({
      data: {
        idDigest,
        sealed: Buffer.from(this.#sealer.seal(PURPOSE, JSON.stringify(session), idDigest)),
        expiresAt: new Date(now + LIFETIME_MS),
      },
    });
    return { id, maxAgeSeconds: LIFETIME_MS / 1000 };
  }

  async find(id: string | undefined): Promise<BrowserSession | undefined> {
    if (id === undefined || id === '') return undefined;
    const idDigest = digest(id);
    const row = await this.#database.browserSession.findUnique({ where: { idDigest } });
    if (!row || row.expiresAt.getTime() <= this.#clock()) return undefined;
    const sealed = Sealed.safeParse(JSON.parse(this.#sealer.open(PURPOSE, row.sealed, idDigest).toString()));
    if (!sealed.success) return undefined; // of an earlier version
    const { userId, signIn, csrfToken, beganAt } = sealed.data;
    if (this.#isRevoked({ userId, issuedAt: beganAt })) return undefined;
    const stands = await this.#database.identitySession.count({
      where: { id: signIn, userId, endedAt: null, browserEndedAt: null },
    });
    if (stands === 0) return undefined;
    return { idDigest, userId, signIn, formKey: csrfToken };
  }

  async end({ idDigest }: BrowserSession): Promise<void> {
    await this.#database.browserSession.deleteMany({ where: { idDigest } });
  }
}
