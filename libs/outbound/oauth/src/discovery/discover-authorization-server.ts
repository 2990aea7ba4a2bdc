import { z } from 'zod';
import { lasting, shownAddress } from '../failure.js';
import { findMetadata, malformed, type DiscoveryFailure } from './find-metadata.js';
import type { OutboundFetch } from '../oauth-client.js';
import { isSameIdentifier } from '../same-identifier.js';

/** Of a list, what is text: one entry that is not spoils no other. */
export const Texts = z
  .array(z.unknown())
  .transform((entries) => entries.filter((entry): entry is string => typeof entry === 'string' && entry !== ''));
/** An address of the web that can be called as it stands. */
export const Endpoint = z
  .url({ protocol: /^https?$/ })
  .refine(
    (text) => !URL.canParse(text) || `${new URL(text).username}${new URL(text).password}` === '',
    'must carry no user information',
  );

/** RFC 8414 section 2, what we use of it. */
export const AuthorizationServerMetadata = z.object({
  /** As the server writes it: that is what `iss` is compared with, and what registrations are kept under. */
  issuer: z.string(),
  authorization_endpoint: Endpoint,
  token_endpoint: Endpoint,
  registration_endpoint: Endpoint.optional(),
  revocation_endpoint: Endpoint.optional(),
  scopes_supported: Texts.optional(),
  code_challenge_methods_supported: Texts.optional(),
  token_endpoint_auth_methods_supported: Texts.optional(),
  authorization_response_iss_parameter_supported: z.boolean().optional(),
  client_id_metadata_document_supported: z.boolean().optional(),
});
export type AuthorizationServerMetadata = z.infer<typeof AuthorizationServerMetadata>;

export type AuthorizationServerResult =
  | { readonly type: 'found'; readonly metadata: AuthorizationServerMetadata }
  | DiscoveryFailure<'issuer_mismatch' | 'no_s256'>;

/**
 * RFC 8414 section 3 and OIDC discovery, in the order MCP gives; the issuer must be the one asked for and support PKCE
 * S256.
 * @param isPkceAssumed the administrator says that it does, where its metadata says nothing
 */
export function discoverAuthorizationServer(
  issuer: string,
  fetch: OutboundFetch,
  { isPkceAssumed = false }: { readonly isPkceAssumed?: boolean } = {},
): Promise<AuthorizationServerResult> {
  return findMetadata(metadataAddresses(issuer), (document) => judge(document, { issuer, isPkceAssumed }), fetch);
}

function judge(
  document: Record<string, unknown>,
  { issuer, isPkceAssumed }: { readonly issuer: string; readonly isPkceAssumed: boolean },
): AuthorizationServerResult {
  const parsed = AuthorizationServerMetadata.safeParse(document);
  if (!parsed.success) return malformed(parsed.error);
  const { issuer: got, code_challenge_methods_supported: methods = [] } = parsed.data;
  if (!isSameIdentifier(got, issuer))
    return lasting('issuer_mismatch', { wanted: shownAddress(issuer), got: shownAddress(got) });
  const isPkceTaken = methods.includes('S256') || (methods.length === 0 && isPkceAssumed);
  if (!isPkceTaken)
    return lasting('no_s256', { got: methods.length === 0 ? 'not said' : methods.join(' ').slice(0, 64) });
  return { type: 'found', metadata: parsed.data };
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
