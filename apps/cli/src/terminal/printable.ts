const LINE_ENDS = /[\t-\r\u0085\u2028\u2029]+/gu;
/** Controls (escape sequences of a terminal begin with one), bidirectional overrides, what has no width. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;

/** A text that somebody else chose, as one line that cannot steer a terminal. */
export const printable = (text: string): string => text.replace(LINE_ENDS, ' ').replace(INVISIBLE, '');

/** The same for what may span lines: only their ends stay. */
export const printableLines = (text: string): string => text.split(/\r?\n/u).map(printable).join('\n');
