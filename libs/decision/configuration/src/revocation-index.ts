import type { Clock } from '@sallyport/kernel';
import type { Revocation } from './change-set.js';

interface Entry {
  notBefore: number;
  expiresAt: number | null;
}

/** A cause for which nothing will be issued any more, whenever it was issued. */
const FOREVER = Number.MAX_SAFE_INTEGER;
const SWEEP_INTERVAL_SECONDS = 60;

/**
 * Which subjects are revoked, as far as this replica knows. Lives across bases and snapshots: a revocation once seen
 * is forgotten only when it has expired. All times are seconds since the epoch.
 *
 * - `user`, `agent`, `user-agent`, `connection`, `server`: everything issued before `notBefore` is void; what is issued
 *   later stands. A block is a `notBefore` in the far future, without `expiresAt`.
 * - `session` never comes back: its tokens are void whenever they were issued.
 * - `signing-key`: whatever it signed is void, also what somebody signs with it from now on.
 */
export class RevocationIndex {
  readonly #entries = new Map<string, Entry>();
  readonly #clock: Clock;
  readonly #withdrawnKeys = new Set<string>();
  #generation = 0;
  #sweptAt = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Rises whenever something becomes revoked that was not: what was verified under an older one is to be looked at again (S5). */
  get generation(): number {
    return this.#generation;
  }

  get size(): number {
    return this.#entries.size;
  }

  add(revocations: Iterable<Revocation>): void {
    const now = Math.floor(this.#clock() / 1000);
    let changed = false;
    for (const revocation of revocations) {
      if (revocation.expiresAt !== null && revocation.expiresAt <= now) continue;
      if (this.#merge(revocation)) changed = true;
    }
    if (changed) this.#generation++;
    this.#sweep(now);
  }

  /**
   * @param issuedAt when the token was issued; at the authorization server, when the session or grant was: a refreshed
   *   token of an old grant must not outlive the grant's revocation.
   */
  isRevoked(subject: { userId: string; clientId: string; sid: string; issuedAt: number }): boolean {
    if (this.#entries.size === 0) return false;
    return (
      this.#voids(`session ${subject.sid}`, subject.issuedAt) ||
      this.#voids(`user ${subject.userId}`, subject.issuedAt) ||
      this.#voids(`agent ${subject.clientId}`, subject.issuedAt) ||
      this.#voids(`user-agent ${subject.userId} ${subject.clientId}`, subject.issuedAt)
    );
  }

  isConnectionRevoked(connectionId: string, issuedAt: number): boolean {
    return this.#voids(`connection ${connectionId}`, issuedAt);
  }

  isServerRevoked(server: string, issuedAt: number): boolean {
    return this.#voids(`server ${server}`, issuedAt);
  }

  isKeyWithdrawn(kid: string): boolean {
    return this.#withdrawnKeys.has(kid);
  }

  /** All of them, ever. */
  get withdrawnKeys(): ReadonlySet<string> {
    return this.#withdrawnKeys;
  }

  #voids(key: string, issuedAt: number): boolean {
    const entry = this.#entries.get(key);
    return entry !== undefined && issuedAt < entry.notBefore;
  }

  #merge({ subject, notBefore, expiresAt }: Revocation): boolean {
    const { key, neverAgain } = keyOf(subject);
    const effective = neverAgain ? FOREVER : notBefore;
    if (subject.type === 'signing-key') this.#withdrawnKeys.add(subject.kid);
    const known = this.#entries.get(key);
    if (!known) {
      this.#entries.set(key, { notBefore: effective, expiresAt });
      return true;
    }
    const later = effective > known.notBefore;
    known.notBefore = Math.max(known.notBefore, effective);
    known.expiresAt = known.expiresAt === null || expiresAt === null ? null : Math.max(known.expiresAt, expiresAt);
    return later;
  }

  #sweep(now: number): void {
    if (now - this.#sweptAt < SWEEP_INTERVAL_SECONDS) return;
    this.#sweptAt = now;
    for (const [key, entry] of this.#entries)
      if (entry.expiresAt !== null && entry.expiresAt <= now) this.#entries.delete(key);
  }
}

function keyOf(subject: Revocation['subject']): { key: string; neverAgain: boolean } {
  switch (subject.type) {
    case 'user':
      return { key: `user ${subject.userId}`, neverAgain: false };
    case 'agent':
      return { key: `agent ${subject.clientId}`, neverAgain: false };
    case 'user-agent':
      return { key: `user-agent ${subject.userId} ${subject.clientId}`, neverAgain: false };
    case 'session':
      return { key: `session ${subject.sid}`, neverAgain: true };
    case 'connection':
      return { key: `connection ${subject.connectionId}`, neverAgain: false };
    case 'server':
      return { key: `server ${subject.server}`, neverAgain: false };
    case 'signing-key':
      return { key: `signing-key ${subject.kid}`, neverAgain: true };
  }
}
