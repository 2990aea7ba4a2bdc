import { createHash, randomBytes } from 'node:crypto';
import type { AuthorizationServerMetadata } from './discover-authorization-server.js';

export interface AuthorizationRequest {
  readonly url: string;
  /** PKCE (RFC 7636); stays with us until the code is exchanged. */
  readonly codeVerifier: string;
}

/** An authorization request with PKCE S256, `state` and `resource` (RFC 8707). Asks for no more than `scopes`. */
export function createAuthorizationRequest(
  metadata: AuthorizationServerMetadata,
  { clientId, redirectUri, resource, scopes, state }: { clientId: string; redirectUri: string; resource: string; scopes: readonly string[]; state: string },
): AuthorizationRequest {
  const codeVerifier = randomBytes(32).toString('base64url');
  const url = new URL(metadata.authorization_endpoint);
  const parameters = {
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri,
    code_challenge: createHash('sha256').update(codeVerifier).digest('base64url'),
    code_challenge_method: 'S256',
    state,
    resource,
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  if (scopes.length > 0) url.searchParams.set('scope', scopes.join(' '));
  return { url: url.toString(), codeVerifier };
}

/** `offline_access` belongs to the request only where the authorization server lists it. */
export function scopesToRequest(wanted: readonly string[], metadata: AuthorizationServerMetadata): string[] {
  const scopes = new Set(wanted.filter((scope) => scope !== 'offline_access'));
  if (metadata.scopes_supported?.includes('offline_access')) scopes.add('offline_access');
  return [...scopes];
}
