import type { Revocation, RevocationSubject } from '@sallyport/configuration/log';
import type { Database, Prisma } from '@sallyport/database';
import { Batches, newId, SallyportError } from '@sallyport/kernel';
import type { Clock } from '@sallyport/kernel';
import type { RevisionLog, Transaction } from '../configuration/revision-log.js';

export interface RecordedRevocation extends Revocation {
  readonly reason: string | null;
  /** The configuration revision that carries it. */
  readonly revision: number;
}

/** What a block is not before: the largest second the column holds (January 2038). */
const NEVER_AGAIN = 2_147_483_647;

/** Longer than a refresh token may live, so that a server that was away for long still learns of it (S28). */
const SESSION_REMEMBERED_SECONDS = 400 * 86_400;
/**
 * How long the end of a session is remembered that the authorization server ended itself: only access tokens are left
 * of it, and they live for an hour at most.
 */
const REPORTED_REMEMBERED_SECONDS = 2 * 3_600;
const SKEW_SECONDS = 60;
/** As long as a lease lives at most (S21), and what a clock may be off. */
const LEASE_REMEMBERED_SECONDS = 900 + SKEW_SECONDS;

/**
 * How many revocations that agents and users cause go into one change set, and how often: a set stays well below the
 * size of a message on the bus.
 */
const MOST_CAUSED = 1_000;
const CAUSED_EVERY_MS = 200;

/** `once`: not when its subject is revoked already. */
interface Caused {
  readonly revocation: Revocation;
  readonly reason: string | null;
  readonly once: boolean;
}

/**
 * Revocations in PostgreSQL, each with the change set that carries it in one transaction (S8, S28). In force when the
 * change set was published.
 *
 * A user, agent, or user × agent: everything issued until now is void, for good; who signs in again starts afresh,
 * unless it is a block. A session: ended for good, remembered for longer than any refresh token lives. A server or a
 * credential provider: what was leased for it is void, and remembered for as long as a lease lives.
 *
 * An administrator's is a change set of its own and goes ahead of all that waits to be written. What agents and users
 * cause, one after the other and by the thousand if they like, is gathered into one change set per round (S34).
 */
export class PostgresRevocationStore {
  readonly #database: Pick<Database, 'revocation'>;
  readonly #revisions: RevisionLog;
  readonly #clock: Clock;
  readonly #caused = new Batches<Caused, RecordedRevocation | undefined>({
    run: (all) => this.#recordCaused(all),
    most: MOST_CAUSED,
    everyMs: CAUSED_EVERY_MS,
  });

  constructor({
    database,
    revisions,
    clock,
  }: {
    database: Pick<Database, 'revocation'>;
    revisions: RevisionLog;
    clock: Clock;
  }) {
    this.#database = database;
    this.#revisions = revisions;
    this.#clock = clock;
  }

  /** @param options `block`: also what is issued from now on is void. */
  async revoke(
    subject: RevocationSubject,
    options: { reason?: string | undefined; block?: boolean | undefined } = {},
  ): Promise<RecordedRevocation> {
    const now = this.#nowSeconds();
    // A token's `iat` is in whole seconds: one issued earlier in this second is caught only by the next.
    const notBefore = options.block ? NEVER_AGAIN : now + 1;
    const expiresAt =
      subject.type === 'server' || subject.type === 'credential-provider' ? now + LEASE_REMEMBERED_SECONDS : null;
    const revocation: Revocation =
      subject.type === 'session'
        ? this.#sessionEnd(subject.sid)
        : { id: newId('rev', this.#clock()), subject, notBefore, expiresAt };
    const { revision } = await this.#revisions.write(async (transaction) => {
      await transaction.revocation.create({ data: rowOf(revocation, options.reason ?? null) });
      return { revocations: [revocation] };
    }, 'revocation');
    return { ...revocation, reason: options.reason ?? null, revision };
  }

  /** A session that its user ends. */
  async endSession(sid: string, reason: string): Promise<RecordedRevocation> {
    const recorded = await this.#caused.add({ revocation: this.#sessionEnd(sid), reason, once: false });
    if (!recorded) throw new SallyportError('revocation_not_recorded', 'The end of a session was not recorded.');
    return recorded;
  }

  /** A session the authorization server ended itself. @returns `undefined` when its end was recorded already. */
  async endReportedSession(sid: string, reason: string): Promise<RecordedRevocation | undefined> {
    return this.#caused.add({ revocation: this.#sessionEnd(sid, REPORTED_REMEMBERED_SECONDS), reason, once: true });
  }

  /** Replicas take it as void for good, whenever a token of it was issued: a clock may be ahead of ours. */
  #sessionEnd(sid: string, rememberedSeconds = SESSION_REMEMBERED_SECONDS): Revocation {
    return {
      id: newId('rev', this.#clock()),
      subject: { type: 'session', sid },
      notBefore: this.#nowSeconds() + 1,
      expiresAt: this.#nowSeconds() + rememberedSeconds,
    };
  }

  /**
   * Voids everything leased of these connections until now, also at a gateway that missed the message of their change.
   */
  async revokeConnections(connectionIds: readonly string[]): Promise<void> {
    const now = this.#nowSeconds();
    const revocations = connectionIds.map((connectionId): Revocation => ({
      id: newId('rev', this.#clock()),
      subject: { type: 'connection', connectionId },
      notBefore: now + 1,
      expiresAt: now + LEASE_REMEMBERED_SECONDS,
    }));
    await Promise.all(revocations.map((revocation) => this.#caused.add({ revocation, reason: null, once: false })));
  }

  /** Nothing this key signed counts any more, for good. @returns `undefined` when it was withdrawn already. */
  async withdrawSigningKey(kid: string, reason: string | undefined): Promise<RecordedRevocation | undefined> {
    const subject = { type: 'signing-key', kid } as const;
    const revocation: Revocation = {
      id: newId('rev', this.#clock()),
      subject,
      notBefore: this.#nowSeconds() + 1,
      expiresAt: null,
    };
    const { changed, revision } = await this.#revisions.write(async (transaction) => {
      if (
        await transaction.revocation.findFirst({
          where: { subjectType: subject.type, subject: { equals: subject } },
          select: { id: true },
        })
      )
        return undefined;
      await transaction.revocation.create({ data: rowOf(revocation, reason ?? null) });
      return { revocations: [revocation] };
    }, 'revocation');
    return changed ? { ...revocation, reason: reason ?? null, revision } : undefined;
  }

  /** Removes what no token can be affected by any more. */
  async forgetExpired(): Promise<void> {
    await this.#database.revocation.deleteMany({ where: { expiresAt: { lt: this.#nowSeconds() } } });
  }

  async #recordCaused(all: readonly Caused[]): Promise<readonly (RecordedRevocation | undefined)[]> {
    let isNew: (one: Caused) => boolean = () => true;
    const { revision } = await this.#revisions.write(async (transaction) => {
      const known = await endedSessionsOf(
        transaction,
        all.filter(({ once }) => once),
      );
      const seen = new Set<string>();
      const chosen = new Set(
        all.filter((one) => !one.once || (!known.has(sidOf(one)) && !seen.has(sidOf(one)) && seen.add(sidOf(one)))),
      );
      isNew = (one) => chosen.has(one);
      if (chosen.size === 0) return undefined;
      await transaction.revocation.createMany({
        data: [...chosen].map(({ revocation, reason }) => rowOf(revocation, reason)),
      });
      return { revocations: [...chosen].map(({ revocation }) => revocation) };
    }, 'caused');
    return all.map((one) => (isNew(one) ? { ...one.revocation, reason: one.reason, revision } : undefined));
  }

  #nowSeconds(): number {
    return Math.floor(this.#clock() / 1000);
  }
}

function rowOf(
  { id, subject, notBefore, expiresAt }: Revocation,
  reason: string | null,
): Prisma.RevocationCreateManyInput {
  return { id, subjectType: subject.type, subject, notBefore, expiresAt, reason };
}

const sidOf = ({ revocation: { subject } }: Caused): string => (subject.type === 'session' ? subject.sid : '');

/** Those of these sessions whose end is recorded: one question, however many. */
async function endedSessionsOf(transaction: Transaction, asked: readonly Caused[]): Promise<ReadonlySet<string>> {
  if (asked.length === 0) return new Set();
  const rows = await transaction.$queryRaw<{ sid: string }[]>`
    SELECT DISTINCT subject->>'sid' AS sid FROM "Revocation"
      WHERE "subjectType" = 'session' AND subject->>'sid' = ANY(${asked.map(sidOf)})`;
  return new Set(rows.map(({ sid }) => sid));
}
