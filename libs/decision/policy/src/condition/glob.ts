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
  if (tokens.length === 2 && first && second?.startsWith('*') && spansAll(second))
    return (text) => text.startsWith(first);
  const isStar = (token: string) => token.startsWith('*');
  if (tokens.every((token) => !isStar(token) || spansAll(token))) return (text) => matchesFreely(tokens, text);
  const start = first === undefined || isStar(first) ? '' : first;
  const last = tokens.at(-1) ?? '';
  const end = isStar(last) ? '' : last;
  return (text) => text.startsWith(start) && text.endsWith(end) && matches(tokens, text, spansAll, separator);
}

/** Where every star spans anything, the first place of each part between them is as good as any. */
function matchesFreely(tokens: readonly string[], text: string): boolean {
  let from = 0;
  for (const [index, token] of tokens.entries()) {
    if (token.startsWith('*')) continue;
    const at = index === tokens.length - 1 ? Math.max(from, text.length - token.length) : text.indexOf(token, from);
    if (at < 0 || !text.startsWith(token, at) || (index === 0 && at !== 0)) return false;
    from = at + token.length;
  }
  return true;
}

/** Keeps the set of positions in `text` that the tokens so far can end at. */
function matches(
  tokens: readonly string[],
  text: string,
  spansAll: (token: string) => boolean,
  separator: string | undefined,
): boolean {
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
      for (let i = 0; i + token.length <= text.length; i++)
        if (ends[i] && text.startsWith(token, i)) next[i + token.length] = 1;
    }
    ends = next;
  }
  return ends[text.length] === 1;
}
