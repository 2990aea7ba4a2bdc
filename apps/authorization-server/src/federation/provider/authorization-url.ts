import type { TrustProviderRules } from '@sallyport/authorization';
import * as oauth from 'oauth4webapi';
import { unavailable } from './provider-errors.js';
import type { DiscoveredProvider } from './trust-provider.js';

/** What must come back unchanged, and what proves that a response belongs to this request. Single use. */
export interface SignInRequest {
  readonly state: string;
  readonly nonce: string;
  readonly codeVerifier: string;
}

export function newSignInRequest(): SignInRequest {
  return {
    state: oauth.generateRandomState(),
    nonce: oauth.generateRandomNonce(),
    codeVerifier: oauth.generateRandomCodeVerifier(),
  };
}

export interface SignInHints {
  readonly forceFreshSignIn: boolean;
  readonly loginHint?: string | undefined;
}

/** Where a browser is sent to sign in (OpenID Connect Core section 3.1.2.1, with PKCE). */
export async function authorizationUrl(
  { provider, rules, server }: DiscoveredProvider,
  redirectUri: string,
  request: SignInRequest,
  { forceFreshSignIn, loginHint }: SignInHints,
): Promise<URL> {
  if (!server.authorization_endpoint) throw unavailable(provider, 'it names no authorization endpoint');
  const keepsAsking = provider.spec.session?.recheckEvery !== undefined;
  const { allowedTenants, require } = provider.spec;
  return withParameters(server.authorization_endpoint, {
    client_id: provider.spec.clientId,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: scopesOf(rules, server, keepsAsking).join(' '),
    state: request.state,
    nonce: request.nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(request.codeVerifier),
    code_challenge_method: 'S256',
    ...(require?.acr ? { acr_values: require.acr.join(' ') } : {}),
    ...(rules.maxAgeSeconds === undefined ? {} : { max_age: String(rules.maxAgeSeconds) }),
    ...(keepsAsking ? rules.offline : {}),
    ...(forceFreshSignIn ? { ...rules.freshSignIn, ...promptOf(rules, keepsAsking) } : {}),
    ...(loginHint === undefined ? {} : { login_hint: loginHint }),
    // A convenience of its account chooser; who comes back is checked.
    ...(rules.tenant === 'hd' && allowedTenants?.length === 1 ? { hd: allowedTenants[0] ?? '' } : {}),
  });
}

export function withParameters(endpoint: string, parameters: Readonly<Record<string, string>>): URL {
  const url = new URL(endpoint);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url;
}

/** @param keepsAsking whether the provider is asked again later, for which a refresh token is needed */
function scopesOf(
  { scopes, scopesIfOffered }: TrustProviderRules,
  { scopes_supported: offered = [] }: oauth.AuthorizationServer,
  keepsAsking: boolean,
): readonly string[] {
  // How a refresh token is asked for, where the provider knows it (OpenID Connect Core section 11).
  const wanted = [...scopesIfOffered, ...(keepsAsking ? ['offline_access'] : [])];
  return [...scopes, ...wanted.filter((scope) => offered.includes(scope))];
}

/** Both reasons to prompt in one parameter, which is a list (OpenID Connect Core section 3.1.2.1). */
function promptOf({ freshSignIn, offline }: TrustProviderRules, keepsAsking: boolean): { prompt: string } | undefined {
  const prompts = [freshSignIn['prompt'], keepsAsking ? offline['prompt'] : undefined].filter(
    (prompt) => prompt !== undefined,
  );
  return prompts.length > 0 ? { prompt: prompts.join(' ') } : undefined;
}
