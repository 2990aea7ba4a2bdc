import { createHmac } from 'node:crypto';
import { WrittenChangeSet, type Actor } from '@sallyport/admin-api';
import { Prisma, type Database } from '@sallyport/database';
import { RequestRefused } from '@sallyport/http';
import type { Clock, Secret } from '@sallyport/kernel';

const KEPT_MS = 86_400_000;
/** A write that takes longer was given up: its process ended. */
const GIVEN_UP_MS = 60_000;

export interface IdempotentRequest {
  readonly actor: Actor;
  /** `Idempotency-Key`; without one every request is written. */
  readonly key: string | undefined;
  /** The route, and all that was sent with it. */
  readonly sent: readonly unknown[];
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

  /** @throws {RequestRefused} 422: the key was used for another request. 409: the first is still being written */
  async once(request: IdempotentRequest, write: () => Promise<WrittenChangeSet>): Promise<WrittenChangeSet> {
    const { key } = request;
    if (key === undefined) return write();
    const actor = `${request.actor.type}:${request.actor.id}`;
    const where = { actor, key };
    const digest = createHmac('sha256', (await this.#digestKey()).reveal())
      .update(`idempotent request\n${JSON.stringify(request.sent)}`)
      .digest('base64url');
    const known = await this.#begin({ ...where, digest });
    if (known) return known;
    try {
      const answer = await write();
      await this.#database.idempotentAnswer.updateMany({
        where: { ...where, digest },
        data: { answer: plain(answer) },
      });
      return answer;
    } catch (error) {
      await this.#database.idempotentAnswer.deleteMany({ where: { ...where, digest } });
      throw error;
    }
  }

  /** Takes the key, or finds the answer that it stands for. */
  async #begin(row: { actor: string; key: string; digest: string }): Promise<WrittenChangeSet | undefined> {
    const { actor, key, digest } = row;
    const now = this.#clock();
    await this.#database.idempotentAnswer.deleteMany({
      where: {
        OR: [
          { createdAt: { lt: new Date(now - KEPT_MS) } },
          { actor, key, createdAt: { lt: new Date(now - GIVEN_UP_MS) }, answer: { equals: Prisma.DbNull } },
        ],
      },
    });
    const { count } = await this.#database.idempotentAnswer.createMany({
      data: [{ ...row, createdAt: new Date(now) }],
      skipDuplicates: true,
    });
    if (count === 1) return undefined;
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
    return WrittenChangeSet.parse(known.answer);
  }
}

/** As PostgreSQL gives it back: without `undefined` members. */
const plain = (answer: WrittenChangeSet): Prisma.InputJsonObject =>
  JSON.parse(JSON.stringify(answer)) as Prisma.InputJsonObject;
