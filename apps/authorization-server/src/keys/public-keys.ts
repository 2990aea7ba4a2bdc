import type { Clock } from '@sallyport/kernel';
import type { Database } from '@sallyport/database';
import { z } from 'zod';

const PublicJwk = z.object({ kty: z.string(), crv: z.string(), x: z.string(), y: z.string().optional(), kid: z.string(), alg: z.string(), use: z.literal('sig') });
export interface PublicKeySet {
  readonly keys: readonly z.infer<typeof PublicJwk>[];
}
const FRESH_MS = 5_000;

/** The public half of every signing key that is not withdrawn, both purposes, also of those that are yet to sign (RFC 7517). The schema keeps anything private from slipping out. */
export class PublicKeys {
  readonly #database: Database;
  readonly #clock: Clock;
  #known: { readonly set: PublicKeySet; readonly at: number } | undefined;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  async read(): Promise<PublicKeySet> {
    const now = this.#clock();
    if (this.#known && now - this.#known.at < FRESH_MS) return this.#known.set;
    const rows = await this.#database.signingKey.findMany({ where: { OR: [{ withdrawnAt: null }, { withdrawnAt: { gt: new Date(now) } }] }, orderBy: { signsFrom: 'desc' }, select: { publicJwk: true } });
    const set = { keys: rows.map((row) => PublicJwk.parse(row.publicJwk)) };
    this.#known = { set, at: now };
    return set;
  }
}
