/**
 * An error as an authorization server words it (RFC 6749 section 5.2), fit for the trail and for an administrator to
 * read.
 */
export interface ProviderWords {
  readonly error: string | null;
  readonly description: string | null;
}

const MAX_CODE = 64;
const MAX_DESCRIPTION = 240;
const SHORTEST_SECRET = 6;
const GONE = '[\u2026]';
/** Long runs with a digit in them, and very long ones without: what tokens, keys and ids look like and words do not. */
const TOKEN_LIKE = /(?=[\w.~+/=-]*\d)[\w.~+/=-]{16,}|[\w.~+/=-]{40,}/g;

/**
 * @param secrets what was sent: taken out wherever the server repeats it, as is whatever looks like a token (R44, S30).
 */
export function readProviderWords(
  said: { readonly error: unknown; readonly description: unknown },
  secrets: readonly string[],
): ProviderWords {
  const description = typeof said.description === 'string' ? shown(said.description, secrets) : '';
  const code =
    typeof said.error === 'string' && said.error.length <= MAX_CODE && /^[\x21\x23-\x5B\x5D-\x7E]+$/.test(said.error)
      ? shown(said.error, secrets)
      : '';
  return {
    error: code === '' || code !== said.error ? null : code,
    description: description === '' ? null : description,
  };
}

function shown(text: string, secrets: readonly string[]): string {
  let rest = text.slice(0, 4_096).toWellFormed();
  for (const secret of secrets)
    if (secret.length >= SHORTEST_SECRET)
      rest = rest.replaceAll(secret, GONE).replaceAll(encodeURIComponent(secret), GONE);
  const plain = rest
    .replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ')
    .replace(TOKEN_LIKE, GONE)
    .replace(/\s+/g, ' ')
    .trim();
  return plain.length > MAX_DESCRIPTION ? `${plain.slice(0, MAX_DESCRIPTION - 1).toWellFormed()}\u2026` : plain;
}
