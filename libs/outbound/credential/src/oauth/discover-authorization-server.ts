import { z } from 'zod';
import type { OutboundFetch } from './oauth-client.js';
import { readJsonObject } from './read-json.js';

/** RFC 8414 section 2, what we use of it. */
export const AuthorizationServerMetadata = z.object({
  issuer: z.string(),
  authorization_endpoint: z.url({ protocol: /^https?$/ }),
  token_endpoint: z.url({ protocol: /^https?$/ }),
  registration_endpoint: z.url({ protocol: /^https?$/ }).optional(),
  revocation_endpoint: z.url({ protocol: /^https?$/ }).optional(),
  scopes_supported: z.array(z.string()).optional(),
  code_challenge_methods_supported: z.array(z.string()).optional(),
  token_endpoint_auth_methods_supported: z.array(z.string()).optional(),
  authorization_response_iss_parameter_supported: z.boolean().optional(),
  client_id_metadata_document_supported: z.boolean().optional(),
});
export type AuthorizationServerMetadata = z.infer<typeof AuthorizationServerMetadata>;

export type AuthorizationServerResult =
  | { readonly type: 'found'; readonly metadata: AuthorizationServerMetadata }
  | { readonly type: 'failed'; readonly reason: 'no_metadata' | 'malformed_metadata' | 'issuer_mismatch' | 'no_s256' };

/** RFC 8414 section 3 and OIDC discovery, in the order MCP gives; the issuer must be the one asked for, byte for byte, and support PKCE S256. */
export async function discoverAuthorizationServer(
  issuer: string,
  fetch: OutboundFetch,
): Promise<AuthorizationServerResult> {
  let malformed = false;
  for (const address of metadataAddresses(issuer)) {
    const response = await fetch(address, { headers: { accept: 'application/json' } });
    if (response.status !== 200) continue;
    const parsed = AuthorizationServerMetadata.safeParse(await readJsonObject(response));
    if (!parsed.success) {
      malformed = true;
      continue;
    }
    if (parsed.data.issuer !== issuer) return { type: 'failed', reason: 'issuer_mismatch' };
    if (!parsed.data.code_challenge_methods_supported?.includes('S256')) return { type: 'failed', reason: 'no_s256' };
    return { type: 'found', metadata: parsed.data };
  }
  return { type: 'failed', reason: malformed ? 'malformed_metadata' : 'no_metadata' };
}

function metadataAddresses(issuer: string): string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  if (path === '')
    return [`${origin}/.well-known/oauth-authorization-server`, `${origin}/.well-known/openid-configuration`];
  return [
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}/.well-known/openid-configuration${path}`,
    `${origin}${path}/.well-known/openid-configuration`,
  ];
}
