import type { CredentialProviderSpec } from '@sallyport/configuration';
import type { Connection, StoredCredential } from '@sallyport/connection';

export type StepUp =
  /** With all of these its authorization server may be asked once more. */
  | { readonly type: 'ask'; readonly scopes: readonly string[] }
  | { readonly type: 'refused'; readonly reason: 'scope_beyond_limit' | 'step_up_failed' };

/**
 * Whether a server's scope challenge (RFC 6750 section 3.1) leads to a new authorization (security rule S24): for what
 * the connection has and the challenge names together, once, and within the provider's limit. Without a limit in its
 * document the user decides, on the authorization server's consent page.
 */
export function stepUp(
  { scopes }: Pick<Connection, 'scopes'>,
  { requestedScopes = [] }: Pick<StoredCredential, 'requestedScopes'>,
  challenged: readonly string[],
  spec: CredentialProviderSpec,
): StepUp {
  const limit = scopeLimitOf(spec);
  if (limit !== undefined && !challenged.every((scope) => limit.has(scope)))
    return { type: 'refused', reason: 'scope_beyond_limit' };
  if (wasAskedFor({ scopes }, { requestedScopes }, challenged)) return { type: 'refused', reason: 'step_up_failed' };
  return { type: 'ask', scopes: [...new Set([...scopes, ...challenged])] };
}

/** Whether its authorization server has been asked for all of these already, granted or not. */
export function wasAskedFor(
  { scopes }: Pick<Connection, 'scopes'>,
  { requestedScopes = [] }: Pick<StoredCredential, 'requestedScopes'>,
  wanted: readonly string[],
): boolean {
  const asked = new Set([...scopes, ...requestedScopes]);
  return wanted.every((scope) => asked.has(scope));
}

/** Whether a user can give more scopes than the connection has. */
export function mayStepUp({ type }: CredentialProviderSpec): boolean {
  return type === 'mcp-user-oauth' || type === 'oauth-user';
}

/** The most that is ever asked for at a server's authorization server; `undefined`: no document says. */
export function scopeLimitOf(spec: CredentialProviderSpec): ReadonlySet<string> | undefined {
  if (spec.type !== 'mcp-user-oauth' && spec.type !== 'oauth-user') return new Set();
  const limit = spec.maxScopes ?? (spec.scopes === undefined || spec.scopes.length === 0 ? undefined : spec.scopes);
  return limit && new Set([...limit, ...(spec.scopes ?? [])]);
}
