import { isErrorOf } from '@sallyport/kernel';
import { z } from 'zod';
import { readBearerChallenge, type ServerChallenge } from './bearer-challenge.js';
import { Endpoint, Texts } from './discover-authorization-server.js';
import { lasting, shownAddress } from '../failure.js';
import { findMetadata, malformed, type DiscoveryFailure } from './find-metadata.js';
import type { OutboundFetch } from '../oauth-client.js';
import { isSameIdentifier } from '../same-identifier.js';

/** RFC 9728 section 2, what we use of it. */
const ProtectedResourceMetadata = z.object({
  resource: z.url({ protocol: /^https?$/ }),
  authorization_servers: Texts.optional(),
  scopes_supported: Texts.optional(),
});

export interface ProtectedResource {
  readonly resource: string;
  /** Those that can be one, in the server's order; none where it names none. */
  readonly authorizationServers: readonly string[];
  /** The challenge's scopes, else the metadata's, else none. */
  readonly scopes: readonly string[];
}
type Found = { readonly type: 'found' } & ProtectedResource;
type Unusable = DiscoveryFailure<'resource_mismatch' | 'no_authorization_server'>;
/** `absent`: every address answered and none has metadata, as before 2025-06-18. */
export type ProtectedResourceResult =
  | Found
  | { readonly type: 'absent'; readonly scopes: readonly string[]; readonly failure: Unusable }
  | Unusable;

/** What the administrator says of a server. */
export interface ConfiguredResource {
  /** The metadata must name exactly it. */
  readonly resource?: string | undefined;
  /** Whatever the metadata names. */
  readonly authorizationServer?: string | undefined;
}

/**
 * RFC 9728: asks the server, follows its challenge, else tries the well-known address with the path, then the root one.
 */
export async function discoverProtectedResource(
  serverUrl: string,
  fetch: OutboundFetch,
  configured: ConfiguredResource = {},
): Promise<ProtectedResourceResult> {
  const challenge = await challengeOf(serverUrl, fetch);
  const challenged = challenge?.scope?.split(' ').filter((scope) => scope !== '');
  const judge = (document: Record<string, unknown>) => read(document, { serverUrl, configured, challenged });
  const result = await findMetadata<ProtectedResource, 'resource_mismatch' | 'no_authorization_server'>(
    metadataAddresses(serverUrl, challenge),
    judge,
    fetch,
  );
  return result.type === 'failed' && result.reason === 'no_metadata'
    ? { type: 'absent', scopes: challenged ?? [], failure: result }
    : result;
}

interface Expected {
  readonly serverUrl: string;
  readonly configured: ConfiguredResource;
  readonly challenged: readonly string[] | undefined;
}

function read(document: Record<string, unknown>, { serverUrl, configured, challenged }: Expected): Found | Unusable {
  const parsed = ProtectedResourceMetadata.safeParse(document);
  if (!parsed.success) return malformed(parsed.error);
  const { resource, authorization_servers: named = [], scopes_supported: supported = [] } = parsed.data;
  const fits =
    configured.resource === undefined ? covers(resource, serverUrl) : isSameIdentifier(resource, configured.resource);
  if (!fits)
    return lasting('resource_mismatch', {
      wanted: shownAddress(configured.resource ?? serverUrl),
      got: shownAddress(resource),
    });
  const authorizationServers =
    configured.authorizationServer === undefined ? named.filter(isIssuer) : [configured.authorizationServer];
  if (authorizationServers.length === 0)
    return lasting('no_authorization_server', { got: named.slice(0, 4).map(shownAddress).join(' ') });
  return { type: 'found', resource, authorizationServers, scopes: challenged ?? supported };
}

/** RFC 8414 section 2: an address of the web, without query and fragment. */
function isIssuer(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, search, hash } = new URL(text);
  return (protocol === 'https:' || protocol === 'http:') && `${username}${password}${search}${hash}` === '';
}

/** The resource has the server's origin and is a path prefix of it at a segment boundary. */
export function covers(resource: string, serverUrl: string): boolean {
  const [outer, inner] = [new URL(resource), new URL(serverUrl)];
  if (outer.origin !== inner.origin || outer.hash !== '') return false;
  const prefix = outer.pathname.replace(/\/$/, '');
  return inner.pathname === prefix || inner.pathname.startsWith(`${prefix}/`);
}

/**
 * Asks the server without a token, to be told where its metadata is. A server that does not answer may still have some.
 */
async function challengeOf(serverUrl: string, fetch: OutboundFetch): Promise<ServerChallenge | undefined> {
  try {
    const response = await fetch(serverUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' }),
      redirect: 'manual',
    });
    return response.status === 401 ? readBearerChallenge(response.headers.get('www-authenticate')) : undefined;
  } catch (error) {
    if (isErrorOf(error, 'outbound_')) return undefined;
    throw error;
  }
}

/** What the challenge names first; it may name a host that only the server's own network knows. */
function metadataAddresses(serverUrl: string, challenge: ServerChallenge | undefined): string[] {
  const { origin, pathname } = new URL(serverUrl);
  const root = `${origin}/.well-known/oauth-protected-resource`;
  const wellKnown = pathname === '/' ? [root] : [`${root}${pathname}`, root];
  const named = challenge?.resourceMetadata;
  return named !== undefined && Endpoint.safeParse(named).success ? [...new Set([named, ...wellKnown])] : wellKnown;
}
