import { isMap, isScalar, parseDocument, type Pair, type YAMLMap } from 'yaml';

/** A text, cut where the fields of its spec begin, each with the comments above it. */
interface CutText {
  readonly head: string;
  readonly fields: ReadonlyMap<string, string>;
  readonly tail: string;
}

/**
 * Takes the changed fields of a spec from the rendered text, and all else from the text as it was written: rendering
 * keeps comments, but not how somebody set blanks, quotes and lines.
 * @returns `undefined` for a text whose spec is not last, or not one field a line
 */
export function spliceSpec(text: string, rendered: string, changed: ReadonlySet<string>): string | undefined {
  const [old, now] = [cutSpec(text), cutSpec(rendered)];
  if (old === undefined || now === undefined) return undefined;
  const fields = [...now.fields].map(([name, field]) => (changed.has(name) ? field : (old.fields.get(name) ?? field)));
  const body = [old.head, ...fields].map((piece) => (piece.endsWith('\n') ? piece : `${piece}\n`)).join('');
  return `${body}${old.tail}`;
}

function cutSpec(text: string): CutText | undefined {
  const root = parseDocument(text).contents;
  if (!isMap(root) || root.flow === true) return undefined;
  const last = root.items.at(-1);
  if (keyOf(last)?.name !== 'spec' || !isMap(last?.value) || last.value.flow === true) return undefined;
  const places = (last.value as YAMLMap).items.map(keyOf);
  const first = places[0];
  if (first === undefined || places.some((place) => place === undefined)) return undefined;
  const indent = first.offset - lineStart(text, first.offset);
  const cuts = places.map((place) => aboveComments(text, lineStart(text, place?.offset ?? 0), indent));
  const end = aboveComments(text, text.length, indent);
  const fields = places.map((place, index): [string, string] => [
    place?.name ?? '',
    text.slice(cuts[index], cuts[index + 1] ?? end),
  ]);
  return { head: text.slice(0, cuts[0]), fields: new Map(fields), tail: text.slice(end) };
}

function keyOf(pair: Pair | undefined): { readonly name: string; readonly offset: number } | undefined {
  const key = pair?.key;
  return isScalar(key) && key.range ? { name: String(key.value), offset: key.range[0] } : undefined;
}

const lineStart = (text: string, offset: number): number => text.lastIndexOf('\n', offset - 1) + 1;

/** The start of the comments and empty lines above a place, but for comments that stand deeper than `indent`. */
function aboveComments(text: string, place: number, indent: number): number {
  const comment = new RegExp(`^(?: {0,${indent}}#.*|\\.\\.\\.\\s*|\\s*)$`);
  let start = place;
  while (start > 0) {
    const above = lineStart(text, start - 1);
    if (!comment.test(text.slice(above, start).trimEnd())) break;
    start = above;
  }
  return start;
}
