import { discoverAuthorizationServer, type AuthorizationServerMetadata } from './discover-authorization-server.js';
import { discoverProtectedResource } from './discover-protected-resource.js';
import { lasting } from '../failure.js';
import type { DiscoveryFailure } from './find-metadata.js';
import type { OutboundFetch } from '../oauth-client.js';
import { isSameIdentifier } from '../same-identifier.js';

/** Where users of a server sign in, and what for. */
export interface ServerSignIn {
  readonly resource: string;
  readonly scopes: readonly string[];
  readonly metadata: AuthorizationServerMetadata;
}

export interface RequestedSignIn {
  readonly serverUrl: string;
  /** The administrator's, where there is one. */
  readonly resource?: string | undefined;
  /** The administrator's, whichever the server names. */
  readonly authorizationServer?: string | undefined;
  /** Where our client was registered by hand: the one to use of several that the server names. */
  readonly clientIssuer?: string | undefined;
  readonly isPkceAssumed?: boolean;
}

type SignInFailure = DiscoveryFailure<'resource_mismatch' | 'no_authorization_server' | 'issuer_mismatch' | 'no_s256'>;

/** Of what a server lists; nobody waits for more. */
const MAX_CANDIDATES = 4;

/**
 * The server's resource, and the first of the authorization servers it names that can be used. A server without any
 * metadata of its own may be one of 2025-03-26: then its origin is its authorization server.
 */
export async function discoverSignIn(
  requested: RequestedSignIn,
  fetch: OutboundFetch,
): Promise<({ readonly type: 'found' } & ServerSignIn) | SignInFailure> {
  const { serverUrl, clientIssuer, authorizationServer } = requested;
  const found = await discoverProtectedResource(serverUrl, fetch, requested);
  if (found.type === 'failed') return found;
  const { scopes } = found;
  const { resource, authorizationServers } =
    found.type === 'found'
      ? found
      : {
          resource: requested.resource ?? serverUrl,
          authorizationServers: [authorizationServer ?? new URL(serverUrl).origin],
        };
  const ours = authorizationServers.find(
    (issuer) => clientIssuer !== undefined && isSameIdentifier(issuer, clientIssuer),
  );
  const result = await firstUsable(ours === undefined ? authorizationServers : [ours], requested, fetch);
  if (result.type === 'found') return { type: 'found', resource, scopes, metadata: result.metadata };
  return found.type === 'absent' && result.reason === 'no_metadata'
    ? lasting('no_metadata', { asked: `${found.failure.detail['asked'] ?? ''} ${result.detail['asked'] ?? ''}` })
    : result;
}

async function firstUsable(
  issuers: readonly string[],
  { isPkceAssumed = false }: RequestedSignIn,
  fetch: OutboundFetch,
): Promise<{ readonly type: 'found'; readonly metadata: AuthorizationServerMetadata } | SignInFailure> {
  let first: SignInFailure | undefined;
  for (const issuer of issuers.slice(0, MAX_CANDIDATES)) {
    const result = await discoverAuthorizationServer(issuer, fetch, { isPkceAssumed });
    if (result.type === 'found') return result;
    first ??= result;
  }
  return first ?? lasting('no_authorization_server');
}
