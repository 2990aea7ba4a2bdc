const LINE_ENDS = /[\t-\r\u0085\u2028\u2029]/gu;
const SPACES = /\s+/gu;
/**
 * Controls, formats (bidirectional overrides, zero width), private and unassigned characters, what is drawn as nothing,
 * and what surrounds or recolours its neighbour.
 */
const DECEPTIVE = /[\p{C}\p{Default_Ignorable_Code_Point}\p{Variation_Selector}\p{Me}]/gu;
/** Emoji, dingbats, arrows, `√`: a lock or a check mark is for us to show. What a keyboard has (`C++`, `$`) stays. */
const SYMBOLS = /(?![$+<=>^`|~])[\p{S}\p{Extended_Pictographic}]/gu;
/** What could close the quotation marks a name stands in. */
const QUOTES = /["\u00ab\u00bb\u201c-\u201f\u2039\u203a\u275d\u275e\u300c-\u300f\u301d-\u301f]/gu;
const SEGMENTER = new Intl.Segmenter();
const STACKED_MARKS = /(\p{M}{4})\p{M}+/gu;

/**
 * A text that somebody else chose, as one line that may be shown beside words of ours: without what poses as a mark, as
 * the end of a quotation, or as another text.
 * @param maxCharacters as people count them (grapheme clusters); a longer text ends in `…`
 */
export function cleanText(text: string, maxCharacters: number): string {
  const shown = text
    .slice(0, 8 * maxCharacters) // bounds the work
    .replace(SYMBOLS, '')
    .normalize('NFKC')
    .replace(LINE_ENDS, ' ')
    .replace(DECEPTIVE, '')
    .replace(SYMBOLS, '')
    .replace(QUOTES, "'")
    .replace(STACKED_MARKS, '$1')
    .replace(SPACES, ' ')
    .trim();
  const characters = Array.from(SEGMENTER.segment(shown), ({ segment }) => segment);
  return characters.length <= maxCharacters ? shown : `${characters.slice(0, maxCharacters - 1).join('')}…`;
}

/** How sure anybody is of a name is for us to say; in a name these are dropped. */
const ASSURANCES = new Set(['verified', 'unverified', 'certified', 'trusted', 'official', 'authenticated']);
const MAX_NAME_CHARACTERS = 80;

/** A name that somebody gave themselves or something of theirs. Empty when nothing of it may be shown. */
export function claimedName(text: string, maxCharacters = MAX_NAME_CHARACTERS): string {
  return cleanText(text, maxCharacters)
    .replace(/[\p{L}\p{M}]+/gu, (word) =>
      ASSURANCES.has(word.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase()) ? '' : word,
    )
    .replace(/[([{<]\s*[)\]}>]/gu, '')
    .replace(SPACES, ' ')
    .replace(/^[\s,:;|·–—-]+|[\s,:;|·–—-]+$/gu, '');
}

/** A claimed name as it stands in a text of ours: quoted, and marked where it mixes scripts. */
export function quotedName(text: string): string {
  const name = claimedName(text);
  return `“${name}”${mixesScripts(name) ? ' (letters of different alphabets)' : ''}`;
}

/** In use today (UAX #31 table 5), each for itself; then what East Asian names mix (UTS #39 sections 5.1 and 5.2). */
const SCRIPTS_TOGETHER = [
  ...'Arabic Armenian Bengali Cyrillic Devanagari Ethiopic Georgian Greek Gujarati Gurmukhi'.split(' '),
  ...'Hebrew Kannada Khmer Lao Malayalam Myanmar Oriya Sinhala Tamil Telugu Thaana Thai Tibetan'.split(' '),
  'Latin Han Hiragana Katakana',
  'Latin Han Bopomofo',
  'Latin Han Hangul',
];
const ONE_SCRIPT = SCRIPTS_TOGETHER.map((scripts) => {
  const letters = [...scripts.split(' '), 'Common', 'Inherited']
    .map((script) => `\\p{Script_Extensions=${script}}`)
    .join('');
  return new RegExp(`^[${letters}]*$`, 'u');
});

/**
 * Whether letters of scripts that nobody writes one name in stand together (UTS #39, Highly Restrictive): `Clаude` with
 * a Cyrillic а.
 */
export function mixesScripts(text: string): boolean {
  return !ONE_SCRIPT.some((pattern) => pattern.test(text));
}
