import { z } from 'zod';
import { Secret } from '@sallyport/kernel';
import type { AuthorizationServerMetadata } from './discover-authorization-server.js';
import type { ClientAuthentication, OAuthClient, OutboundFetch } from './oauth-client.js';
import { readJsonObject } from './read-json.js';

const Registered = z.object({
  client_id: z.string().min(1),
  client_secret: z.string().min(1).optional(),
  /** Seconds since the epoch; 0: never. */
  client_secret_expires_at: z.number().optional(),
  token_endpoint_auth_method: z.enum(['client_secret_basic', 'client_secret_post', 'none']).optional(),
});

export interface ClientRegistration extends OAuthClient {
  readonly redirectUri: string;
  /** Milliseconds since the epoch; `null`: never. */
  readonly expiresAt: number | null;
}
export type RegistrationResult =
  | { readonly type: 'registered'; readonly registration: ClientRegistration }
  | { readonly type: 'failed'; readonly reason: 'not_offered' | 'refused' | 'malformed' };

/** How we would authenticate at this server, the strongest first (RFC 8414: basic when it does not say). */
export function preferredAuthentication({
  token_endpoint_auth_methods_supported: offered = ['client_secret_basic'],
}: AuthorizationServerMetadata): ClientAuthentication {
  return (
    (['client_secret_basic', 'client_secret_post', 'none'] as const).find((method) => offered.includes(method)) ??
    'none'
  );
}

/** Dynamic client registration (RFC 7591) as a web application; the registration is good at this issuer only. */
export async function registerClient(
  metadata: AuthorizationServerMetadata,
  { redirectUri, clientName, clientUri }: { redirectUri: string; clientName: string; clientUri: string },
  fetch: OutboundFetch,
): Promise<RegistrationResult> {
  if (metadata.registration_endpoint === undefined) return { type: 'failed', reason: 'not_offered' };
  const wanted = preferredAuthentication(metadata);
  const response = await fetch(metadata.registration_endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify({
      redirect_uris: [redirectUri],
      client_name: clientName,
      client_uri: clientUri,
      application_type: 'web',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: wanted,
    }),
  });
  if (response.status !== 201 && response.status !== 200) return { type: 'failed', reason: 'refused' };
  const parsed = Registered.safeParse(await readJsonObject(response));
  if (!parsed.success) return { type: 'failed', reason: 'malformed' };
  const {
    client_id: clientId,
    client_secret: secret,
    client_secret_expires_at: expiry = 0,
    token_endpoint_auth_method: method = wanted,
  } = parsed.data;
  if (method !== 'none' && secret === undefined) return { type: 'failed', reason: 'malformed' };
  return {
    type: 'registered',
    registration: {
      issuer: metadata.issuer,
      clientId,
      clientSecret: secret === undefined ? null : new Secret(secret),
      authentication: method,
      redirectUri,
      expiresAt: expiry === 0 ? null : expiry * 1000,
    },
  };
}
