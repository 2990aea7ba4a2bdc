import { signLogEntry, splitBase, verifyLogEntry } from '@sallyport/configuration/log';
import { SallyportError } from '@sallyport/kernel';
import type { Clock } from '@sallyport/kernel';
import type { ConfigurationLog } from '@sallyport/messaging';
import type { Logger } from '@sallyport/telemetry';
import type { CryptoKey, JWK } from 'jose';
import { contradicts } from './contradicts.js';
import type { CompleteConfiguration, PostgresDocumentStore } from './document-store.js';
import type { Revision, RevisionLog } from './revision-log.js';

export interface PublisherParts {
  readonly log: ConfigurationLog;
  /** How often the bus was connected to: when that rises, its stream may be a new, empty one. */
  readonly connections: () => number;
  readonly revisions: Pick<RevisionLog, 'newest' | 'unpublished' | 'markPublished' | 'beginEpoch'>;
  readonly documents: Pick<PostgresDocumentStore, 'complete'>;
  readonly signingKey: CryptoKey;
  readonly verifyKey: JWK | CryptoKey;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Milliseconds between two heartbeats. Default 1 000 (S27). */
  readonly intervalMs?: number;
}

const BATCH = 100;
/** After this many changes a new base spares newcomers the long way. */
const CHANGES_PER_BASE = 200;
/** A base now and then all the same: who cannot store one any more is to notice. */
const BASE_INTERVAL_MS = 300_000;
/** Characters of a JWS that the bus carries as one message; a larger change set travels as a base of its revision. */
const MAX_ENTRY_LENGTH = 900_000;

/**
 * Brings what is committed onto the bus: change sets in order out of the outbox, a base at the start, after the bus was
 * away and now and then, and a heartbeat that says which revision is the newest. Every control plane runs one; they
 * need not agree on a leader, because an entry is signed once, when it is committed, appending it again changes
 * nothing, and a replica takes only the next revision. A heartbeat is sent only after PostgreSQL was asked: a control
 * plane that is cut off from it must not vouch for a revision (S28). A database that was restored from a backup knows
 * less than the log: then a new epoch begins, which every replica takes up, instead of a second history under the old
 * one's numbers.
 */
export class ConfigurationPublisher {
  readonly #parts: PublisherParts;
  readonly #waiting: { resolve: () => void; reject: (error: unknown) => void }[] = [];
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> | undefined;
  #stopped = false;
  #baseDue = true;
  #connections = 0;
  #baseAt = 0;
  #changesSinceBase = 0;
  #failing = false;
  #vouched: Revision | undefined;

  constructor(parts: PublisherParts) {
    this.#parts = parts;
  }

  /** Resolves after the first round, which may have failed: it is tried again each second, and readiness says so. */
  async start(): Promise<void> {
    await this.#run();
  }

  /** Publishes now what is committed. @throws what kept it from the bus; it is tried again by itself. */
  flush(): Promise<void> {
    const published = new Promise<void>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    void this.#run();
    return published;
  }

  /** The last round failed: heartbeats do not go out. */
  get failing(): boolean {
    return this.#failing;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#round;
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  /** One round at a time; who asks during a round is served by the next one. */
  #run(): Promise<void> {
    this.#round ??= this.#rounds().finally(() => {
      this.#round = undefined;
      if (this.#stopped) return;
      if (this.#waiting.length > 0) void this.#run(); // who asked as the round was ending
      else this.#timer = setTimeout(() => void this.#run(), this.#parts.intervalMs ?? 1_000).unref();
    });
    return this.#round;
  }

  async #rounds(): Promise<void> {
    clearTimeout(this.#timer);
    do {
      const served = this.#waiting.splice(0);
      try {
        await this.#publish();
        if (this.#failing) this.#parts.logger.info('configuration is being published again');
        this.#failing = false;
        for (const { resolve } of served) resolve();
      } catch (error) {
        if (!this.#failing)
          this.#parts.logger.error({ err: error }, 'configuration could not be published; trying again');
        this.#failing = true;
        for (const { reject } of served) reject(error);
      }
    } while (this.#waiting.length > 0 && !this.#stopped);
  }

  async #publish(): Promise<void> {
    const { log, revisions, documents, signingKey, clock, connections } = this.#parts;
    const afterFailure = this.#failing;
    const count = connections();
    if (count !== this.#connections || clock() - this.#baseAt >= BASE_INTERVAL_MS) this.#baseDue = true;
    this.#connections = count;

    let newest: Revision | undefined = await revisions.newest();
    if (!newest) return;
    const wentBack =
      this.#vouched !== undefined && (newest.epoch !== this.#vouched.epoch || newest.revision < this.#vouched.revision);
    if (this.#baseDue || afterFailure || wentBack) newest = await this.#reconcile();
    for (;;) {
      const batch = await revisions.unpublished(BATCH);
      for (const { revision, jws } of batch) {
        if (jws.length > MAX_ENTRY_LENGTH) this.#baseDue = true;
        else await log.appendChange(revision, jws);
        if (this.#baseDue) await this.#appendBase(await documents.complete());
        await revisions.markPublished(revision);
        if (++this.#changesSinceBase >= CHANGES_PER_BASE) this.#baseDue = true;
      }
      if (batch.length < BATCH) break;
    }
    if (this.#baseDue) await this.#appendBase(await documents.complete());
    const { epoch, revision } = newest;
    await log.heartbeat(
      await signLogEntry({ v: 1, type: 'heartbeat', epoch, revision, issuedAt: clock() }, signingKey),
    );
    this.#vouched = { epoch, revision };
  }

  /** Compares the database with the stored log, and begins a new epoch where the database went back in time. */
  async #reconcile(): Promise<Revision> {
    const { revisions, log, logger, verifyKey } = this.#parts;
    // In this order: what was published before the database was asked is in the log by now.
    const newest = await revisions.newest();
    if (!newest) throw new SallyportError('configuration_missing', 'There is no configuration any more.');
    const stored: Revision[] = [];
    for (const jws of await log.newest()) {
      const verdict = await verifyLogEntry(jws, verifyKey);
      if (verdict.trusted) stored.push(verdict.entry);
    }
    if (!contradicts(stored, newest)) return newest;
    const next = await revisions.beginEpoch(newest, stored);
    if (next)
      logger.warn(
        { had: newest.revision, stored: stored.map(({ revision }) => revision), next: next.revision },
        'the database is older than the configuration log: a new epoch begins',
      );
    this.#baseDue = true;
    return next ?? (await revisions.newest()) ?? newest;
  }

  async #appendBase(configuration: CompleteConfiguration): Promise<void> {
    const chunks = await Promise.all(
      splitBase(configuration).map((chunk) => signLogEntry(chunk, this.#parts.signingKey)),
    );
    await this.#parts.log.appendBase(configuration.revision, chunks);
    this.#baseDue = false;
    this.#changesSinceBase = 0;
    this.#baseAt = this.#parts.clock();
  }
}
