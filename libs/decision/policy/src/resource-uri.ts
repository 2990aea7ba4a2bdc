/** Dot segments, encoded dots or separators, backslashes, blanks, control characters, halves of characters: forms that two readers resolve differently (S13). */
export function isAmbiguousUri(uri: string): boolean {
  const path = uri.split(/[?#]/, 1)[0] ?? '';
  return !uri.isWellFormed() || /(^|[/\\:])\.\.?([/\\;]|$)|%2e|%2f|%5c|\\/i.test(path) || !/^[^\s\p{Cc}]*$/u.test(uri);
}
