/**
 * Reads and rewrites JSON without changing the text that is not meant: numbers keep their digits (docs/decisions/0031).
 */
export {
  elementsOf,
  endOfString,
  inexactNumberIn,
  isExact,
  isSameNumber,
  membersOf,
  rewriteJson,
  sourcesIn,
  textAt,
} from '../json-text.js';
export type { JsonSource } from '../json-text.js';
