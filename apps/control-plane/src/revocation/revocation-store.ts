import type { Revocation, RevocationSubject } from '@sallyport/configuration';
import type { Database, Prisma } from '@sallyport/database';
import { newId } from '@sallyport/kernel';
import type { Clock } from '@sallyport/kernel';
import type { RevisionLog } from '../configuration/revision-log.js';

export interface RecordedRevocation extends Revocation {
  readonly reason: string | null;
  /** The configuration revision that carries it. */
  readonly revision: number;
}

/** What a block is not before: the largest second the column holds (January 2038). */
const NEVER_AGAIN = 2_147_483_647;

/** Longer than a refresh token may live, so that a server that was away for long still learns of it (S28). */
const SESSION_REMEMBERED_SECONDS = 400 * 86_400;
const SKEW_SECONDS = 60;
/** As long as a lease lives at most (S21), and what a clock may be off. */
const CONNECTION_REMEMBERED_SECONDS = 900 + SKEW_SECONDS;
/** No MCP session lives longer, whatever a gateway says. */
const LONGEST_MCP_SESSION_SECONDS = 31 * 86_400;

/**
 * Revocations in PostgreSQL, each with the change set that carries it in one transaction (S8, S28). In force when the
 * change set was published.
 *
 * A user, agent, or user × agent: everything issued until now is void, for good; who signs in again starts afresh, unless
 * it is a block. A session: ended for good, remembered for longer than any refresh token lives.
 */
export class PostgresRevocationStore {
  readonly #database: Pick<Database, 'revocation'>;
  readonly #revisions: RevisionLog;
  readonly #clock: Clock;

  constructor({ database, revisions, clock }: { database: Pick<Database, 'revocation'>; revisions: RevisionLog; clock: Clock }) {
    this.#database = database;
    this.#revisions = revisions;
    this.#clock = clock;
  }

  /** @param options `block`: also what is issued from now on is void. */
  async revoke(subject: RevocationSubject, options: { reason?: string | undefined; block?: boolean | undefined } = {}): Promise<RecordedRevocation> {
    const now = this.#nowSeconds();
    // A token's `iat` is in whole seconds: one issued earlier in this second is caught only by the next.
    const notBefore = options.block ? NEVER_AGAIN : now + 1;
    if (subject.type === 'session') return this.#record(this.#sessionEnd(subject.sid), options.reason);
    return this.#record({ id: newId('rev', this.#clock()), subject, notBefore, expiresAt: null }, options.reason);
  }

  /** A session the authorization server ended itself. @returns `undefined` when its end was recorded already. */
  async endSession(sid: string, reason: string): Promise<RecordedRevocation | undefined> {
    const revocation = this.#sessionEnd(sid);
    const { changed, revision } = await this.#revisions.write(async (transaction) => {
      if (await transaction.revocation.findFirst({ where: { subjectType: 'session', subject: { equals: revocation.subject } }, select: { id: true } })) return undefined;
      await transaction.revocation.create({ data: rowOf(revocation, reason) });
      return { revocations: [revocation] };
    });
    return changed ? { ...revocation, reason, revision } : undefined;
  }

  /** Replicas take it as void for good, whenever a token of it was issued: a clock may be ahead of ours. */
  #sessionEnd(sid: string): Revocation & { readonly subject: { readonly type: 'session'; readonly sid: string } } {
    return { id: newId('rev', this.#clock()), subject: { type: 'session', sid }, notBefore: this.#nowSeconds() + 1, expiresAt: this.#nowSeconds() + SESSION_REMEMBERED_SECONDS };
  }

  /** An agent ended its MCP session (R64). @param expiresAt when it would have ended by itself, seconds since the epoch. @returns `false` when it had ended already. */
  async endMcpSession(id: string, expiresAt: number): Promise<boolean> {
    const subject = { type: 'mcp-session', id } as const;
    const now = this.#nowSeconds();
    const revocation: Revocation = { id: newId('rev', this.#clock()), subject, notBefore: now + 1, expiresAt: Math.min(expiresAt, now + LONGEST_MCP_SESSION_SECONDS) + SKEW_SECONDS };
    const { changed } = await this.#revisions.write(async (transaction) => {
      if (await transaction.revocation.findFirst({ where: { subjectType: subject.type, subject: { equals: subject } }, select: { id: true } })) return undefined;
      await transaction.revocation.create({ data: rowOf(revocation, null) });
      return { revocations: [revocation] };
    });
    return changed;
  }

  /** What was leased of these connections until now is void, also at a gateway that missed the message that they changed. */
  async revokeConnections(connectionIds: readonly string[]): Promise<void> {
    const now = this.#nowSeconds();
    const revocations = connectionIds.map((connectionId): Revocation => ({ id: newId('rev', this.#clock()), subject: { type: 'connection', connectionId }, notBefore: now + 1, expiresAt: now + CONNECTION_REMEMBERED_SECONDS }));
    await this.#revisions.write(async (transaction) => {
      await transaction.revocation.createMany({ data: revocations.map((revocation) => rowOf(revocation, null)) });
      return { revocations };
    });
  }

  /** Nothing this key signed counts any more, for good. @returns `undefined` when it was withdrawn already. */
  async withdrawSigningKey(kid: string, reason: string | undefined): Promise<RecordedRevocation | undefined> {
    const subject = { type: 'signing-key', kid } as const;
    const revocation: Revocation = { id: newId('rev', this.#clock()), subject, notBefore: this.#nowSeconds() + 1, expiresAt: null };
    const { changed, revision } = await this.#revisions.write(async (transaction) => {
      if (await transaction.revocation.findFirst({ where: { subjectType: subject.type, subject: { equals: subject } }, select: { id: true } })) return undefined;
      await transaction.revocation.create({ data: rowOf(revocation, reason ?? null) });
      return { revocations: [revocation] };
    });
    return changed ? { ...revocation, reason: reason ?? null, revision } : undefined;
  }

  /** Removes what no token can be affected by any more. */
  async forgetExpired(): Promise<void> {
    await this.#database.revocation.deleteMany({ where: { expiresAt: { lt: this.#nowSeconds() } } });
  }

  async #record(revocation: Revocation, reason: string | undefined): Promise<RecordedRevocation> {
    const { revision } = await this.#revisions.write(async (transaction) => {
      await transaction.revocation.create({ data: rowOf(revocation, reason ?? null) });
      return { revocations: [revocation] };
    });
    return { ...revocation, reason: reason ?? null, revision };
  }

  #nowSeconds(): number {
    return Math.floor(this.#clock() / 1000);
  }
}

function rowOf({ id, subject, notBefore, expiresAt }: Revocation, reason: string | null): Prisma.RevocationCreateManyInput {
  return { id, subjectType: subject.type, subject, notBefore, expiresAt, reason };
}
