import { isIPv4 } from 'node:net';
import { z } from 'zod';
import { Secret } from '@sallyport/kernel';
import type { AuthorizationServerMetadata } from '../discovery/discover-authorization-server.js';
import { lasting, saysLater, shownAddress, temporary, type Failure } from '../failure.js';
import type { ClientAuthentication, OAuthClient, OutboundFetch } from '../oauth-client.js';
import { readProviderWords } from '../provider-words.js';
import { readJsonObject } from '../read-json.js';

const Registered = z.object({
  client_id: z.string().min(1),
  client_secret: z.string().min(1).optional(),
  /** Seconds since the epoch; 0: never. */
  client_secret_expires_at: z.number().optional(),
  token_endpoint_auth_method: z.enum(['client_secret_post', 'client_secret_basic', 'none']).optional(),
});

export interface ClientRegistration extends OAuthClient {
  readonly redirectUri: string;
  /** Milliseconds since the epoch; `null`: never. */
  readonly expiresAt: number | null;
  /** When to register anew, ahead of that. */
  readonly renewAt?: number | undefined;
  /**
   * The scopes the registration names. `null`: none, because the authorization server refuses such a registration.
   * Absent: it was made before registrations named any.
   */
  readonly scopes?: readonly string[] | null | undefined;
}

export interface RequestedRegistration {
  readonly redirectUri: string;
  readonly clientName: string;
  readonly clientUri: string;
  /** What will be asked for: many authorization servers give a client nothing beyond what it registered. */
  readonly scopes: readonly string[];
}
export type RegistrationResult =
  | { readonly type: 'registered'; readonly registration: ClientRegistration }
  | Failure<
      'registration_not_offered' | 'registration_refused' | 'registration_malformed' | 'registration_unavailable'
    >;

/**
 * How we register. As a public client where the server lets us: a secret that ends takes every grant that was made with
 * it along, and adds little where the redirect URI is ours and PKCE binds the code. Else as we would authenticate.
 */
function registeredAuthentication(metadata: AuthorizationServerMetadata): ClientAuthentication {
  return metadata.token_endpoint_auth_methods_supported?.includes('none') === true
    ? 'none'
    : preferredAuthentication(metadata);
}

/**
 * How we would authenticate at this server (RFC 8414: basic when it does not say). In the body where that is offered,
 * as OAuth 2.1 section 2.4.1 wants every server to take it: those on the Python SDK read `client_id` nowhere else, and
 * others take a `client_id` beside basic credentials for a second authentication.
 */
export function preferredAuthentication({
  token_endpoint_auth_methods_supported: offered = ['client_secret_basic'],
}: AuthorizationServerMetadata): ClientAuthentication {
  return (
    (['client_secret_post', 'client_secret_basic', 'none'] as const).find((method) => offered.includes(method)) ??
    'none'
  );
}

/** RFC 7591 section 2: an authorization server takes plain http on loopback from native applications only. */
export function applicationTypeOf(redirectUri: string): 'native' | 'web' {
  const { protocol, hostname } = new URL(redirectUri);
  const isLoopback =
    hostname === 'localhost' || hostname === '[::1]' || (isIPv4(hostname) && hostname.startsWith('127.'));
  return protocol === 'http:' && isLoopback ? 'native' : 'web';
}

const REFUSED_AS_MALFORMED = new Set([400, 422]);

/** Registers our client at one issuer (RFC 7591). Tries again without `scope` when the issuer refuses it. */
export async function registerClient(
  metadata: AuthorizationServerMetadata,
  requested: RequestedRegistration,
  fetch: OutboundFetch,
): Promise<RegistrationResult> {
  const { registration_endpoint: endpoint, issuer } = metadata;
  if (endpoint === undefined) return lasting('registration_not_offered', { issuer: shownAddress(issuer) });
  const register = (scopes: readonly string[]) =>
    fetch(endpoint, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify(clientOf(metadata, { ...requested, scopes })),
    });
  const response = await register(requested.scopes);
  if (requested.scopes.length === 0 || !REFUSED_AS_MALFORMED.has(response.status))
    return registered(response, metadata, requested);
  return registered(await register([]), metadata, { ...requested, scopes: null });
}

/** RFC 7591 section 2. */
function clientOf(
  metadata: AuthorizationServerMetadata,
  { redirectUri, clientName, clientUri, scopes }: RequestedRegistration,
): object {
  return {
    redirect_uris: [redirectUri],
    client_name: clientName,
    client_uri: clientUri,
    application_type: applicationTypeOf(redirectUri),
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: registeredAuthentication(metadata),
    ...(scopes.length > 0 && { scope: scopes.join(' ') }),
  };
}

async function registered(
  response: Response,
  metadata: AuthorizationServerMetadata,
  { redirectUri, scopes }: { readonly redirectUri: string; readonly scopes: readonly string[] | null },
): Promise<RegistrationResult> {
  const answer = await readJsonObject(response);
  if (response.status !== 201 && response.status !== 200) return refused(response.status, answer);
  const parsed = Registered.safeParse(answer);
  if (!parsed.success)
    return lasting('registration_malformed', {
      field: parsed.error.issues[0]?.path.join('.') ?? '',
      problem: parsed.error.issues[0]?.message ?? '',
    });
  const { client_id: clientId, client_secret: secret, client_secret_expires_at: expiry = 0 } = parsed.data;
  // Who is given no secret, and is told nothing of a method, is a public client where there can be such.
  const mayBePublic = metadata.token_endpoint_auth_methods_supported?.includes('none') ?? true;
  const assigned = secret === undefined && mayBePublic ? 'none' : preferredAuthentication(metadata);
  const said = parsed.data.token_endpoint_auth_method ?? assigned;
  // Some give a secret to who asked for none, and want to see it.
  const method = said === 'none' && secret !== undefined ? preferredAuthentication(metadata) : said;
  if (method !== 'none' && secret === undefined)
    return lasting('registration_malformed', { field: 'client_secret', problem: `missing, and ${method} needs one` });
  return {
    type: 'registered',
    registration: {
      issuer: metadata.issuer,
      clientId,
      clientSecret: secret === undefined ? null : new Secret(secret),
      authentication: method,
      redirectUri,
      expiresAt: expiry === 0 || method === 'none' ? null : expiry * 1000,
      scopes,
    },
  };
}

/** With the authorization server's own words, free of secrets. */
function refused(
  status: number,
  answer: Record<string, unknown> | undefined,
): Failure<'registration_refused' | 'registration_unavailable'> {
  const { error, description } = readProviderWords(
    { error: answer?.['error'], description: answer?.['error_description'] ?? answer?.['message'] },
    [],
  );
  const detail = { status, ...(error === null ? {} : { error }), ...(description === null ? {} : { description }) };
  return saysLater(status) ? temporary('registration_unavailable', detail) : lasting('registration_refused', detail);
}
