import type { Document, DocumentKind, DocumentOf } from '@sallyport/configuration';

export type Path = readonly (string | number)[];

export interface Problem {
  /** Into the whole document: `['spec', 'server']`. */
  readonly path: Path;
  /** Reads after the field's name. */
  readonly message: string;
}

/** All documents that take effect together. */
export interface DocumentSet {
  readonly documents: readonly Document[];
  find<K extends DocumentKind>(kind: K, name: string): DocumentOf<K> | undefined;
  namesOf(kind: DocumentKind): readonly string[];
}

/** Looks for one kind of problem in one document, beside all others. */
export type Check<K extends DocumentKind> = (document: DocumentOf<K>, set: DocumentSet) => readonly Problem[];

export function documentSetOf(documents: readonly Document[]): DocumentSet {
  const index = new Map<string, Document>();
  for (const document of documents) {
    const key = `${document.kind}/${document.name}`;
    if (!index.has(key)) index.set(key, document);
  }
  return {
    documents,
    find: <K extends DocumentKind>(kind: K, name: string) => index.get(`${kind}/${name}`) as DocumentOf<K> | undefined,
    namesOf: (kind) => documents.filter((document) => document.kind === kind).map(({ name }) => name),
  };
}

export const problemOfName = (message: string): Problem => ({ path: ['name'], message });

/** @param path into the `spec` of the document */
export const problemAt = (path: Path, message: string): Problem => ({ path: ['spec', ...path], message });

/** @param isWrong whether there is a problem; without one, the list is empty */
export const problemIf = (isWrong: boolean, path: Path, message: string): readonly Problem[] =>
  isWrong ? [problemAt(path, message)] : [];

/** The problem of a name that no document of this kind has. */
export function missingReference(
  set: DocumentSet,
  kind: DocumentKind,
  name: string | undefined,
  path: Path,
): readonly Problem[] {
  if (name === undefined || set.find(kind, name)) return [];
  const known = set.namesOf(kind);
  const remedy = known.length > 0 ? `use one of ${known.join(', ')}, or add it` : 'add it';
  return [problemAt(path, `names the ${kind} "${name}", which does not exist: ${remedy}`)];
}

export const missingReferences = (
  set: DocumentSet,
  kind: DocumentKind,
  names: readonly string[] | undefined,
  path: Path,
): readonly Problem[] =>
  (names ?? []).flatMap((name, position) => missingReference(set, kind, name, [...path, position]));
