export interface ServerChallenge {
  readonly resourceMetadata: string | undefined;
  readonly scope: string | undefined;
  readonly error: string | undefined;
}

/**
 * The parameters of the first `Bearer` challenge of a `WWW-Authenticate` value (RFC 9110 section 11.6.1, RFC 9728
 * section 5.1).
 */
export function readBearerChallenge(header: string | null): ServerChallenge | undefined {
  if (header === null || header.length > 8_192) return undefined;
  // a challenge starts with its scheme, the parameters after it are `name=value` or `name="quoted"`
  const parts = header.matchAll(
    /([A-Za-z][A-Za-z0-9_-]*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))|([A-Za-z][A-Za-z0-9_-]*)(?=\s|$)/g,
  );
  let inBearer = false;
  let seen = false;
  const parameters = new Map<string, string>();
  for (const [, name, quoted, token, scheme] of parts) {
    if (scheme !== undefined) {
      if (inBearer) break;
      inBearer = scheme.toLowerCase() === 'bearer';
      seen ||= inBearer;
    } else if (inBearer && name !== undefined && !parameters.has(name.toLowerCase())) {
      parameters.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? token ?? '');
    }
  }
  return seen
    ? {
        resourceMetadata: parameters.get('resource_metadata'),
        scope: parameters.get('scope'),
        error: parameters.get('error'),
      }
    : undefined;
}

const MAX_SCOPES = 64;
/** RFC 6749 section 3.3, and short. */
const SCOPE = /^[\x21\x23-\x5B\x5D-\x7E]{1,256}$/;

/** The scopes a 403 asks for (RFC 6750 section 3.1, `insufficient_scope`). `undefined`: it names none. */
export function readScopeChallenge(header: string): readonly string[] | undefined {
  const challenge = readBearerChallenge(header);
  if (challenge?.error !== 'insufficient_scope') return undefined;
  const scopes = [...new Set(challenge.scope?.split(' ').filter((scope) => scope !== '') ?? [])];
  return scopes.length > 0 && scopes.length <= MAX_SCOPES && scopes.every((scope) => SCOPE.test(scope))
    ? scopes
    : undefined;
}
