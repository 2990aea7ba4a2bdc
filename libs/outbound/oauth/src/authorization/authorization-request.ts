import { createHash, randomBytes } from 'node:crypto';
import type { AuthorizationServerMetadata } from '../discovery/discover-authorization-server.js';

export interface AuthorizationRequest {
  readonly url: string;
  /** PKCE (RFC 7636); stays with us until the code is exchanged. */
  readonly codeVerifier: string;
}

/**
 * What a provider wants otherwise, as its document says; of one that was discovered, only that it refuses `resource`.
 */
export interface AuthorizationQuirks {
  readonly pkce?: boolean | undefined;
  readonly resource?: boolean | undefined;
  readonly scopeParameter?: string | undefined;
  readonly scopeSeparator?: string | undefined;
  readonly authorizeParameters?: Readonly<Record<string, string>> | undefined;
}

/** An authorization request with PKCE S256, `state` and `resource` (RFC 8707). Asks for no more than `scopes`. */
export function createAuthorizationRequest(
  metadata: Pick<AuthorizationServerMetadata, 'authorization_endpoint'>,
  {
    clientId,
    redirectUri,
    resource,
    scopes,
    state,
    quirks = {},
  }: {
    clientId: string;
    redirectUri: string;
    resource: string;
    scopes: readonly string[];
    state: string;
    quirks?: AuthorizationQuirks | undefined;
  },
): AuthorizationRequest {
  const codeVerifier = randomBytes(32).toString('base64url');
  const url = new URL(metadata.authorization_endpoint);
  const parameters = {
    ...quirks.authorizeParameters,
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri,
    ...(quirks.pkce === false
      ? {}
      : {
          code_challenge: createHash('sha256').update(codeVerifier).digest('base64url'),
          code_challenge_method: 'S256',
        }),
    state,
    ...(quirks.resource === false ? {} : { resource }),
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  if (scopes.length > 0)
    url.searchParams.set(quirks.scopeParameter ?? 'scope', scopes.join(quirks.scopeSeparator ?? ' '));
  return { url: url.toString(), codeVerifier };
}

/** `offline_access` belongs to the request only where the authorization server lists it. */
export function scopesToRequest(wanted: readonly string[], metadata: AuthorizationServerMetadata): string[] {
  const scopes = new Set(wanted.filter((scope) => scope !== 'offline_access'));
  if (metadata.scopes_supported?.includes('offline_access')) scopes.add('offline_access');
  return [...scopes];
}
