import type { Document } from '@sallyport/configuration';
import { readDocuments, type Path, type Position } from '@sallyport/declaration';
import type { SourceFile } from './read-files.js';

/** A document, and where it and its fields stand. */
export interface LocatedDocument {
  readonly document: Document;
  readonly file: SourceFile;
  /** `policies.yaml:12:3`, of a field of the document or the nearest thing round it that is written. */
  at(path: Path): string;
}

/** Something that is wrong, with where it stands, such as `policies.yaml:12:3`. */
export interface Mistake {
  readonly at: string;
  readonly message: string;
}

/** Reads the documents of one file, each checked in itself. What it says of others is for whoever has them all. */
export function parseFile(file: SourceFile): {
  readonly documents: readonly LocatedDocument[];
  readonly mistakes: readonly Mistake[];
} {
  const place = ({ line, column }: Position): string => `${file.name}:${line}:${column}`;
  const { documents, mistakes } = readDocuments(file.text);
  return {
    documents: documents.map(({ document, at }) => ({ document, file, at: (path) => place(at(path)) })),
    mistakes: mistakes.map(({ at, message }) => ({ at: place(at), message })),
  };
}
