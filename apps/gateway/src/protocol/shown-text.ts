/**
 * Text of servers that people see beside words of ours. It may say what it likes; it may not erase, overwrite, turn
 * around, hide or push away what stands beside it, nor begin a line that could be ours (security rule S18).
 */

/** CR LF is one; vertical tab, form feed, next line and the separators end a line for some reader, too. */
const LINE_BREAK = /\r\n?|[\v\f\u0085\u2028\u2029]/gu;
/** Every width, and what is drawn as nothing without being a space. */
const BLANK = /[\t\p{Zs}\u2800\u{1D159}]/gu;
/**
 * What joins emoji, shapes Arabic and Indic letters or chooses a picture's form stays where it does that, and nowhere
 * else.
 */
const OF_OTHER_SCRIPTS = String.raw`(?![\p{sc=Latn}\p{sc=Grek}\p{sc=Cyrl}])`;
const JOINS = [
  String.raw`(?<=[\p{Extended_Pictographic}\p{Emoji_Modifier}\u{FE0F}])\u{200D}(?=\p{Extended_Pictographic})`,
  String.raw`(?<=${OF_OTHER_SCRIPTS}[\p{L}\p{M}])[\u{200C}\u{200D}](?=${OF_OTHER_SCRIPTS}\p{L})`,
  String.raw`(?<=\p{Extended_Pictographic})\u{FE0F}`,
].join('|');
/**
 * Controls, formats (writing direction, zero width, tags), private and unassigned characters, what is drawn as nothing.
 */
const UNSEEN = new RegExp(String.raw`(?![\t\n]|${JOINS})[\p{C}\p{Default_Ignorable_Code_Point}]`, 'gu');
/** More marks than any writing puts on one letter are drawn over the lines above and below. */
const STACKED_MARKS = /(\p{M}{4})\p{M}+/gu;

/** Nothing but what is seen, every line break a line feed. It keeps its layout, so it is for text that stands alone. */
export function seenText(text: string): string {
  return text.toWellFormed().replace(LINE_BREAK, '\n').replace(UNSEEN, '').replace(STACKED_MARKS, '$1');
}

/** On one line. @param maxLength UTF-16 units; a longer text ends in `…` */
export function oneLine(text: string, maxLength: number): string {
  return cut(
    seenText(text)
      .replace(BLANK, ' ')
      .replace(/[\n ]+/g, ' ')
      .trim(),
    maxLength,
  );
}

/** So many lines are more than anybody reads before an answer. */
const MAX_LINES = 64;
/** Blanks in a row: enough to indent, not enough to fill the rest of a line so that the next seems to begin one. */
const MAX_BLANKS = 4;

/** Line by line behind `> `, as mail and Markdown quote: whatever a line says, it is visibly not ours. */
export function quoted(text: string, maxLength: number, maxLines = MAX_LINES): string {
  const lines = seenText(text)
    .replace(BLANK, ' ')
    .split('\n')
    .map((line) => line.replace(/ {5,}/g, ' '.repeat(MAX_BLANKS)).trimEnd());
  const shown = cut(
    lines
      .join('\n')
      .replace(/\n{3,}/g, '\n\n')
      .replace(/^\n+|\n+$/g, ''),
    maxLength,
  ).split('\n');
  return [...shown.slice(0, maxLines), ...(shown.length > maxLines ? ['…'] : [])]
    .map((line) => (line === '' ? '>' : `> ${line}`))
    .join('\n');
}

function cut(text: string, maxLength: number): string {
  return text.length <= maxLength
    ? text
    : `${text
        .slice(0, maxLength - 1)
        .toWellFormed()
        .replace(/\ufffd$/u, '')}…`;
}
