import type { DownstreamSigningKey } from '@sallyport/credential';
import type { Database } from '@sallyport/database';
import type { Clock } from '@sallyport/kernel';
import type { Sealer } from '@sallyport/keys';
import { importJWK, type JWK } from 'jose';

const FRESH_MS = 60_000;

/** Reads the key that signs downstream tokens now. The authorization server makes and publishes it. */
export class DownstreamSigningKeys {
  readonly #database: Database;
  readonly #sealer: Sealer;
  readonly #isWithdrawn: (kid: string) => boolean;
  readonly #clock: Clock;
  #known: { key: DownstreamSigningKey; readAt: number } | undefined;

  /** @param parts `isWithdrawn`: by command, which counts before the table says so */
  constructor(parts: { database: Database; sealer: Sealer; isWithdrawn: (kid: string) => boolean; clock: Clock }) {
    this.#database = parts.database;
    this.#sealer = parts.sealer;
    this.#isWithdrawn = parts.isWithdrawn;
    this.#clock = parts.clock;
  }

  /** `undefined` before the authorization server's first start, and while it has not replaced a withdrawn key yet. */
  async newest(): Promise<DownstreamSigningKey | undefined> {
    const now = this.#clock();
    if (this.#known && now - this.#known.readAt < FRESH_MS && !this.#isWithdrawn(this.#known.key.kid))
      return this.#known.key;
    const candidates = await this.#database.signingKey.findMany({
      where: {
        purpose: 'downstream-token',
        signsFrom: { lte: new Date(now) },
        OR: [{ withdrawnAt: null }, { withdrawnAt: { gt: new Date(now) } }],
      },
      orderBy: { signsFrom: 'desc' },
    });
    const row = candidates.find(({ kid }) => !this.#isWithdrawn(kid));
    if (!row) return undefined;
    const jwk = JSON.parse(this.#sealer.open('signing-key', row.sealedPrivate, row.kid).toString()) as JWK;
    const privateKey = await importJWK(jwk, row.algorithm);
    if (privateKey instanceof Uint8Array) return undefined;
    const key = { kid: row.kid, algorithm: row.algorithm, privateKey };
    this.#known = { key, readAt: now };
    return key;
  }
}
