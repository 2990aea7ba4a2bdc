import type { Clock } from '@sallyport/kernel';
import type { Revocation } from './change-set.js';

interface Entry {
  notBefore: number;
  expiresAt: number | null;
}

/** The `notBefore` of a subject that never comes back. */
const FOREVER = Number.MAX_SAFE_INTEGER;
const SWEEP_INTERVAL_SECONDS = 60;

/**
 * The subjects that are revoked, as far as this replica knows. One index serves all bases and snapshots, and forgets a
 * revocation only when it has expired. All times are seconds since the epoch.
 *
 * - `user`, `agent`, `user-agent`, `connection`, `server`, `credential-provider`: what was issued before `notBefore` is
 *   void, what is issued later is valid. A block is a `notBefore` in the far future, without `expiresAt`.
 * - `session`: its tokens are void, whenever they were issued.
 * - `signing-key`: everything it signed or will sign is void.
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

  /** Grows with each new revocation. Whoever caches a verified token verifies it again when this has grown (S5). */
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
   * Whether a token's user, agent or session is revoked.
   * @param subject `issuedAt` is when the token was issued. The authorization server passes the time of the session or
   * grant instead, so that a refreshed token does not outlive the revocation of its grant.
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

  /** Whether a lease is void: its connection, its server or its credential provider was revoked after it was made. */
  isLeaseRevoked({
    connectionId,
    server,
    credentialProvider,
    leasedAt,
  }: {
    connectionId: string | null;
    server: string;
    credentialProvider: string;
    leasedAt: number;
  }): boolean {
    if (this.#entries.size === 0) return false;
    return (
      (connectionId !== null && this.isConnectionRevoked(connectionId, leasedAt)) ||
      this.#voids(`server ${server}`, leasedAt) ||
      this.#voids(`credential-provider ${credentialProvider}`, leasedAt)
    );
  }

  isKeyWithdrawn(kid: string): boolean {
    return this.#withdrawnKeys.has(kid);
  }

  /** Every signing key that was ever revoked, by `kid`. */
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
    case 'credential-provider':
      return { key: `credential-provider ${subject.credentialProvider}`, neverAgain: false };
    case 'signing-key':
      return { key: `signing-key ${subject.kid}`, neverAgain: true };
  }
}
