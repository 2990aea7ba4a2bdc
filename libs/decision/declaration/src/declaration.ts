import type { Document } from '@sallyport/configuration';
import { SallyportError } from '@sallyport/kernel';
import { problemsOf } from './problems-of.js';
import type { Path } from './problems/check.js';
import { readDocuments, type Mistake, type Position } from './read-documents.js';

/** A file's documents, each valid in itself and all of them together. */
export interface Declaration {
  readonly file: string;
  readonly documents: readonly Document[];
  /** Where a document begins, as `file:line`. */
  originOf(document: Document): string;
  /** Where a field stands, as `file:line:column`, to say what is wrong with it later. */
  locate(document: Document, path: Path): string;
}

const MAX_PROBLEMS = 20;
const START: Position = { line: 1, column: 1 };

/**
 * Reads documents out of multi-document YAML and checks each one and their references.
 * @throws SallyportError `declaration_invalid`: one line per mistake, with file, line, column, field and what to do
 * about it.
 */
export function parseDeclaration(text: string, file: string): Declaration {
  const read = readDocuments(text);
  const documents = read.documents.map(({ document }) => document);
  const places = new Map(read.documents.map(({ document, at }) => [document, at] as const));
  const at = (document: Document, path: Path): Position => places.get(document)?.(path) ?? START;
  const mistakes = [...read.mistakes];
  // Applied, it would remove everything: more likely a file that was cut off or not mounted yet.
  if (documents.length === 0 && mistakes.length === 0)
    mistakes.push({ at: START, message: 'holds no document: applied, it would remove every server and policy' });
  // Where a document is broken, references are not checked: a broken document is not called missing.
  if (mistakes.length === 0)
    for (const { document, path, message } of problemsOf(documents))
      mistakes.push({
        at: at(document, path),
        message: `${document.kind} "${document.name}": ${path.join('.')} ${message}`,
      });
  if (mistakes.length > 0) throw invalidDeclaration(file, mistakes);
  return {
    file,
    documents,
    originOf: (document) => `${file}:${at(document, []).line}`,
    locate: (document, path) => placeIn(file, at(document, path)),
  };
}

const placeIn = (file: string, { line, column }: Position): string => `${file}:${line}:${column}`;

function invalidDeclaration(file: string, mistakes: readonly Mistake[]): SallyportError {
  const listed = mistakes
    .toSorted((a, b) => a.at.line - b.at.line)
    .map(({ at, message }) => `  ${placeIn(file, at)}: ${message}`);
  const more = listed.length > MAX_PROBLEMS ? `\n  and ${listed.length - MAX_PROBLEMS} more` : '';
  return new SallyportError(
    'declaration_invalid',
    `The declarative file is not valid:\n${listed.slice(0, MAX_PROBLEMS).join('\n')}${more}`,
  );
}
