import { z } from 'zod';
import { readBearerChallenge, type ServerChallenge } from './bearer-challenge.js';
import type { OutboundFetch } from './oauth-client.js';
import { readJsonObject } from './read-json.js';

/** RFC 9728 section 2, what we use of it. */
const ProtectedResourceMetadata = z.object({
  resource: z.url(),
  authorization_servers: z.array(z.url()).min(1),
  scopes_supported: z.array(z.string()).optional(),
});

export interface ProtectedResource {
  readonly resource: string;
  readonly authorizationServer: string;
  /** The challenge's scopes, else the metadata's, else none. */
  readonly scopes: readonly string[];
}
export type ProtectedResourceResult =
  | ({ readonly type: 'found' } & ProtectedResource)
  | { readonly type: 'failed'; readonly reason: 'no_metadata' | 'malformed_metadata' | 'resource_mismatch' };

/**
 * RFC 9728: asks the server, follows its challenge, else tries the well-known address with the path, then the root one.
 * @param configuredResource when the administrator set one, the metadata must name exactly it.
 */
export async function discoverProtectedResource(
  serverUrl: string,
  fetch: OutboundFetch,
  configuredResource?: string,
): Promise<ProtectedResourceResult> {
  const challenge = await challengeOf(serverUrl, fetch);
  let malformed = false;
  for (const address of metadataAddresses(serverUrl, challenge)) {
    const response = await fetch(address, { headers: { accept: 'application/json' } });
    if (response.status !== 200) continue;
    const parsed = ProtectedResourceMetadata.safeParse(await readJsonObject(response));
    if (!parsed.success) {
      malformed = true;
      continue;
    }
    const {
      resource,
      authorization_servers: [authorizationServer],
      scopes_supported: supported,
    } = parsed.data;
    if (authorizationServer === undefined) continue;
    const fits = configuredResource === undefined ? covers(resource, serverUrl) : resource === configuredResource;
    if (!fits) return { type: 'failed', reason: 'resource_mismatch' };
    const scopes = challenge?.scope?.split(' ').filter((scope) => scope !== '') ?? supported ?? [];
    return { type: 'found', resource, authorizationServer, scopes };
  }
  return { type: 'failed', reason: malformed ? 'malformed_metadata' : 'no_metadata' };
}

/** The resource has the server's origin and is a path prefix of it at a segment boundary. */
export function covers(resource: string, serverUrl: string): boolean {
  const [outer, inner] = [new URL(resource), new URL(serverUrl)];
  if (outer.origin !== inner.origin || outer.hash !== '') return false;
  const prefix = outer.pathname.replace(/\/$/, '');
  return inner.pathname === prefix || inner.pathname.startsWith(`${prefix}/`);
}

/** A harmless request without a token, to be told where the metadata is. */
async function challengeOf(serverUrl: string, fetch: OutboundFetch): Promise<ServerChallenge | undefined> {
  const response = await fetch(serverUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' }),
  });
  return response.status === 401 ? readBearerChallenge(response.headers.get('www-authenticate')) : undefined;
}

function metadataAddresses(serverUrl: string, challenge: ServerChallenge | undefined): string[] {
  if (challenge?.resourceMetadata !== undefined && URL.canParse(challenge.resourceMetadata))
    return [challenge.resourceMetadata];
  const { origin, pathname } = new URL(serverUrl);
  const root = `${origin}/.well-known/oauth-protected-resource`;
  return pathname === '/' ? [root] : [`${root}${pathname}`, root];
}
