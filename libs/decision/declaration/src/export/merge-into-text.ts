import { documentKey, type Document } from '@sallyport/configuration';
import { SallyportError } from '@sallyport/kernel';
import { isDeepStrictEqual } from 'node:util';
import { Parser } from 'yaml';
import { normalised } from '../plan/normalised.js';
import { readPart } from './read-part.js';
import { renderDocuments } from './render-documents.js';
import { updatePart } from './update-part.js';

/** Comments at the top of a file, before an empty line: they speak of the file, not of its first document. */
const HEADING = /^(?:#[^\n]*\n)+(?=\r?\n)/;

/**
 * Brings the documents of a YAML file to what they are to be. A document that says so already, with its defaults or
 * without, stays byte for byte; of one that changes, the fields that do not change stay with their comments, order and
 * style. Documents that are not to be go, with their comments; new ones come last, in the order of `renderDocuments`.
 * @throws SallyportError `declaration_invalid`: a part of the text is no document, so whose it is cannot be said
 */
export function mergeIntoText(text: string, documents: readonly Document[]): string {
  const wanted = new Map(documents.map((document) => [documentKey(document), normalised(document)]));
  const parts = partsOf(text).map((part) => mergePart(part, wanted));
  const kept = parts.filter((part) => part !== '');
  const heading = parts[0] === '' ? (HEADING.exec(text)?.[0] ?? '') : '';
  const merged = `${heading}${kept.join('')}`;
  if (wanted.size === 0) return merged;
  const added = renderDocuments([...wanted.values()]);
  if (kept.length === 0) return `${merged}${added}`;
  return `${merged}${merged.endsWith('\n') ? '' : '\n'}---\n${added}`;
}

/** @returns the part as it is to be, empty when its document is not; takes the document from what is wanted */
function mergePart(part: string, wanted: Map<string, Document>): string {
  const read = readPart(part);
  if (read === 'empty') return part;
  if (read === undefined)
    throw new SallyportError('declaration_invalid', 'The file holds something that is no document.');
  const key = documentKey(read.document);
  const next = wanted.get(key);
  wanted.delete(key);
  if (next === undefined) return '';
  return isDeepStrictEqual(read.document, next) ? part : updatePart(part, read, next);
}

/** The text of each document, from its directives or `---` to those of the next: together, the whole text. */
function partsOf(text: string): string[] {
  const starts: number[] = [];
  let isOver = true;
  for (const token of new Parser().parse(text)) {
    // `...` ends the document before it; whatever else stands between two documents belongs to the second.
    if (token.type === 'doc-end') continue;
    if (isOver) starts.push(starts.length === 0 ? 0 : token.offset);
    isOver = token.type === 'document';
  }
  return starts.map((start, index) => text.slice(start, starts[index + 1]));
}
