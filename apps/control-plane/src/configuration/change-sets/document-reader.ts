import { Actor } from '@sallyport/admin-api';
import type { Database } from '@sallyport/database';
import type { DocumentName } from './change-request.js';
import { readPosition, storedDocument, type StoredDocument } from './stored-configuration.js';
import type { Revision } from '../revision-log.js';

export interface ChangeSetSummary extends Revision {
  readonly at: Date;
  readonly actor: Actor;
  readonly set: string | null;
  readonly source: string;
  readonly note: string | null;
  readonly puts: number;
  readonly deletes: number;
}

/** A document at one side of a change. */
export interface Version {
  readonly set: string | null;
  readonly spec: Record<string, unknown>;
}

/** What became of one document at one revision. */
export interface RecordedChange extends DocumentName {
  readonly revision: number;
  readonly action: 'create' | 'update' | 'delete' | 'take-over';
  readonly before: Version | null;
  readonly after: Version | null;
  readonly secrets: string[];
}

interface Page {
  readonly limit: number;
}

/** Reads documents and their history, a page at a time. */
export class DocumentReader {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async position(): Promise<Revision> {
    const { epoch, revision } = await readPosition(this.#database);
    return { epoch, revision };
  }

  async find({ kind, name }: DocumentName): Promise<StoredDocument | undefined> {
    const row = await this.#database.configurationDocument.findUnique({ where: { kind_name: { kind, name } } });
    return row === null ? undefined : storedDocument(row);
  }

  /** By kind and name, after the document that `after` names. @param where `set: null` means written by hand */
  async list(
    where: {
      readonly kind?: string | undefined;
      readonly set?: string | null | undefined;
      /** What the name begins with. */
      readonly prefix?: string | undefined;
    },
    { limit, after }: Page & { readonly after: DocumentName | undefined },
  ): Promise<StoredDocument[]> {
    const { kind, set, prefix } = where;
    const rows = await this.#database.configurationDocument.findMany({
      where: {
        ...(kind !== undefined && { kind }),
        ...(set !== undefined && { set }),
        ...(prefix !== undefined && { name: { startsWith: prefix } }),
        ...(after !== undefined && {
          OR: [{ kind: { gt: after.kind } }, { kind: after.kind, name: { gt: after.name } }],
        }),
      },
      orderBy: [{ kind: 'asc' }, { name: 'asc' }],
      take: limit,
    });
    return rows.map(storedDocument);
  }

  /** Newest first, before the revision that `before` names. */
  async changeSets({
    set,
    before,
    limit,
  }: Page & { readonly set?: string | undefined; readonly before?: number | undefined }): Promise<ChangeSetSummary[]> {
    const rows = await this.#database.configurationRevision.findMany({
      where: {
        source: { not: null },
        ...(set !== undefined && { set }),
        ...(before !== undefined && { revision: { lt: before } }),
      },
      orderBy: { revision: 'desc' },
      take: limit,
      omit: { jws: true },
    });
    return rows.map(summaryOf);
  }

  async changeSet(revision: number): Promise<ChangeSetSummary | undefined> {
    const row = await this.#database.configurationRevision.findFirst({
      where: { revision, source: { not: null } },
      omit: { jws: true },
    });
    return row === null ? undefined : summaryOf(row);
  }

  /** What a change set did, by kind and name. */
  async changesOf(
    revision: number,
    page: (Page & { readonly after: DocumentName | undefined }) | 'all',
  ): Promise<RecordedChange[]> {
    const after = page === 'all' ? undefined : page.after;
    const rows = await this.#database.configurationChange.findMany({
      where: {
        revision,
        ...(after !== undefined && {
          OR: [{ kind: { gt: after.kind } }, { kind: after.kind, name: { gt: after.name } }],
        }),
      },
      orderBy: [{ kind: 'asc' }, { name: 'asc' }],
      ...(page !== 'all' && { take: page.limit }),
    });
    return rows.map(changeOf);
  }

  /** What became of a document, newest first. @param to only up to this revision */
  async historyOf(
    { kind, name }: DocumentName,
    { limit, before, to }: Page & { readonly before?: number | undefined; readonly to?: number | undefined },
  ): Promise<RecordedChange[]> {
    const rows = await this.#database.configurationChange.findMany({
      where: {
        kind,
        name,
        revision: { ...(before !== undefined && { lt: before }), ...(to !== undefined && { lte: to }) },
      },
      orderBy: { revision: 'desc' },
      take: limit,
    });
    return rows.map(changeOf);
  }

  /** What a document was before history began; null: it was not there. */
  async firstKnown({ kind, name }: DocumentName): Promise<Version | null> {
    const where = { kind, name };
    const row = await this.#database.configurationChange.findFirst({ where, orderBy: { revision: 'asc' } });
    return row === null ? null : changeOf(row).before;
  }

  /** Those of a change set's documents that changed after it, with their newest change. */
  async changedSince(documents: readonly DocumentName[], revision: number): Promise<RecordedChange[]> {
    const names = JSON.stringify(documents.map(({ kind, name }) => ({ kind, name })));
    const later = await this.#database.$queryRaw<readonly (DocumentName & { readonly revision: number })[]>`
      SELECT change.kind, change.name, max(change.revision)::int AS revision
      FROM "ConfigurationChange" AS change
      JOIN jsonb_to_recordset(${names}::jsonb) AS named(kind text, name text) USING (kind, name)
      WHERE change.revision > ${revision} GROUP BY change.kind, change.name ORDER BY change.kind, change.name`;
    const rows = await this.#database.configurationChange.findMany({ where: { OR: [...later] } });
    return rows.map(changeOf);
  }

  async summaries(revisions: readonly number[]): Promise<ReadonlyMap<number, ChangeSetSummary>> {
    const rows = await this.#database.configurationRevision.findMany({
      where: { revision: { in: [...revisions] }, source: { not: null } },
      omit: { jws: true },
    });
    return new Map(rows.map((row) => [row.revision, summaryOf(row)]));
  }
}

function summaryOf(row: {
  readonly epoch: string;
  readonly revision: number;
  readonly createdAt: Date;
  readonly actor: unknown;
  readonly set: string | null;
  readonly source: string | null;
  readonly note: string | null;
  readonly puts: number | null;
  readonly deletes: number | null;
}): ChangeSetSummary {
  const { epoch, revision, createdAt: at, actor, set, source, note, puts, deletes } = row;
  return {
    epoch,
    revision,
    at,
    actor: Actor.parse(actor),
    set,
    source: source ?? '',
    note,
    puts: puts ?? 0,
    deletes: deletes ?? 0,
  };
}

function changeOf(row: {
  readonly revision: number;
  readonly kind: string;
  readonly name: string;
  readonly action: string;
  readonly before: unknown;
  readonly after: unknown;
  readonly setBefore: string | null;
  readonly setAfter: string | null;
  readonly secrets: string[];
}): RecordedChange {
  const { revision, kind, name, action, before, after, setBefore, setAfter, secrets } = row;
  const versionOf = (spec: unknown, set: string | null): Version | null =>
    spec === null ? null : { set, spec: spec as Record<string, unknown> };
  return {
    revision,
    kind,
    name,
    action: action as RecordedChange['action'],
    before: versionOf(before, setBefore),
    after: versionOf(after, setAfter),
    secrets,
  };
}
