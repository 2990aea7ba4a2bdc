import type { Document } from '@sallyport/configuration';
import { isNode, parseDocument, visit, type Document as YamlDocument } from 'yaml';
import { checkDocument } from '../check-document.js';

/** One document of a file. */
export interface ReadPart {
  /** Its syntax tree, with comments. */
  readonly yaml: YamlDocument;
  /** What is written, without defaults. */
  readonly value: unknown;
  /** With its defaults. */
  readonly document: Document;
}

/** @returns `empty` where there is nothing but comments; `undefined` for what is no valid document */
export function readPart(text: string): ReadPart | 'empty' | undefined {
  const yaml = parseDocument(text, { uniqueKeys: true });
  if (yaml.errors.length > 0) return undefined;
  const value = plainValueOf(yaml);
  if (value === null) return 'empty';
  const checked = checkDocument(value);
  return 'document' in checked ? { yaml, value, document: checked.document } : undefined;
}

function plainValueOf(yaml: YamlDocument): unknown {
  try {
    return yaml.toJS({ maxAliasCount: 100 });
  } catch (error) {
    if (error instanceof ReferenceError) return undefined;
    throw error;
  }
}

/** With a copy in place of each alias, so that one of them can change and the others not. */
export function withoutAliases(yaml: YamlDocument): YamlDocument {
  const copy = yaml.clone();
  visit(copy, {
    Alias: (_, alias) => {
      const node = alias.resolve(copy)?.clone();
      return isNode(node) ? node : undefined;
    },
  });
  visit(copy, {
    Node: (_, node) => {
      if ('anchor' in node) delete node.anchor;
    },
  });
  return copy;
}
