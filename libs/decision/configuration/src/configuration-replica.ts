import { SallyportError, systemClock } from '@sallyport/kernel';
import type { Clock } from '@sallyport/kernel';
import type { CryptoKey, JWK } from 'jose';
import { BaseAssembly } from './base-assembly.js';
import type { ChangeSet, Heartbeat } from './change-set.js';
import { createSnapshot, documentKey, documentMap } from './configuration-snapshot.js';
import type { ConfigurationSnapshot } from './configuration-snapshot.js';
import { verifyLogEntry } from './log-entry.js';
import { RevocationIndex } from './revocation-index.js';

/** The part of a configuration log that a replica needs; `ConfigurationLog` of `platform/messaging` is one. */
export interface ConfigurationLogReader {
  follow(listener: (jws: string) => void | Promise<void>): Promise<{ restart(): Promise<void>; stop(): Promise<void> }>;
}

/** An event for the log. The replica has already done what is safe. */
export type ReplicaProblem =
  | { type: 'untrusted-entry'; reason: 'signature' | 'type' | 'content' }
  | { type: 'lower-revision' | 'gap' | 'behind' | 'ahead'; have: number; got: number }
  | { type: 'unannounced-epoch' | 'new-epoch'; epoch: string }
  | { type: 'heartbeat-clock'; offByMs: number }
  | { type: 'restart-failed' | 'listener-failed'; error: unknown };

export interface ReplicaOptions {
  readonly log: ConfigurationLogReader;
  /** The pinned Ed25519 key. The replica ignores whatever another key signed. */
  readonly verifyKey: CryptoKey | JWK;
  readonly clock?: Clock;
  /** After this long without a fresh heartbeat the replica fails closed. Default 300 000. */
  readonly stalenessBoundMs?: number;
  /**
   * How long the first base waits for a heartbeat that confirms it. Then it is used without one, because the control
   * plane may be down. Default 2 000.
   */
  readonly confirmationGraceMs?: number;
  readonly onProblem?: (problem: ReplicaProblem) => void;
  /** Told of each change set that is applied as it comes, once the replica is ready; must not throw. */
  readonly onApplied?: (change: Pick<ChangeSet, 'issuedAt' | 'revocations'>) => void;
}

export interface ReplicaState {
  /** Whether the replica has a complete configuration, however old. */
  readonly ready: boolean;
  /** Whether the configuration is older than the bound. Then `snapshot()` throws. */
  readonly stale: boolean;
  /** What came last was signed by another key than the pinned one, which may be the wrong one. */
  readonly distrusts: boolean;
  readonly epoch: string | null;
  readonly revision: number | null;
  /** Milliseconds since the last proof that this revision is the newest. */
  readonly staleForMs: number;
}

const MAX_HEARTBEAT_OFFSET_MS = 60_000;
const BEHIND_TOLERANCE_MS = 2_000;
/**
 * Changes overtake heartbeats: several control planes that publish much at once send many that name a lower revision.
 * This many in a row, over this long, are no such thing.
 */
const LOWER_HEARTBEATS = 3;
const LOWER_FOR_MS = 2_000;
const MAX_RESTART_DELAY_MS = 30_000;

/**
 * Follows the signed configuration log and keeps the newest snapshot in memory (security rule S27). It never asks a
 * database and never blocks a request.
 *
 * - It applies entries in order, wholly or not at all. It skips what the pinned key did not sign, and lower revisions.
 * - After a gap it starts over from the newest base. So it does when a fresh heartbeat announces another epoch.
 * - A heartbeat proves how new its revision is. Without one for `stalenessBoundMs`, the replica fails closed.
 * - Heartbeats that name a lower revision for seconds mean that the control plane's database went back in time. What
 *   follows is another history, so the replica applies no more documents of this epoch; revocations it still takes.
 */
export class ConfigurationReplica {
  readonly #options: ReplicaOptions;
  readonly #clock: Clock;
  readonly #boundMs: number;
  readonly #revocations: RevocationIndex;
  readonly #listeners = new Set<(snapshot: ConfigurationSnapshot) => void>();
  readonly #assembly = new BaseAssembly();
  #handle: { restart(): Promise<void>; stop(): Promise<void> } | undefined;
  #snapshot: ConfigurationSnapshot | undefined;
  #confirmed = false;
  #distrusts = false;
  #announcedEpoch: string | undefined;
  #freshAt: number;
  #lastHeartbeatIssuedAt = 0;
  #behindSince: number | undefined;
  /** Heartbeats in a row that named a lower revision, and when the first of them came. */
  #lower: { count: number; readonly since: number } | undefined;
  /** The control plane's database knows less than this replica. It stays so until a new epoch, or a restart. */
  #isAhead = false;
  #restartDelayMs = 0;
  #restartTimer: NodeJS.Timeout | undefined;
  #graceTimer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: ReplicaOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#boundMs = options.stalenessBoundMs ?? 300_000;
    this.#revocations = new RevocationIndex(this.#clock);
    this.#freshAt = this.#clock();
  }

  /** Begins to follow the log. Resolves when it does, which may be before the replica is ready. */
  async start(): Promise<void> {
    this.#freshAt = this.#clock();
    this.#handle = await this.#options.log.follow((jws) => this.#receive(jws));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#restartTimer);
    clearTimeout(this.#graceTimer);
    await this.#handle?.stop();
  }

  /**
   * The newest snapshot.
   * @throws {SallyportError} `configuration_not_ready` until the first is complete, `configuration_stale` when it is
   * too old
   */
  snapshot(): ConfigurationSnapshot {
    if (!this.#snapshot || !this.#confirmed)
      throw new SallyportError('configuration_not_ready', 'The configuration has not arrived yet.', { isOutage: true });
    if (this.#clock() - this.#freshAt > this.#boundMs)
      throw new SallyportError('configuration_stale', 'The configuration is older than the staleness bound.', {
        isOutage: true,
      });
    return this.#snapshot;
  }

  /**
   * Resolves with the first complete snapshot, at once when there is one.
   * @throws {SallyportError} `configuration_not_ready` after `timeoutMs`
   */
  async whenReady(timeoutMs: number): Promise<ConfigurationSnapshot> {
    if (this.#snapshot && this.#confirmed) return this.#snapshot;
    return new Promise((resolve, reject) => {
      const unsubscribe = this.onChange((snapshot) => {
        clearTimeout(timer);
        unsubscribe();
        resolve(snapshot);
      });
      const timer = setTimeout(() => {
        unsubscribe();
        reject(
          new SallyportError('configuration_not_ready', `No configuration arrived within ${timeoutMs} ms.`, {
            isOutage: true,
          }),
        );
      }, timeoutMs);
    });
  }

  /**
   * Calls the listener when the replica becomes ready, and after each change set or base that it applies from then on.
   * @returns unsubscribe
   */
  onChange(listener: (snapshot: ConfigurationSnapshot) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  state(): ReplicaState {
    const staleForMs = Math.max(0, this.#clock() - this.#freshAt);
    return {
      ready: this.#snapshot !== undefined && this.#confirmed,
      stale: staleForMs > this.#boundMs,
      distrusts: this.#distrusts,
      epoch: this.#snapshot?.epoch ?? null,
      revision: this.#snapshot?.revision ?? null,
      staleForMs,
    };
  }

  async #receive(jws: string): Promise<void> {
    if (this.#stopped) return;
    const verdict = await verifyLogEntry(jws, this.#options.verifyKey);
    this.#distrusts = !verdict.trusted && verdict.reason === 'signature';
    if (!verdict.trusted) return this.#report({ type: 'untrusted-entry', reason: verdict.reason });
    const { entry } = verdict;
    switch (entry.type) {
      case 'heartbeat':
        return this.#heartbeat(entry);
      case 'change':
        return this.#change(entry);
      case 'base': {
        const base = this.#assembly.add(entry);
        if (base) this.#base(base);
      }
    }
  }

  #base(base: {
    epoch: string;
    revision: number;
    puts: Parameters<typeof documentMap>[0];
    revocations: ChangeSet['revocations'];
  }): void {
    const current = this.#snapshot;
    if (current && base.epoch !== current.epoch && base.epoch !== this.#announcedEpoch) {
      // Somebody may replay an old base, but no fresh heartbeat. If this base is right, a heartbeat will start us over.
      return this.#report({ type: 'unannounced-epoch', epoch: base.epoch });
    }
    // A start-over may deliver a base that is older than our snapshot, or the same.
    if (current?.epoch === base.epoch && base.revision <= current.revision) {
      this.#revocations.add(base.revocations);
      return;
    }
    if (current?.epoch === base.epoch && this.#isAhead) return this.#revocations.add(base.revocations);
    this.#revocations.add(base.revocations);
    this.#apply(
      createSnapshot({
        epoch: base.epoch,
        revision: base.revision,
        documents: documentMap(base.puts),
        revocations: this.#revocations,
      }),
    );
    if (!this.#confirmed && !this.#graceTimer)
      this.#graceTimer = setTimeout(() => this.#confirm(), this.#options.confirmationGraceMs ?? 2_000).unref();
  }

  #change(change: ChangeSet): void {
    const current = this.#snapshot;
    if (!current) return; // a change needs a base
    if (change.epoch !== current.epoch) {
      if (change.epoch === this.#announcedEpoch) this.#startOver({ type: 'new-epoch', epoch: change.epoch });
      else this.#report({ type: 'unannounced-epoch', epoch: change.epoch });
      return;
    }
    if (change.revision < current.revision)
      return this.#report({ type: 'lower-revision', have: current.revision, got: change.revision });
    if (change.revision === current.revision) return; // delivered again
    if (this.#isAhead) return this.#revocations.add(change.revocations); // to revoke more is always safe
    if (change.revision > current.revision + 1)
      return this.#startOver({ type: 'gap', have: current.revision, got: change.revision });
    this.#revocations.add(change.revocations);
    let { documents } = current;
    if (change.puts.length > 0 || change.deletes.length > 0) {
      const next = new Map(documents);
      for (const removed of change.deletes) next.delete(documentKey(removed));
      for (const put of change.puts) next.set(documentKey(put), put);
      documents = next;
    }
    this.#apply(
      createSnapshot({ epoch: change.epoch, revision: change.revision, documents, revocations: this.#revocations }),
    );
    if (this.#confirmed) this.#options.onApplied?.(change);
  }

  #heartbeat(heartbeat: Heartbeat): void {
    const now = this.#clock();
    const offByMs = now - heartbeat.issuedAt;
    if (Math.abs(offByMs) > MAX_HEARTBEAT_OFFSET_MS) return this.#report({ type: 'heartbeat-clock', offByMs });
    if (heartbeat.issuedAt <= this.#lastHeartbeatIssuedAt) return; // a replay proves nothing
    this.#lastHeartbeatIssuedAt = heartbeat.issuedAt;
    const current = this.#snapshot;
    if (!current) return;
    if (heartbeat.epoch !== current.epoch) {
      this.#announcedEpoch = heartbeat.epoch;
      return this.#startOver({ type: 'new-epoch', epoch: heartbeat.epoch });
    }
    if (heartbeat.revision < current.revision) {
      this.#lower ??= { count: 0, since: now };
      this.#lower.count += 1;
      if (this.#isAhead || this.#lower.count < LOWER_HEARTBEATS || now - this.#lower.since < LOWER_FOR_MS) return;
      this.#isAhead = true;
      return this.#report({ type: 'ahead', have: current.revision, got: heartbeat.revision });
    }
    if (this.#isAhead) return;
    this.#lower = undefined;
    if (heartbeat.revision > current.revision) {
      this.#behindSince ??= now;
      if (now - this.#behindSince >= BEHIND_TOLERANCE_MS)
        this.#startOver({ type: 'behind', have: current.revision, got: heartbeat.revision });
      return;
    }
    this.#behindSince = undefined;
    this.#restartDelayMs = 0;
    this.#freshAt = now;
    this.#confirm();
  }

  #apply(snapshot: ConfigurationSnapshot): void {
    if (snapshot.epoch !== this.#snapshot?.epoch) {
      this.#lower = undefined;
      this.#isAhead = false;
    }
    this.#snapshot = snapshot;
    this.#behindSince = undefined;
    if (this.#announcedEpoch === snapshot.epoch) this.#announcedEpoch = undefined;
    this.#notify();
  }

  #confirm(): void {
    if (this.#confirmed || this.#stopped) return;
    clearTimeout(this.#graceTimer);
    this.#confirmed = true;
    this.#notify();
  }

  #notify(): void {
    if (!this.#snapshot || !this.#confirmed) return;
    for (const listener of this.#listeners) {
      try {
        listener(this.#snapshot);
      } catch (error) {
        this.#report({ type: 'listener-failed', error });
      }
    }
  }

  /** Restarts from the newest base, later: the log delivers no entry before the one that causes this is done. */
  #startOver(problem: ReplicaProblem): void {
    this.#report(problem);
    if (this.#restartTimer) return;
    this.#restartTimer = setTimeout(() => {
      this.#restartTimer = undefined;
      this.#handle?.restart().catch((error: unknown) => this.#report({ type: 'restart-failed', error }));
    }, this.#restartDelayMs).unref();
    this.#restartDelayMs = Math.min(MAX_RESTART_DELAY_MS, Math.max(500, this.#restartDelayMs * 2));
  }

  #report(problem: ReplicaProblem): void {
    this.#options.onProblem?.(problem);
  }
}
