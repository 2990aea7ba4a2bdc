import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose';
import type { Database } from '@sallyport/database';
import type { Clock } from '@sallyport/kernel';
import type { Sealer } from '@sallyport/keys';
import { activeOf, stateOf, successorSignsFrom, type RotationPolicy, type ScheduledKey } from './signing-key-schedule.js';

const PREFIX = { 'access-token': 'at-', 'downstream-token': 'dt-' } as const;
/** Serialises replicas that look after the keys at once; any number will do as long as nothing else uses it. */
const LOCK = 7_400_100_001n;
/** How long after its successor began a key still verifies: the longest token (1 h) and a generous hour for clocks and pauses. */
export const RETIREMENT_MS = 2 * 3_600_000;

/**
 * The deployment's ES256 keys: made when there are none, and followed by a successor when that is due, once, however many
 * replicas ask together. Downstream tokens have keys of their own, whose `kid` the gateway refuses inbound (security rule
 * S6); the control plane signs with them.
 */
export class SigningKeys {
  readonly #database: Database;
  readonly #sealer: Sealer;
  readonly #clock: Clock;

  constructor({ database, sealer, clock }: { database: Database; sealer: Sealer; clock: Clock }) {
    this.#database = database;
    this.#sealer = sealer;
    this.#clock = clock;
  }

  async keepUp(policy: RotationPolicy): Promise<void> {
    await this.#database.$transaction(async (transaction) => {
      await transaction.$executeRaw`SELECT pg_advisory_xact_lock(${LOCK})`;
      const now = this.#clock();
      for (const purpose of ['access-token', 'downstream-token'] as const) {
        const present = (await transaction.signingKey.findMany({ where: { purpose } })).map(scheduled);
        const signsFrom = successorSignsFrom(present, policy, now);
        if (signsFrom === undefined) continue;
        const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
        const { kty, crv, x, y } = await exportJWK(publicKey);
        const kid = `${PREFIX[purpose]}${(await calculateJwkThumbprint(publicKey)).slice(0, 22)}`;
        await transaction.signingKey.create({
          data: {
            kid,
            purpose,
            algorithm: 'ES256',
            publicJwk: { kty: kty ?? 'EC', crv: crv ?? 'P-256', x: x ?? '', y: y ?? '', kid, alg: 'ES256', use: 'sig' },
            sealedPrivate: Uint8Array.from(this.#sealer.seal('signing-key', JSON.stringify(await exportJWK(privateKey)), kid)),
            createdAt: new Date(now),
            signsFrom: new Date(signsFrom),
          },
        });
        await transaction.signingKey.updateMany({ where: { purpose, kid: { not: kid }, withdrawnAt: null }, data: { withdrawnAt: new Date(signsFrom + RETIREMENT_MS) } });
      }
    });
  }

  /** Private keys for access tokens: the active one first, which signs, then those that only verify. */
  async forAccessTokens(): Promise<readonly JWK[]> {
    const now = this.#clock();
    const rows = await this.#database.signingKey.findMany({ where: { purpose: 'access-token' } });
    const all = rows.map(scheduled);
    const active = activeOf(all, now)?.kid;
    return rows
      .filter((row) => ['active', 'retiring'].includes(stateOf(scheduled(row), all, now)))
      .toSorted((one, other) => Number(other.kid === active) - Number(one.kid === active))
      .map((row): JWK => ({ ...(JSON.parse(this.#sealer.open('signing-key', row.sealedPrivate, row.kid).toString('utf8')) as JWK), kid: row.kid, alg: row.algorithm, use: 'sig' }));
  }
}

const scheduled = (row: { kid: string; createdAt: Date; signsFrom: Date; withdrawnAt: Date | null }): ScheduledKey => ({ kid: row.kid, createdAt: row.createdAt.getTime(), signsFrom: row.signsFrom.getTime(), withdrawnAt: row.withdrawnAt?.getTime() });
