import type { Document } from '@sallyport/configuration';
import { SallyportError } from '@sallyport/kernel';
import { Composer, isMap, isNode, isPair, isScalar, LineCounter, Parser } from 'yaml';
import type { Document as YamlDocument } from 'yaml';
import { checkDocument } from './check-document.js';
import { problemsOf } from './problems-of.js';
import type { Path } from './problems/check.js';

/** A file's documents, each valid in itself and all of them together. */
export interface Declaration {
  readonly file: string;
  readonly documents: readonly Document[];
  /** Where a field stands, as `file:line`, to say what is wrong with it later. */
  locate(document: Document, path: Path): string;
}

const MAX_PROBLEMS = 20;

interface Mistake {
  readonly line: number;
  readonly text: string;
}

/**
 * Reads documents out of multi-document YAML and checks each one and their references.
 * @throws SallyportError `declaration_invalid`: one line per mistake, with file, line, field and what to do about it.
 */
export function parseDeclaration(text: string, file: string): Declaration {
  const lines = new LineCounter();
  const mistakes: Mistake[] = [];
  /** Where each document stands in the file. Their syntax trees, which are large, are not kept. */
  const places = new Map<Document, { readonly place: number; readonly line: number }>();
  let place = -1;
  for (const source of yamlDocuments(text, lines)) {
    place++;
    const read = readDocument(source, lines);
    if (Array.isArray(read)) mistakes.push(...read);
    else if (read !== undefined) places.set(read, { place, line: lineOf(source, [], lines) });
  }

  const documents = [...places.keys()];
  // Applied, it would remove everything: more likely a file that was cut off or not mounted yet.
  if (documents.length === 0 && mistakes.length === 0)
    mistakes.push({ line: 1, text: 'holds no document: applied, it would remove every server and policy' });
  /** Reads the file again, once: somebody asks where something stands only to say that it is wrong. */
  let again: YamlDocument[] | undefined;
  const line = (document: Document, path: Path): number => {
    if (path.length === 0) return places.get(document)?.line ?? 1;
    again ??= [...yamlDocuments(text, new LineCounter())];
    const source = again[places.get(document)?.place ?? -1];
    return source ? lineOf(source, path, lines) : 1;
  };
  // Checks references also when a document is broken elsewhere, to report all mistakes at once. A broken document is
  // not called missing.
  if (mistakes.length === 0)
    for (const { document, path, message } of problemsOf(documents))
      mistakes.push({
        line: line(document, path),
        text: `${document.kind} "${document.name}": ${path.join('.')} ${message}`,
      });
  if (mistakes.length > 0) throw invalidDeclaration(file, mistakes);
  return { file, documents, locate: (document, path) => `${file}:${line(document, path)}` };
}

/** One after the other, so that what is read of one is over before the next. */
function* yamlDocuments(text: string, lines: LineCounter): Generator<YamlDocument> {
  const composer = new Composer({ uniqueKeys: true });
  yield* composer.compose(new Parser(lines.addNewLine).parse(text));
}

/** @returns what is wrong, else the document; `undefined` for an empty one, such as after a trailing `---` */
function readDocument(source: YamlDocument, lines: LineCounter): Mistake[] | Document | undefined {
  if (source.errors.length > 0)
    return source.errors.map((error) => ({
      line: lines.linePos(error.pos[0]).line,
      text: `is not valid YAML: ${error.message}`,
    }));
  const at = (path: Path) => lineOf(source, path, lines);
  const read = plainValueOf(source);
  if ('problem' in read) return [{ line: at([]), text: read.problem }];
  const { value } = read;
  if (value === null) return undefined;
  const checked = checkDocument(value);
  if ('document' in checked) return checked.document;
  return checked.problems.map(({ path, message }) => ({
    line: at(path),
    text: `${titleOf(value)}: ${path.join('.') || 'document'} ${message}`,
  }));
}

function invalidDeclaration(file: string, mistakes: readonly Mistake[]): SallyportError {
  const listed = mistakes.toSorted((a, b) => a.line - b.line).map(({ line, text }) => `  ${file}:${line}: ${text}`);
  const more = listed.length > MAX_PROBLEMS ? `\n  and ${listed.length - MAX_PROBLEMS} more` : '';
  return new SallyportError(
    'declaration_invalid',
    `The declarative file is not valid:\n${listed.slice(0, MAX_PROBLEMS).join('\n')}${more}`,
  );
}

function titleOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return 'document';
  const { kind, name } = value as { kind?: unknown; name?: unknown };
  return `${typeof kind === 'string' ? kind : 'document'}${typeof name === 'string' ? ` "${name}"` : ''}`;
}

const lineOf = (source: YamlDocument, path: Path, lines: LineCounter): number =>
  lines.linePos(offsetOf(source, path)).line;

/**
 * Resolves aliases. An alias without its anchor is found out here, and so are aliases by which the value would explode.
 */
function plainValueOf(source: YamlDocument): { value: unknown } | { problem: string } {
  try {
    return { value: source.toJS({ maxAliasCount: 100 }) };
  } catch (error) {
    if (error instanceof ReferenceError) return { problem: `is not valid YAML: ${error.message}` };
    throw error;
  }
}

/** Where the field's key begins, or, when it is not there, the nearest thing round it that is. */
function offsetOf(source: YamlDocument, path: Path): number {
  for (let length = path.length; length > 0; length--) {
    const key = path[length - 1];
    const parent = length === 1 ? source.contents : source.getIn(path.slice(0, length - 1), true);
    if (isMap(parent)) {
      const pair = parent.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === key);
      if (pair && isScalar(pair.key) && pair.key.range) return pair.key.range[0];
    }
    const node = source.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return source.contents?.range?.[0] ?? source.range?.[0] ?? 0;
}
