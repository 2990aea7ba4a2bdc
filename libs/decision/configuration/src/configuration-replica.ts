import { SallyportError, systemClock } from '@sallyport/kernel';
import type { Clock } from '@sallyport/kernel';
import type { CryptoKey, JWK } from 'jose';
import { BaseAssembly } from './base-assembly.js';
import type { ChangeSet, Heartbeat } from './change-set.js';
import { createSnapshot, documentKey, documentMap } from './configuration-snapshot.js';
import type { ConfigurationSnapshot } from './configuration-snapshot.js';
import { verifyLogEntry } from './log-entry.js';
import { RevocationIndex } from './revocation-index.js';

/** The part of the bus's configuration log that a replica needs; `ConfigurationLog` of `platform/messaging` is one. */
export interface ConfigurationLogReader {
  follow(listener: (jws: string) => void | Promise<void>): Promise<{ restart(): Promise<void>; stop(): Promise<void> }>;
}

/** Something worth a log line; the replica has already done the safe thing. */
export type ReplicaProblem =
  | { type: 'untrusted-entry'; reason: 'signature' | 'type' | 'content' }
  | { type: 'lower-revision' | 'gap' | 'behind' | 'ahead'; have: number; got: number }
  | { type: 'unannounced-epoch' | 'new-epoch'; epoch: string }
  | { type: 'heartbeat-clock'; offByMs: number }
  | { type: 'restart-failed' | 'listener-failed'; error: unknown };

export interface ReplicaOptions {
  readonly log: ConfigurationLogReader;
  /** The pinned Ed25519 key: nothing another key signed is applied. */
  readonly verifyKey: CryptoKey | JWK;
  readonly clock?: Clock;
  /** Without a fresh heartbeat for this long the replica fails closed. Default 300 000. */
  readonly stalenessBoundMs?: number;
  /** How long a base waits for a heartbeat to confirm it before it is used without: the control plane may be down. Default 2 000. */
  readonly confirmationGraceMs?: number;
  readonly onProblem?: (problem: ReplicaProblem) => void;
}

export interface ReplicaState {
  /** Complete: a base and everything after it is applied. Says nothing about age. */
  readonly ready: boolean;
  /** Past the bound: `snapshot()` throws. */
  readonly stale: boolean;
  readonly revision: number | null;
  /** Milliseconds since the last proof that this revision is the newest. */
  readonly staleForMs: number;
}

const MAX_HEARTBEAT_OFFSET_MS = 60_000;
const BEHIND_TOLERANCE_MS = 2_000;
/** A change may overtake the heartbeat of another control plane; so many in a row did not happen by that. */
const LOWER_HEARTBEATS = 3;
const MAX_RESTART_DELAY_MS = 30_000;

/**
 * Follows the signed configuration log (security rule S27): entries are applied in order, wholly or not at all; what the
 * pinned key did not sign is skipped; a lower revision is refused; a gap, or an epoch that a fresh heartbeat announced,
 * starts over from the newest base; heartbeats drive staleness. Heartbeats that keep naming a lower revision come from a
 * control plane whose database went back in time: they prove nothing, and what follows them belongs to another history,
 * so nothing more of this epoch is applied. Never asks a database and never blocks a request.
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
  #announcedEpoch: string | undefined;
  #freshAt: number;
  #lastHeartbeatIssuedAt = 0;
  #behindSince: number | undefined;
  #lowerHeartbeats = 0;
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

  /** Resolves once the log is being followed, which may be before the replica is ready. */
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

  /** @throws {SallyportError} `configuration_not_ready` until complete, `configuration_stale` past the staleness bound. */
  snapshot(): ConfigurationSnapshot {
    if (!this.#snapshot || !this.#confirmed)
      throw new SallyportError('configuration_not_ready', 'The configuration has not arrived yet.');
    if (this.#clock() - this.#freshAt > this.#boundMs)
      throw new SallyportError('configuration_stale', 'The configuration is older than the staleness bound.');
    return this.#snapshot;
  }

  /** Resolves with the first complete snapshot, at once when there is one. @throws {SallyportError} `configuration_not_ready` after `timeoutMs`. */
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
        reject(new SallyportError('configuration_not_ready', `No configuration arrived within ${timeoutMs} ms.`));
      }, timeoutMs);
    });
  }

  /** Calls the listener after each applied entry, revocations included, from the moment the replica is ready. Returns the way out. */
  onChange(listener: (snapshot: ConfigurationSnapshot) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  state(): ReplicaState {
    const staleForMs = Math.max(0, this.#clock() - this.#freshAt);
    return {
      ready: this.#snapshot !== undefined && this.#confirmed,
      stale: staleForMs > this.#boundMs,
      revision: this.#snapshot?.revision ?? null,
      staleForMs,
    };
  }

  async #receive(jws: string): Promise<void> {
    if (this.#stopped) return;
    const verdict = await verifyLogEntry(jws, this.#options.verifyKey);
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
      // An old base may be replayed; a fresh heartbeat cannot. The heartbeat will bring us back here.
      return this.#report({ type: 'unannounced-epoch', epoch: base.epoch });
    }
    // Starting over after a gap delivers what is known already; only a lower revision than ours needs refusing, and equal is nothing new.
    if (current?.epoch === base.epoch && base.revision <= current.revision) {
      this.#revocations.add(base.revocations);
      return;
    }
    if (current?.epoch === base.epoch && this.#isAhead()) return this.#revocations.add(base.revocations);
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
    if (!current) return; // before any base there is nothing to apply it to
    if (change.epoch !== current.epoch) {
      if (change.epoch === this.#announcedEpoch) this.#startOver({ type: 'new-epoch', epoch: change.epoch });
      else this.#report({ type: 'unannounced-epoch', epoch: change.epoch });
      return;
    }
    if (change.revision < current.revision)
      return this.#report({ type: 'lower-revision', have: current.revision, got: change.revision });
    if (change.revision === current.revision) return; // delivered again
    if (this.#isAhead()) return this.#revocations.add(change.revocations); // taking more back is always right
    if (change.revision > current.revision + 1)
      return this.#startOver({ type: 'gap', have: current.revision, got: change.revision });
    this.#revocations.add(change.revocations);
    let { documents } = current;
    if (change.puts.length > 0 || change.deletes.length > 0) {
      const next = new Map(documents);
      for (const gone of change.deletes) next.delete(documentKey(gone));
      for (const put of change.puts) next.set(documentKey(put), put);
      documents = next;
    }
    this.#apply(
      createSnapshot({ epoch: change.epoch, revision: change.revision, documents, revocations: this.#revocations }),
    );
  }

  #heartbeat(heartbeat: Heartbeat): void {
    const now = this.#clock();
    const offByMs = now - heartbeat.issuedAt;
    if (Math.abs(offByMs) > MAX_HEARTBEAT_OFFSET_MS) return this.#report({ type: 'heartbeat-clock', offByMs });
    if (heartbeat.issuedAt <= this.#lastHeartbeatIssuedAt) return; // a replayed one proves nothing
    this.#lastHeartbeatIssuedAt = heartbeat.issuedAt;
    const current = this.#snapshot;
    if (!current) return;
    if (heartbeat.epoch !== current.epoch) {
      this.#announcedEpoch = heartbeat.epoch;
      return this.#startOver({ type: 'new-epoch', epoch: heartbeat.epoch });
    }
    if (heartbeat.revision < current.revision) {
      if (++this.#lowerHeartbeats === LOWER_HEARTBEATS)
        this.#report({ type: 'ahead', have: current.revision, got: heartbeat.revision });
      return;
    }
    if (this.#isAhead()) return;
    this.#lowerHeartbeats = 0;
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

  /** Of the database the control plane has now. Only a new epoch leads out, or starting this process anew. */
  #isAhead(): boolean {
    return this.#lowerHeartbeats >= LOWER_HEARTBEATS;
  }

  #apply(snapshot: ConfigurationSnapshot): void {
    if (snapshot.epoch !== this.#snapshot?.epoch) this.#lowerHeartbeats = 0;
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

  /** Not awaited by the entry that causes it: the log delivers the next entry only when this one is done. */
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
