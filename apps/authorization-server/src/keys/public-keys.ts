import type { Clock } from '@sallyport/kernel';
import type { Database } from '@sallyport/database';
import { z } from 'zod';

const common = { kid: z.string(), use: z.literal('sig') };
/**
 * RFC 7517, RFC 7518 section 6, RFC 8037 section 2. What is not named here, the private part above all, does not get
 * through.
 */
export const PublicJwk = z.discriminatedUnion('kty', [
  z.object({
    kty: z.literal('EC'),
    crv: z.literal('P-256'),
    x: z.string(),
    y: z.string(),
    alg: z.literal('ES256'),
    ...common,
  }),
  z.object({ kty: z.literal('RSA'), n: z.string(), e: z.string(), alg: z.literal('RS256'), ...common }),
  z.object({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: z.string(), alg: z.literal('EdDSA'), ...common }),
]);
export type PublicJwk = z.infer<typeof PublicJwk>;
export interface PublicKeySet {
  readonly keys: readonly PublicJwk[];
}
const FRESH_MS = 5_000;

/** The public half of every signing key that is not withdrawn, both purposes, also of those that are yet to sign. */
export class PublicKeys {
  readonly #database: Database;
  readonly #isWithdrawn: (kid: string) => boolean;
  readonly #clock: Clock;
  #known: { readonly set: PublicKeySet; readonly at: number } | undefined;

  /** @param parts `isWithdrawn`: what was withdrawn since the set was read, by whichever replica does so */
  constructor(parts: { database: Database; isWithdrawn: (kid: string) => boolean; clock: Clock }) {
    this.#database = parts.database;
    this.#isWithdrawn = parts.isWithdrawn;
    this.#clock = parts.clock;
  }

  async read(): Promise<PublicKeySet> {
    const now = this.#clock();
    if (
      this.#known &&
      now - this.#known.at < FRESH_MS &&
      !this.#known.set.keys.some(({ kid }) => this.#isWithdrawn(kid))
    )
      return this.#known.set;
    const rows = await this.#database.signingKey.findMany({
      where: { OR: [{ withdrawnAt: null }, { withdrawnAt: { gt: new Date(now) } }] },
      orderBy: { signsFrom: 'desc' },
      select: { publicJwk: true },
    });
    // Not filtered here: a withdrawn key leaves the table together with the arrival of its successor, so that nobody
    // reads a set without either.
    const set = { keys: rows.map((row) => PublicJwk.parse(row.publicJwk)) };
    this.#known = { set, at: now };
    return set;
  }
}
