import { createHmac } from 'node:crypto';
import type { Actor } from '@sallyport/admin-api';
import { Prisma, type Database } from '@sallyport/database';
import { RequestRefused } from '@sallyport/http';
import type { Clock, Secret } from '@sallyport/kernel';

const KEPT_MS = 86_400_000;
/** A write that takes longer was given up: its process ended. */
const GIVEN_UP_MS = 60_000;

export interface IdempotentRequest {
  readonly actor: Actor;
  /** `Idempotency-Key`. */
  readonly key: string;
  /** The route, and all that was sent with it. */
  readonly sent: readonly unknown[];
}

export interface KeptAnswer {
  readonly status: number;
  readonly body: Prisma.JsonValue;
}

/** A key that was taken for a request that is now done. */
export interface TakenKey {
  readonly actor: string;
  readonly key: string;
  readonly digest: string;
}

/**
 * Answers a repetition of a write as the first was answered, for a day. A key belongs to who used it. Only what was
 * written is kept: a refusal changed nothing, and is decided anew.
 */
export class IdempotentAnswers {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #digestKey: () => Promise<Secret<Uint8Array>>;

  /** @param parts `digestKey`: requests may hold secrets, which a bare digest would let somebody guess at */
  constructor(parts: { database: Database; clock: Clock; digestKey: () => Promise<Secret<Uint8Array>> }) {
    this.#database = parts.database;
    this.#clock = parts.clock;
    this.#digestKey = parts.digestKey;
  }

  /**
   * Takes the key for a request, or finds the answer that it stands for.
   * @throws {RequestRefused} 422: the key was used for another request. 409: the first is still being written
   */
  async take(request: IdempotentRequest): Promise<{ readonly taken: TakenKey } | { readonly known: KeptAnswer }> {
    const { key } = request;
    const actor = `${request.actor.type}:${request.actor.id}`;
    const digest = createHmac('sha256', (await this.#digestKey()).reveal())
      .update(`idempotent request\n${JSON.stringify(request.sent)}`)
      .digest('base64url');
    const now = this.#clock();
    await this.#database.idempotentAnswer.deleteMany({
      where: {
        OR: [
          { createdAt: { lt: new Date(now - KEPT_MS) } },
          { actor, key, createdAt: { lt: new Date(now - GIVEN_UP_MS) }, answer: { equals: Prisma.DbNull } },
        ],
      },
    });
    const taken = { actor, key, digest };
    const { count } = await this.#database.idempotentAnswer.createMany({
      data: [{ ...taken, createdAt: new Date(now) }],
      skipDuplicates: true,
    });
    return count === 1 ? { taken } : { known: await this.#find(taken) };
  }

  async #find({ actor, key, digest }: TakenKey): Promise<KeptAnswer> {
    const known = await this.#database.idempotentAnswer.findUnique({ where: { actor_key: { actor, key } } });
    if (known !== null && known.digest !== digest)
      throw new RequestRefused({
        status: 422,
        name: 'idempotency-key-reused',
        detail: 'This Idempotency-Key was used for another request. Choose a new one for each request.',
      });
    if (known === null || known.answer === null)
      throw new RequestRefused({
        status: 409,
        name: 'request-in-progress',
        detail: 'The request with this Idempotency-Key is still being written. Ask again shortly.',
      });
    return { status: known.status, body: known.answer };
  }

  /** Keeps what the request was answered with. */
  async keep(taken: TakenKey, { status, body }: KeptAnswer): Promise<void> {
    const answer = body as Prisma.InputJsonValue;
    await this.#database.idempotentAnswer.updateMany({ where: { ...taken }, data: { status, answer } });
  }

  /** Gives the key back: the request was refused, or failed. */
  async giveBack(taken: TakenKey): Promise<void> {
    await this.#database.idempotentAnswer.deleteMany({ where: { ...taken } });
  }
}
