import type { Actor } from '@sallyport/admin-api';
import { secretSourcesOf, type DocumentSecret, type Plan } from '@sallyport/declaration';
import { Prisma, type Database } from '@sallyport/database';
import type { Clock, Secret } from '@sallyport/kernel';
import type { Sealer } from '@sallyport/keys';
import type { RecordEvent } from '@sallyport/trail';
import type { Revision, RevisionLog, Transaction } from '../revision-log.js';
import {
  ALL_RIGHTS,
  type ChangeRefusal,
  type ChangeRequest,
  type OwnedDocument,
  type RefusedDocument,
} from './change-request.js';
import { prepareChange, type PreparedChange, type Purpose } from './prepare-change.js';
import { readPosition, StoredConfigurationReader } from './stored-configuration.js';
import { SealedSecrets } from './stored-secrets.js';
import { tellOfChange, tellOfLeft } from './tell-of-change.js';
import { deletedByOthers, writeChange } from './write-change.js';

/** A change that was made, or that would be. */
export interface WrittenChange extends Revision {
  readonly type: 'written';
  readonly changed: boolean;
  readonly plan: Plan;
  /** Documents that belong to somebody else, and were left alone. */
  readonly left: readonly OwnedDocument[];
}

/** What a change would do, for whoever may read documents. */
export interface ShownChange extends Revision {
  readonly type: 'shown';
  readonly plan: Plan;
  /** What whoever asked may not write of it. */
  readonly refused: readonly RefusedDocument[];
  /** Names of secrets whose given value was not compared with the stored one. */
  readonly uncompared: readonly string[];
}

export interface ChangeSetParts {
  readonly database: Database;
  readonly revisions: RevisionLog;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly record: RecordEvent;
}

const TIMEOUT_MS = 30_000;

/**
 * The one way in which documents change: the declarative file at a start, the API, approvals and reverts all come
 * through here. A change is prepared beside the writers' lock and made under it, so that checking a large configuration
 * holds up no revocation (S34); where somebody else wrote in between, it is prepared again under the lock.
 */
export class ChangeSets {
  readonly #parts: ChangeSetParts;
  readonly #stored = new StoredConfigurationReader();

  constructor(parts: ChangeSetParts) {
    this.#parts = parts;
  }

  /** Says what a change would do, also to who may not make it, and does nothing. */
  async show(request: ChangeRequest): Promise<ShownChange | ChangeRefusal> {
    const prepared = await this.#prepare(request, 'to show');
    if (prepared.type !== 'prepared') return prepared;
    const { plan, refused, uncompared } = prepared;
    return { type: 'shown', ...plan.base, plan, refused, uncompared };
  }

  /** Says what a change would do, or why it would be refused, and does nothing. */
  async plan(request: ChangeRequest): Promise<WrittenChange | ChangeRefusal> {
    const prepared = await this.#prepare(request);
    return prepared.type === 'prepared' ? written(prepared, prepared.plan.base, false) : prepared;
  }

  /** Makes a change wholly or not at all. Resolves when it is committed; the bus has it soon after. */
  async write(request: ChangeRequest): Promise<WrittenChange | ChangeRefusal> {
    const { revisions, sealer, clock } = this.#parts;
    const early = await this.#prepare(request);
    if (early.type !== 'prepared') return early;
    let outcome: PreparedChange | ChangeRefusal = early;
    const result = await revisions.write(async (transaction, { revision }) => {
      const now = await readPosition(transaction);
      if (now.epoch !== early.stored.epoch || now.changedAt !== early.stored.changedAt)
        outcome = await this.#prepareIn(transaction, request);
      return outcome.type === 'prepared' ? writeChange(transaction, outcome, { revision, sealer, clock }) : undefined;
    });
    outcome = outcome as PreparedChange | ChangeRefusal; // it was assigned in there
    if (outcome.type !== 'prepared') return outcome;
    if (outcome.plan.changes.length > 0) await tellOfChange(this.#parts.record, outcome, result.revision);
    if (outcome.left.length > 0) await tellOfLeft(this.#parts.record, outcome, result.revision);
    return written(outcome, result, outcome.plan.changes.length > 0);
  }

  /**
   * Stores new values of secrets that documents of a set read from files, as one revision: their documents count as
   * changed. Ignores every other secret. Rejects where others write all the time: ask again.
   */
  async renew(
    secrets: ReadonlyMap<string, Secret>,
    { actor, set }: { readonly actor: Actor; readonly set: string },
  ): Promise<WrittenChange> {
    for (let attempt = 0; attempt < 5; attempt++) {
      const { documents, ...base } = await this.#inSnapshot((transaction) => this.#stored.read(transaction));
      const isRenewed = ({ source, name }: DocumentSecret) => 'file' in source && secrets.has(name);
      const ours = [...documents.values()].filter((stored) => stored.set === set);
      const renewed = ours.flatMap(({ document }) => secretSourcesOf(document).filter(isRenewed));
      const outcome = await this.write({
        actor,
        rights: ALL_RIGHTS,
        source: 'secret files',
        set,
        base,
        puts: ours
          .filter(({ document }) => secretSourcesOf(document).some(isRenewed))
          .map(({ document, origin }) => ({ document, origin, pointer: '' })),
        secrets: new Map(renewed.flatMap(({ name }) => [[name, secrets.get(name)] as const]).filter(isGiven)),
      });
      if (outcome.type === 'written') return outcome;
      if (outcome.type !== 'base-moved') throw new TypeError(`renewed secrets are refused: ${outcome.type}`);
    }
    throw new TypeError('renewed secrets: the configuration changes all the time');
  }

  #prepare(request: ChangeRequest, purpose: Purpose = 'to write'): Promise<PreparedChange | ChangeRefusal> {
    return this.#inSnapshot((transaction) => this.#prepareIn(transaction, request, purpose));
  }

  #inSnapshot<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.#parts.database.$transaction(work, {
      isolationLevel: Prisma.TransactionIsolationLevel.RepeatableRead,
      timeout: TIMEOUT_MS,
    });
  }

  async #prepareIn(
    transaction: Transaction,
    request: ChangeRequest,
    purpose: Purpose = 'to write',
  ): Promise<PreparedChange | ChangeRefusal> {
    const { set, others } = request;
    const surroundings = {
      stored: await this.#stored.read(transaction),
      sealed: await SealedSecrets.read(transaction, this.#parts.sealer),
      deletedByOthers: others === 'leave' && set !== null ? await deletedByOthers(transaction, set) : new Set<string>(),
    };
    return prepareChange(request, surroundings, purpose);
  }
}

const isGiven = (entry: readonly [string, Secret | undefined]): entry is readonly [string, Secret] =>
  entry[1] !== undefined;

const written = ({ plan, left }: PreparedChange, { epoch, revision }: Revision, changed: boolean): WrittenChange => ({
  type: 'written',
  epoch,
  revision,
  changed,
  plan,
  left,
});
