const WHOLE_WORD = 'authorization|code|dpop|assertion|jwe|jws|jwk|seed|verifier|credentials?|baggage|tracestate';
const ENDING =
  'token|secret|cookie|password|passphrase|ticket|api[-_]?key|private[-_]?key|code[-_]?verifier|client[-_]?assertion';
/**
 * Keys whose value no log has, at any depth, in any notation (S30): `access_token`, `clientSecret`, `set-cookie`, …
 */
const SECRET_KEY = new RegExp(
  `(?:^|[-_.])(?:${WHOLE_WORD})$|(?:${ENDING})s?$|(?:auth|authorization|device|user)[-_]?code$`,
  'i',
);
/** Compact JWS and JWE anywhere in a text. */
const COMPACT_JOSE = /eyJ[\w-]{8,}(?:\.[\w-]*){1,4}/g;
const SCHEME_AND_CREDENTIAL = /\b(Bearer|Basic|DPoP)\s+[\w.~+/=-]+/gi;
const URL_PASSWORD = /(:\/\/[^\s/:@]*):[^\s/@]+@/g;
/** The query or fragment of a URL or a path. */
const QUERY = /((?:[a-z][\w+.-]*:\/\/|(?<![\w/])\/)[^\s?#"'<>]*)[?#][^\s"'<>]+/gi;
const REDACTED = '[redacted]';
const MAX_DEPTH = 8;
const MAX_TEXT = 4_096;

/** Removes everything that looks like a credential, and every query string, from a text. */
export function scrubText(text: string): string {
  const bounded = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
  return bounded
    .replace(COMPACT_JOSE, REDACTED)
    .replace(SCHEME_AND_CREDENTIAL, `$1 ${REDACTED}`)
    .replace(URL_PASSWORD, `$1:${REDACTED}@`)
    .replace(QUERY, `$1?${REDACTED}`);
}

/** A copy that is safe to log: without secret keys, with scrubbed texts, errors as type, code, message and stack. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return scrubText(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MAX_DEPTH) return '[too deep]';
  if (value instanceof Error) return redactError(value, depth);
  if (value instanceof Date) return value;
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value)) return value.slice(0, 100).map((item) => redact(item, depth + 1));
  if (value instanceof Map) return redact(Object.fromEntries(value), depth);
  if (value instanceof Set) return redact([...value], depth);
  if ('toJSON' in value && typeof value.toJSON === 'function') return redact(value.toJSON(), depth + 1);
  const copy: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    copy[key] = SECRET_KEY.test(key) && isTelling(item) ? REDACTED : redact(item, depth + 1);
  }
  return copy;
}

/** Keeps only these fields: database drivers and HTTP clients attach parameters and bodies to their errors. */
function redactError(error: Error, depth: number): Record<string, unknown> {
  const { code, detail } = error as { code?: unknown; detail?: unknown };
  return {
    type: error.name,
    message: scrubText(error.message),
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    ...(error.stack === undefined ? {} : { stack: scrubText(error.stack) }),
    ...(error.name === 'SallyportError' && detail !== undefined ? { detail: redact(detail, depth + 1) } : {}),
    ...(error.cause === undefined ? {} : { cause: redact(error.cause, depth + 1) }),
  };
}

/**
 * Whether a value under a secret's name may be secret. Numbers and booleans (`code: 404`, `hasToken: true`) are not.
 */
function isTelling(item: unknown): boolean {
  return typeof item === 'string' || (typeof item === 'object' && item !== null);
}
