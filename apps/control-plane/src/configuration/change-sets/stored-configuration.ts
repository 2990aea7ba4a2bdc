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

/** @throws SallyportError `configuration_unreadable`: a stored document is none this version knows. */
export async function readStoredConfiguration(transaction: Transaction): Promise<StoredConfiguration> {
  const at = await readPosition(transaction);
  const rows = await transaction.configurationDocument.findMany();
  const documents = new Map(rows.map((row) => [documentKey(row), storedDocument(row)]));
  return { ...at, documents };
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

export function storedDocument({ set, origin, revision, changedAt, changedBy, ...document }: Row): StoredDocument {
  return {
    document: parseDocument(document),
    set,
    origin,
    revision,
    changedAt,
    changedBy: changedBy === null ? null : Actor.parse(changedBy),
  };
}

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
