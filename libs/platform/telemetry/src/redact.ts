/** Keys whose value never reaches a log, at any depth and in any notation (S30): `access_token`, `clientSecret`, `set-cookie`, … */
const SECRET_KEY =
  /(?:^|[-_.])(?:authorization|code|dpop|assertion|jwe|jws|jwk|seed|verifier|credentials?|baggage|tracestate)$|(?:token|secret|cookie|password|passphrase|ticket|api[-_]?key|private[-_]?key|code[-_]?verifier|client[-_]?assertion)s?$|(?:auth|authorization|device|user)[-_]?code$/i;
/** Compact JWS and JWE, wherever they stand in a text. */
const COMPACT_JOSE = /eyJ[\w-]{8,}(?:\.[\w-]*){1,4}/g;
const SCHEME_AND_CREDENTIAL = /\b(Bearer|Basic|DPoP)\s+[\w.~+/=-]+/gi;
const URL_PASSWORD = /(:\/\/[^\s/:@]*):[^\s/@]+@/g;
/** A query or fragment behind a URL or a path. */
const QUERY = /((?:[a-z][\w+.-]*:\/\/|(?<![\w/])\/)[^\s?#"'<>]*)[?#][^\s"'<>]+/gi;
const REDACTED = '[redacted]';
const MAX_DEPTH = 8;
const MAX_TEXT = 4_096;

/** Removes from a free text what looks like a credential, and every query string. */
export function scrubText(text: string): string {
  const bounded = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
  return bounded
    .replace(COMPACT_JOSE, REDACTED)
    .replace(SCHEME_AND_CREDENTIAL, `$1 ${REDACTED}`)
    .replace(URL_PASSWORD, `$1:${REDACTED}@`)
    .replace(QUERY, `$1?${REDACTED}`);
}

/** A copy that is safe to log: secret keys are replaced, texts scrubbed, errors reduced to type, code, message and stack. */
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

/** Database drivers and HTTP clients hang parameters and bodies on their errors: nothing but these fields is kept. */
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

/** A number or a boolean under a secret's name (`code: 404`, `hasToken: true`) gives nothing away. */
function isTelling(item: unknown): boolean {
  return typeof item === 'string' || (typeof item === 'object' && item !== null);
}
