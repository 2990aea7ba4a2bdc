/** Why no answer came: who has to act differs. */
export type UnreachableReason =
  /** Nothing listens at the address. */
  | 'refused'
  /** The host's name has no address. */
  | 'unknown-host'
  /** The certificate is not trusted, has expired or is for another name. */
  | 'certificate'
  /** The other side did not answer within the time of the call. */
  | 'timeout'
  /** The connection was closed, reset or could not be made. */
  | 'broken';

/** The API did not answer: what was asked may have been done or not. */
export class AdminApiUnreachable extends Error {
  readonly url: string;
  readonly reason: UnreachableReason;

  constructor(url: string, reason: UnreachableReason, cause: unknown) {
    super(`${url} ${WORDS[reason]}${codeOf(cause)}`, { cause });
    this.url = url;
    this.reason = reason;
  }
}

const WORDS: Readonly<Record<UnreachableReason, string>> = {
  refused: 'refuses connections: nothing listens there',
  'unknown-host': 'has a host name without an address',
  certificate: 'has a certificate that is not trusted here',
  timeout: 'did not answer in time',
  broken: 'could not be reached',
};

/** Codes of Node and OpenSSL, by what they mean to whoever asked. */
const REASONS: readonly (readonly [RegExp, UnreachableReason])[] = [
  [/^ECONNREFUSED$/, 'refused'],
  [/^(ENOTFOUND|EAI_\w+)$/, 'unknown-host'],
  [/CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ERR_TLS|ALTNAME/, 'certificate'],
  [/TIMEOUT|ETIMEDOUT/, 'timeout'],
];

/** @param error what `fetch` rejected with */
export function unreachableReasonOf(error: unknown): UnreachableReason {
  if (error instanceof Error && error.name === 'TimeoutError') return 'timeout';
  const code = innermostCode(error) ?? '';
  return REASONS.find(([pattern]) => pattern.test(code))?.[1] ?? 'broken';
}

function codeOf(error: unknown): string {
  const code = innermostCode(error);
  return code === undefined ? '' : ` (${code})`;
}

/** `fetch` wraps what happened: `TypeError: fetch failed` ← `AggregateError` ← `Error { code: 'ECONNREFUSED' }`. */
function innermostCode(error: unknown, depth = 0): string | undefined {
  if (!(error instanceof Error) || depth > 5) return undefined;
  const inner = error instanceof AggregateError ? (error.errors as readonly unknown[])[0] : error.cause;
  return (
    innermostCode(inner, depth + 1) ?? ('code' in error && typeof error.code === 'string' ? error.code : undefined)
  );
}
