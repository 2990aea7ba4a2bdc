import { z } from 'zod';
import { classifyRedirectUri, hostMatches, inError } from './redirect-uri.js';

/** Which documents may name an agent: `ClientRegistration.metadataDocuments`. */
export interface DocumentHosts {
  readonly enabled: boolean;
  readonly allowedHosts: readonly string[];
  readonly deniedHosts: readonly string[];
}
export type Verdict =
  | { readonly accepted: true }
  | {
      readonly accepted: false;
      readonly reason: string;
      /** An administrator's rule says so. */ readonly isRule?: true;
    };

const refused = (reason: string): Verdict => ({ accepted: false, reason });
const byRule = (reason: string): Verdict => ({ accepted: false, reason, isRule: true });
const accepted: Verdict = { accepted: true };

/**
 * A client id that is a URL is a client ID metadata document (draft-ietf-oauth-client-id-metadata-document, section 3).
 */
export function isDocumentUrl(clientId: string): boolean {
  return /^https?:/i.test(clientId);
}

/** Whether a document may be fetched: its URL is one a document can have, and the administrator allows the host. */
export function mayFetchDocument(clientId: string, hosts: DocumentHosts): Verdict {
  if (!hosts.enabled) return byRule('client ID metadata documents are switched off');
  const url = URL.parse(clientId);
  if (!url || url.protocol !== 'https:') return refused('the client id must be an https URL');
  if (clientId.length > 2048 || clientId !== url.href) return refused('the client id must be a URL in its normal form');
  if (url.pathname === '/') return refused('the client id must have a path');
  if (url.hash || clientId.includes('#') || url.username || url.password)
    return refused('the client id carries a fragment or user information');
  if (hosts.deniedHosts.some((pattern) => hostMatches(url.host, pattern))) return byRule('its host is denied here');
  if (!hosts.allowedHosts.some((pattern) => hostMatches(url.host, pattern)))
    return byRule('its host is not allowed here');
  return accepted;
}

/** Whether the administrator named this host, rather than let every host in. */
export function isNamedHost(host: string, { allowedHosts }: DocumentHosts): boolean {
  return allowedHosts.some((pattern) => pattern !== '*' && hostMatches(host, pattern));
}

export const MAX_REDIRECT_URIS = 32;
const ClientDocument = z.looseObject({
  client_id: z.string(),
  client_name: z.string().min(1).max(200).optional(),
  redirect_uris: z.array(z.string()).min(1).max(MAX_REDIRECT_URIS),
  token_endpoint_auth_method: z.enum(['none', 'private_key_jwt']).optional(),
  client_secret: z.undefined().optional(),
  jwks_uri: z.url({ protocol: /^https$/ }).optional(),
});

/**
 * The fetched document: says it is itself byte for byte, holds no shared secret, names a redirect URI we can honour.
 */
export function validateClientDocument(clientId: string, document: unknown): Verdict {
  const parsed = ClientDocument.safeParse(document);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return refused(`the document's ${issue?.path.join('.') || 'content'} is not usable`);
  }
  if (parsed.data.client_id !== clientId) return refused("the document's client_id is not its own URL");
  const uris = parsed.data.redirect_uris;
  return usableRedirectUris(uris).length > 0 ? accepted : validateRedirectUris(uris);
}

/** The redirect URIs that can be honoured. One that cannot be is no reason to refuse the others. */
export function usableRedirectUris(uris: readonly string[]): readonly string[] {
  return uris.filter((uri) => classifyRedirectUri(uri).kind !== 'refused');
}

export function validateRedirectUris(uris: readonly string[]): Verdict {
  if (uris.length > MAX_REDIRECT_URIS) return refused(`redirect_uris: more than ${MAX_REDIRECT_URIS}`);
  for (const uri of uris) {
    const redirect = classifyRedirectUri(uri);
    if (redirect.kind === 'refused') return refused(`redirect_uris: ${inError(uri)}: ${redirect.reason}`);
  }
  return accepted;
}
