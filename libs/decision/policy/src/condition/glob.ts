export type Glob = (text: string) => boolean;

/**
 * `*` stands for any characters but the separator, `**` for any at all; everything else is itself. Without a separator
 * both stand for any. Case-sensitive. Time is bounded by pattern length × text length: no backtracking to exploit.
 */
export function compileGlob(pattern: string, separator?: string): Glob {
  const tokens = pattern.split(/(\*+)/).filter((token) => token !== '');
  const [first, second] = tokens;
  if (tokens.length === 0) return (text) => text === '';
  if (tokens.every((token) => !token.startsWith('*'))) return (text) => text === pattern;
  const spansAll = (token: string) => separator === undefined || token.length > 1;
  if (tokens.length === 1 && first && spansAll(first)) return () => true;
  if (tokens.length === 2 && first && second?.startsWith('*') && spansAll(second)) return (text) => text.startsWith(first);
  return (text) => matches(tokens, text, spansAll, separator);
}

/** Keeps the set of positions in `text` that the tokens so far can end at. */
function matches(tokens: readonly string[], text: string, spansAll: (token: string) => boolean, separator: string | undefined): boolean {
  let ends = new Uint8Array(text.length + 1);
  ends[0] = 1;
  for (const token of tokens) {
    const next = new Uint8Array(text.length + 1);
    if (token.startsWith('*')) {
      const all = spansAll(token);
      let open = false;
      for (let i = 0; i <= text.length; i++) {
        if (i > 0 && !all && text[i - 1] === separator) open = false;
        if (ends[i]) open = true;
        if (open) next[i] = 1;
      }
    } else {
      for (let i = 0; i + token.length <= text.length; i++) if (ends[i] && text.startsWith(token, i)) next[i + token.length] = 1;
    }
    ends = next;
  }
  return ends[text.length] === 1;
}
