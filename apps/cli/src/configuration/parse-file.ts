import type { Document as SallyportDocument } from '@sallyport/configuration';
import { checkDocument, type Path } from '@sallyport/declaration';
import { isMap, isNode, isScalar, LineCounter, parseAllDocuments, type Document } from 'yaml';
import type { SourceFile } from './read-files.js';

/** A document, and where it and its fields stand. */
export interface LocatedDocument {
  readonly document: SallyportDocument;
  readonly file: SourceFile;
  /** `policies.yaml:12:3`, of a field of the document or the nearest thing round it that is written. */
  at(path: Path): string;
}

/** Something that is wrong, with where it stands. */
export interface Mistake {
  readonly at: string;
  readonly message: string;
}

/** Reads the documents of one file, each checked in itself. What it says of others is for whoever has them all. */
export function parseFile(file: SourceFile): {
  readonly documents: readonly LocatedDocument[];
  readonly mistakes: readonly Mistake[];
} {
  const lines = new LineCounter();
  const documents: LocatedDocument[] = [];
  const mistakes: Mistake[] = [];
  const place = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file.name}:${Math.max(1, line)}:${Math.max(1, col)}`;
  };
  for (const source of parsedDocuments(file.text, lines)) {
    const at = (path: Path): string => place(offsetOf(source, path));
    for (const error of source.errors)
      mistakes.push({ at: place(error.pos[0]), message: `is not valid YAML: ${firstLine(error.message)}` });
    if (source.errors.length > 0) continue;
    const value = plainValueOf(source);
    if (value instanceof Error) {
      mistakes.push({ at: at([]), message: `is not valid YAML: ${firstLine(value.message)}` });
      continue;
    }
    if (value === null) continue;
    const checked = checkDocument(value);
    if ('document' in checked) documents.push({ document: checked.document, file, at });
    else
      for (const { path, message } of checked.problems)
        mistakes.push({ at: at(path), message: `${titleOf(value)}${path.join('.') || 'document'} ${message}` });
  }
  return { documents, mistakes };
}

const parsedDocuments = (text: string, lineCounter: LineCounter): Document[] => {
  const parsed = parseAllDocuments(text, { lineCounter, uniqueKeys: true, prettyErrors: false });
  return Array.isArray(parsed) ? parsed : [];
};

/** Resolves aliases; one without its anchor is found out here, and so are aliases by which the value would explode. */
function plainValueOf(source: Document): unknown {
  try {
    return source.toJS({ maxAliasCount: 100 });
  } catch (error) {
    if (error instanceof ReferenceError) return error;
    throw error;
  }
}

function titleOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return '';
  const { kind, name } = value as { kind?: unknown; name?: unknown };
  if (typeof kind !== 'string') return '';
  return `${kind}${typeof name === 'string' ? ` "${name}"` : ''}: `;
}

const firstLine = (text: string): string => text.split('\n')[0] ?? '';

/** Where the key of a field begins, or, when it is not there, the nearest thing round it that is. */
function offsetOf(source: Document, path: Path): number {
  for (let length = path.length; length > 0; length--) {
    const key = path[length - 1];
    const parent = length === 1 ? source.contents : source.getIn(path.slice(0, length - 1), true);
    const pair = isMap(parent)
      ? parent.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key))
      : undefined;
    if (isScalar(pair?.key) && pair.key.range) return pair.key.range[0];
    const node = source.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return source.contents?.range?.[0] ?? source.range?.[0] ?? 0;
}
