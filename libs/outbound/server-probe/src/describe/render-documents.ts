import { stringify } from 'yaml';
import type { CommentedDocument } from './description.js';

const WIDTH = 118;
/** What ends a line for somebody, and would end a comment there. */
const LINE_ENDS = /[\r\n\u0085\u2028\u2029\0]+/g;

/** Documents as YAML that people like to read, with their comments, one after the other. */
export function renderDocuments(documents: readonly CommentedDocument[]): string {
  return documents.map(renderDocument).join('---\n');
}

function renderDocument({ document, before, at = {}, after = [] }: CommentedDocument): string {
  const lines = stringify(document, { lineWidth: 0 }).trimEnd().split('\n');
  const body = lines.flatMap((line) => {
    const [, field = ''] = /^ {2}([A-Za-z]+):/.exec(line) ?? [];
    return [...comments(Object.hasOwn(at, field) ? (at[field] ?? []) : [], '  '), line];
  });
  return [...comments(before, ''), ...body, ...comments(after, '  '), ''].join('\n');
}

/** Comments of at most 118 columns; a word that is longer stands alone. */
function comments(texts: readonly string[], indent: string): string[] {
  return texts.flatMap((text) => {
    const deeper = /^ */.exec(text)?.[0] ?? '';
    const lines: string[] = [];
    let line = '';
    for (const word of text.replace(LINE_ENDS, ' ').trim().split(/ +/)) {
      if (line !== '' && indent.length + 2 + deeper.length + line.length + 1 + word.length > WIDTH) {
        lines.push(line);
        line = word;
      } else line = line === '' ? word : `${line} ${word}`;
    }
    return [...lines, line].map((part) => `${indent}# ${deeper}${part}`);
  });
}
