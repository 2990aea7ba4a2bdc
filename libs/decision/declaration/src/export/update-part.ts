import type { Document } from '@sallyport/configuration';
import { isDeepStrictEqual } from 'node:util';
import { isCollection, isNode, isScalar, isSeq, type Document as YamlDocument } from 'yaml';
import { differencesOf, type Difference } from '../plan/difference.js';
import { readPart, withoutAliases, type ReadPart } from './read-part.js';
import { renderDocument } from './render-documents.js';
import { spliceScalars } from './splice-scalars.js';
import { spliceSpec } from './splice-spec.js';

/**
 * Writes what a document is to be into the text of what it was. Tries first what changes the least, and takes what
 * reads as it should: a default that is not written stays so, unless it must be.
 */
export function updatePart(text: string, { yaml, value, document }: ReadPart, next: Document): string {
  const inPlace = spliceScalars(text, yaml, differencesOf(document, next));
  if (inPlace !== undefined && readsAs(inPlace, next)) return inPlace;
  for (const before of [document, value]) {
    const updated = withoutAliases(yaml);
    if (!differencesOf(before, next).every((difference) => applyTo(updated, difference))) continue;
    const rendered = inStyleOf(text, updated);
    const spliced = spliceSpec(text, rendered, changedFields(document, next));
    for (const made of [spliced, rendered]) if (made !== undefined && readsAs(made, next)) return made;
  }
  return `${text.startsWith('---') ? '---\n' : ''}${renderDocument(next)}`;
}

function readsAs(text: string, document: Document): boolean {
  const read = readPart(text);
  return typeof read === 'object' && isDeepStrictEqual(read.document, document);
}

const changedFields = (before: Document, after: Document): ReadonlySet<string> =>
  new Set(differencesOf(before.spec, after.spec).map(({ path }) => String(path[0])));

/** @returns whether the place of the difference is one in this tree */
function applyTo(yaml: YamlDocument, { path, before, after }: Difference): boolean {
  const key = path.at(-1);
  const parent = yaml.getIn(path.slice(0, -1), true);
  if (after === undefined) {
    if (isSeq(parent)) parent.items.splice(Number(key), 1);
    else if (isCollection(parent)) parent.delete(key);
    return true;
  }
  if (!hasPlaceFor(yaml, path)) return false;
  if (isSeq(parent) && before === undefined) {
    parent.items.splice(Number(key), 0, yaml.createNode(after));
    return true;
  }
  const old = yaml.getIn(path, true);
  const isScalarBoth = isScalar(old) && (typeof after !== 'object' || after === null);
  if (isScalarBoth) old.value = after;
  else yaml.setIn(path, withComments(yaml, old, after));
  return true;
}

function hasPlaceFor(yaml: YamlDocument, path: Difference['path']): boolean {
  for (let length = path.length - 1; length >= 0; length--) {
    const node = yaml.getIn(path.slice(0, length), true);
    if (node !== undefined) return isCollection(node);
  }
  return false;
}

/** What stood at the old value stands before the new one. */
function withComments(yaml: YamlDocument, old: unknown, value: unknown): unknown {
  const node = yaml.createNode(value, { aliasDuplicateObjects: false });
  if (isNode(old)) {
    const comments = [old.commentBefore, old.comment].filter((one) => typeof one === 'string');
    if (comments.length > 0) node.commentBefore = comments.join('\n');
  }
  return node;
}

function inStyleOf(text: string, yaml: YamlDocument): string {
  const indent = /^[^\s#-][^\n]*:[^\S\n]*\r?\n(?:\s*(?:#[^\n]*)?\n)*( +)\S/m.exec(text)?.[1]?.length ?? 2;
  const rendered = yaml.toString({
    indent,
    indentSeq: !/^( *)[^\s#-][^\n]*:[^\S\n]*\r?\n\1- /m.test(text),
    flowCollectionPadding: /[[{] /.test(text) || !/[[{]/.test(text),
    lineWidth: 0,
  });
  return text.includes('\r\n') ? rendered.replaceAll(/\r?\n/g, '\r\n') : rendered;
}
