import { Actor } from '@sallyport/admin-api';
import { Document, documentKey } from '@sallyport/configuration';
import { SallyportError } from '@sallyport/kernel';
import type { Revision, Transaction } from '../revision-log.js';

/** A document with who owns and who changed it. */
export interface StoredDocument {
  readonly document: Document;
  /** The set that owns it; null: written by hand. */
  readonly set: string | null;
  readonly origin: string | null;
  /** The revision that changed it last. */
  readonly revision: number;
  readonly changedAt: Date;
  readonly changedBy: Actor | null;
}

/** All documents at one revision. `epoch` is empty while nothing was ever written. */
export interface StoredConfiguration extends Revision {
  /** The newest revision that changed documents; those after it are revocations. */
  readonly changedAt: number;
  /** By `<Kind>/<name>`. */
  readonly documents: ReadonlyMap<string, StoredDocument>;
}

/**
 * Reads all documents. Those whose text is what it was at the reading before are the same objects as then: of thousands
 * few change, and what was found out of the others need not be found out again.
 */
export class StoredConfigurationReader {
  #last: ReadonlyMap<string, { readonly text: string; readonly document: Document }> = new Map();

  /** @throws SallyportError `configuration_unreadable`: a stored document is none this version knows. */
  async read(transaction: Transaction): Promise<StoredConfiguration> {
    const at = await readPosition(transaction);
    const rows = await transaction.$queryRaw<readonly (Omit<Row, 'spec'> & { readonly text: string })[]>`
      SELECT kind, name, spec::text AS text, revision, "set", origin, "changedAt", "changedBy"
      FROM "ConfigurationDocument"`;
    const last = this.#last;
    const read = new Map<string, { readonly text: string; readonly document: Document }>();
    const documents = new Map<string, StoredDocument>();
    for (const { text, kind, name, ...about } of rows) {
      const key = documentKey({ kind, name });
      const before = last.get(key);
      const document =
        before?.text === text ? before.document : parseDocument({ kind, name, spec: JSON.parse(text) as unknown });
      read.set(key, { text, document });
      documents.set(key, withOwner(document, about));
    }
    this.#last = read;
    return { ...at, documents };
  }
}

export async function readPosition(transaction: Transaction): Promise<Revision & { readonly changedAt: number }> {
  const newest = await transaction.configurationRevision.findFirst({
    orderBy: { revision: 'desc' },
    select: { epoch: true, revision: true },
  });
  const changed = await transaction.configurationRevision.findFirst({
    where: { source: { not: null } },
    orderBy: { revision: 'desc' },
    select: { revision: true },
  });
  return { epoch: newest?.epoch ?? '', revision: newest?.revision ?? 0, changedAt: changed?.revision ?? 0 };
}

interface Row {
  readonly kind: string;
  readonly name: string;
  readonly spec: unknown;
  readonly revision: number;
  readonly set: string | null;
  readonly origin: string | null;
  readonly changedAt: Date;
  readonly changedBy: unknown;
}

export const storedDocument = ({ kind, name, spec, ...about }: Row): StoredDocument =>
  withOwner(parseDocument({ kind, name, spec }), about);

const withOwner = (
  document: Document,
  { set, origin, revision, changedAt, changedBy }: Omit<Row, 'kind' | 'name' | 'spec'>,
): StoredDocument => ({
  document,
  set,
  origin,
  revision,
  changedAt,
  changedBy: changedBy === null ? null : Actor.parse(changedBy),
});

/** @throws SallyportError `configuration_unreadable` */
export function parseDocument({ kind, name, spec }: { kind: string; name: string; spec: unknown }): Document {
  const parsed = Document.safeParse({ kind, name, spec });
  if (!parsed.success)
    throw new SallyportError(
      'configuration_unreadable',
      `The stored ${kind} "${name}" is not one this version understands.`,
      { cause: parsed.error },
    );
  return parsed.data;
}
