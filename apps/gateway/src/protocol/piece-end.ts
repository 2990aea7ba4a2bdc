/** Where a piece of `length` code units ends; a character of two is not split: each piece becomes bytes of its own. */
export function pieceEnd(text: string, start: number, length: number): number {
  const end = start + length;
  const splitsCharacter = /^[\uD800-\uDBFF][\uDC00-\uDFFF]$/.test(text.slice(end - 1, end + 1));
  return splitsCharacter ? end - 1 : end;
}
