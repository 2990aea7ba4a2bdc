import type { DownstreamSigningKey } from '@sallyport/credential';
import type { Database } from '@sallyport/database';
import type { Clock } from '@sallyport/kernel';
import type { Sealer } from '@sallyport/keys';
import { importJWK, type JWK } from 'jose';

const FRESH_MS = 60_000;

/** The key downstream tokens are signed with now; the authorization server makes and publishes it, we only read and unseal. */
export class DownstreamSigningKeys {
  readonly #database: Database;
  readonly #sealer: Sealer;
  readonly #clock: Clock;
  #known: { key: DownstreamSigningKey; readAt: number } | undefined;

  constructor({ database, sealer, clock }: { database: Database; sealer: Sealer; clock: Clock }) {
    this.#database = database;
    this.#sealer = sealer;
    this.#clock = clock;
  }

  /** `undefined` before the authorization server's first start. */
  async newest(): Promise<DownstreamSigningKey | undefined> {
    if (this.#known && this.#clock() - this.#known.readAt < FRESH_MS) return this.#known.key;
    const row = await this.#database.signingKey.findFirst({ where: { purpose: 'downstream-token', signsFrom: { lte: new Date(this.#clock()) } }, orderBy: { signsFrom: 'desc' } });
    if (!row) return undefined;
    const jwk = JSON.parse(this.#sealer.open('signing-key', row.sealedPrivate, row.kid).toString()) as JWK;
    const privateKey = await importJWK(jwk, row.algorithm);
    if (privateKey instanceof Uint8Array) return undefined;
    const key = { kid: row.kid, algorithm: row.algorithm, privateKey };
    this.#known = { key, readAt: this.#clock() };
    return key;
  }
}
