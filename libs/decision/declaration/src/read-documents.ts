import type { Document } from '@sallyport/configuration';
import { Composer, isMap, isNode, isScalar, LineCounter, Parser } from 'yaml';
import type { Document as YamlDocument } from 'yaml';
import { checkDocument } from './check-document.js';
import type { Path } from './problems/check.js';

/** Where something stands in a text. Both numbers begin with 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Something that is wrong, with where it stands. */
export interface Mistake {
  readonly at: Position;
  readonly message: string;
}

/** A document, and where it and its fields stand in the text. */
export interface ReadDocument {
  readonly document: Document;
  /** Of a field's key, or of the nearest thing round it that is written. */
  at(path: Path): Position;
}

/**
 * Reads documents out of multi-document YAML, each checked in itself. What it says of others is for whoever has them
 * all. An empty document, such as after a trailing `---`, is none.
 */
export function readDocuments(text: string): {
  readonly documents: readonly ReadDocument[];
  readonly mistakes: readonly Mistake[];
} {
  const lines = new LineCounter();
  const documents: ReadDocument[] = [];
  const mistakes: Mistake[] = [];
  /** Reads the text again, once: few ask where a field stands, and the syntax trees, which are large, are not kept. */
  let again: readonly YamlDocument[] | undefined;
  let place = -1;
  for (const source of yamlDocuments(text, lines)) {
    const here = ++place;
    const read = readDocument(source, lines);
    if (Array.isArray(read)) mistakes.push(...read);
    else if (read !== undefined) {
      const start = positionOf(source, [], lines);
      const at = (path: Path): Position => {
        if (path.length === 0) return start;
        again ??= [...yamlDocuments(text, new LineCounter())];
        const reread = again[here];
        return reread === undefined ? start : positionOf(reread, path, lines);
      };
      documents.push({ document: read, at });
    }
  }
  return { documents, mistakes };
}

/** One after the other, so that what is read of one is over before the next. */
function* yamlDocuments(text: string, lines: LineCounter): Generator<YamlDocument> {
  const composer = new Composer({ uniqueKeys: true });
  yield* composer.compose(new Parser(lines.addNewLine).parse(text));
}

/** @returns what is wrong, else the document; `undefined` for an empty one */
function readDocument(source: YamlDocument, lines: LineCounter): Mistake[] | Document | undefined {
  if (source.errors.length > 0)
    return source.errors.map(({ pos: [offset], message }) => ({
      at: positionAt(offset, lines),
      message: `is not valid YAML: ${message}`,
    }));
  const at = (path: Path) => positionOf(source, path, lines);
  const read = plainValueOf(source);
  if ('problem' in read) return [{ at: at([]), message: read.problem }];
  const { value } = read;
  if (value === null) return undefined;
  const checked = checkDocument(value);
  if ('document' in checked) return checked.document;
  return checked.problems.map(({ path, message }) => ({
    at: at(path),
    message: `${titleOf(value)}: ${path.join('.') || 'document'} ${message}`,
  }));
}

function titleOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return 'document';
  const { kind, name } = value as { kind?: unknown; name?: unknown };
  return `${typeof kind === 'string' ? kind : 'document'}${typeof name === 'string' ? ` "${name}"` : ''}`;
}

/** Resolves aliases; one without its anchor is found out here, and so are aliases by which the value would explode. */
function plainValueOf(source: YamlDocument): { readonly value: unknown } | { readonly problem: string } {
  try {
    return { value: source.toJS({ maxAliasCount: 100 }) };
  } catch (error) {
    if (error instanceof ReferenceError) return { problem: `is not valid YAML: ${error.message}` };
    throw error;
  }
}

const positionOf = (source: YamlDocument, path: Path, lines: LineCounter): Position =>
  positionAt(offsetOf(source, path), lines);

function positionAt(offset: number, lines: LineCounter): Position {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

/** Where the field's key begins, or, when it is not there, the nearest thing round it that is. */
function offsetOf(source: YamlDocument, path: Path): number {
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
