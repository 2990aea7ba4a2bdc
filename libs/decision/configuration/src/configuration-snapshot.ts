import type { Document, DocumentKind, DocumentOf } from './documents.js';
import type { RevocationIndex } from './revocation-index.js';

/** Documents by `<kind>/<name>`. A change to documents makes a new map; revocations alone do not. */
export type DocumentMap = ReadonlyMap<string, Document>;

/** Such as `McpServer/github`. */
export const documentKey = (document: { kind: string; name: string }): string => `${document.kind}/${document.name}`;

/** All documents at one revision. It is immutable, except `revocations`, which is the replica's live index. */
export interface ConfigurationSnapshot {
  readonly epoch: string;
  readonly revision: number;
  /** The same map as long as no document changes: what is derived from documents may be cached by it. */
  readonly documents: DocumentMap;
  readonly revocations: RevocationIndex;
  get<K extends DocumentKind>(kind: K, name: string): DocumentOf<K> | undefined;
  /** All documents of a kind, sorted by name. */
  all<K extends DocumentKind>(kind: K): readonly DocumentOf<K>[];
}

const byKind = new WeakMap<DocumentMap, ReadonlyMap<DocumentKind, readonly Document[]>>();

/** Creates a snapshot. The caller never changes `documents` afterwards. */
export function createSnapshot(parts: {
  epoch: string;
  revision: number;
  documents: DocumentMap;
  revocations: RevocationIndex;
}): ConfigurationSnapshot {
  const { documents } = parts;
  return {
    ...parts,
    get: <K extends DocumentKind>(kind: K, name: string) =>
      documents.get(documentKey({ kind, name })) as DocumentOf<K> | undefined,
    all: <K extends DocumentKind>(kind: K) => (grouped(documents).get(kind) ?? []) as readonly DocumentOf<K>[],
  };
}

export function documentMap(documents: Iterable<Document>): DocumentMap {
  return new Map([...documents].map((document) => [documentKey(document), document]));
}

function grouped(documents: DocumentMap): ReadonlyMap<DocumentKind, readonly Document[]> {
  const known = byKind.get(documents);
  if (known) return known;
  const groups = new Map<DocumentKind, Document[]>();
  for (const document of documents.values()) {
    const group = groups.get(document.kind);
    if (group) group.push(document);
    else groups.set(document.kind, [document]);
  }
  for (const group of groups.values()) group.sort((a, b) => (a.name < b.name ? -1 : 1));
  byKind.set(documents, groups);
  return groups;
}
