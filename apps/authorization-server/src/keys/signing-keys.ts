import type { JWK } from 'jose';
import type { Database, Prisma } from '@sallyport/database';
import type { Clock } from '@sallyport/kernel';
import {
  activeOf,
  nextRotationStep,
  retiresAt,
  stateOf,
  type RotationPolicy,
  type ScheduledKey,
  type Sealer,
} from '@sallyport/keys';
import { makeSigningKey, SIGNING_KEY_PREFIX, type SigningKeyPurpose } from './make-signing-key.js';

/** Serialises replicas that look after the keys at once; any number will do as long as nothing else uses it. */
const LOCK = 7_400_100_001n;
/** An RSA key takes its time on a busy machine, and replicas wait for each other. */
const TRANSACTION_TIMEOUT_MS = 30_000;
const DEFAULT_ALGORITHM = 'ES256';
export const SIGNING_KEY_PURPOSES = Object.keys(SIGNING_KEY_PREFIX) as SigningKeyPurpose[];

/** A key that came to be, for the trail. */
export interface NewSigningKey {
  readonly kid: string;
  readonly purpose: SigningKeyPurpose;
  readonly algorithm: string;
  /** Milliseconds since the epoch. */
  readonly signsFrom: number;
}

/**
 * The deployment's signing keys, of which this is the one writer: made when there are none, followed by a successor
 * when that is due, withdrawn when that is commanded; once, however many replicas ask together. Downstream tokens have
 * keys of their own, whose `kid` the gateway refuses inbound (S6); the control plane signs with them.
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

  /**
   * Brings the keys to what the policy asks for. Withdrawing and the successor's arrival are one transaction: whoever
   * reads the key set finds one or the other.
   * @param isWithdrawn by command, for good
   * @param purposes whose keys are looked at
   */
  async keepUp(
    policy: RotationPolicy,
    isWithdrawn: (kid: string) => boolean = () => false,
    purposes: readonly SigningKeyPurpose[] = SIGNING_KEY_PURPOSES,
  ): Promise<readonly NewSigningKey[]> {
    const made: NewSigningKey[] = [];
    await this.#database.$transaction(
      async (transaction) => {
        await transaction.$executeRaw`SELECT pg_advisory_xact_lock(${LOCK})`;
        const now = this.#clock();
        for (const purpose of purposes) {
          const stored = (await transaction.signingKey.findMany({ where: { purpose } })).map(scheduled);
          let keys = stored.map((key) =>
            isWithdrawn(key.kid) && stateOf(key, stored, now) !== 'withdrawn' ? { ...key, withdrawnAt: now } : key,
          );
          const step = nextRotationStep(keys, policy, now);
          if (step?.type === 'promote')
            keys = keys.map((key) => (key.kid === step.kid ? { ...key, signsFrom: now } : key));
          if (step?.type === 'create') {
            const key = await this.#create(transaction, purpose, policy.algorithm ?? DEFAULT_ALGORITHM, {
              now,
              signsFrom: step.signsFrom,
            });
            keys = [...keys, key];
            made.push({ kid: key.kid, purpose, algorithm: key.algorithm, signsFrom: key.signsFrom });
          }
          keys = keys.map((key) =>
            stateOf(key, keys, now) === 'withdrawn' ? key : { ...key, withdrawnAt: retiresAt(key, keys) },
          );
          for (const key of keys)
            await update(
              transaction,
              key,
              stored.find(({ kid }) => kid === key.kid),
            );
        }
      },
      { timeout: TRANSACTION_TIMEOUT_MS, maxWait: TRANSACTION_TIMEOUT_MS },
    );
    return made;
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
      .map((row): JWK => ({
        ...(JSON.parse(this.#sealer.open('signing-key', row.sealedPrivate, row.kid).toString('utf8')) as JWK),
        kid: row.kid,
        alg: row.algorithm,
        use: 'sig',
      }));
  }

  async #create(
    transaction: Prisma.TransactionClient,
    purpose: SigningKeyPurpose,
    algorithm: string,
    { now, signsFrom }: { now: number; signsFrom: number },
  ): Promise<ScheduledKey> {
    const { kid, publicJwk, privateJwk } = await makeSigningKey(purpose, algorithm);
    const sealedPrivate = Uint8Array.from(this.#sealer.seal('signing-key', JSON.stringify(privateJwk), kid));
    await transaction.signingKey.create({
      data: {
        kid,
        purpose,
        algorithm,
        publicJwk,
        sealedPrivate,
        createdAt: new Date(now),
        signsFrom: new Date(signsFrom),
      },
    });
    return { kid, algorithm, createdAt: now, signsFrom, withdrawnAt: undefined };
  }
}

async function update(
  transaction: Prisma.TransactionClient,
  key: ScheduledKey,
  before: ScheduledKey | undefined,
): Promise<void> {
  if (!before || (before.signsFrom === key.signsFrom && before.withdrawnAt === key.withdrawnAt)) return;
  await transaction.signingKey.update({
    where: { kid: key.kid },
    data: {
      signsFrom: new Date(key.signsFrom),
      withdrawnAt: key.withdrawnAt === undefined ? null : new Date(key.withdrawnAt),
    },
  });
}

const scheduled = (row: {
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
