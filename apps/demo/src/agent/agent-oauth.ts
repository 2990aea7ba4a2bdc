import { randomBytes } from 'node:crypto';
import type {
  OAuthClientMetadata,
  OAuthClientProvider,
  OAuthDiscoveryState,
  StoredOAuthClientInformation,
  StoredOAuthTokens,
} from '@modelcontextprotocol/client';
import { SallyportError } from '@sallyport/kernel';

export interface AgentOAuthOptions {
  name: string;
  /** Loopback URI (RFC 8252 section 7.3). */
  redirectUrl: string;
  /** An https URL of a client ID metadata document; without one the agent registers itself (RFC 7591). */
  clientMetadataUrl?: string;
  scope?: string;
}

/** The OAuth state of an agent, in memory: registration, PKCE verifier, tokens, and the URL the user has to open. */
export class AgentOAuth implements OAuthClientProvider {
  readonly redirectUrl: string;
  readonly clientMetadata: OAuthClientMetadata;
  readonly clientMetadataUrl?: string;
  #client: StoredOAuthClientInformation | undefined;
  #tokens: StoredOAuthTokens | undefined;
  #verifier: string | undefined;
  #discovery: OAuthDiscoveryState | undefined;
  #state: string | undefined;
  #authorizationUrl: URL | undefined;

  constructor(options: AgentOAuthOptions) {
    this.redirectUrl = options.redirectUrl;
    if (options.clientMetadataUrl !== undefined) this.clientMetadataUrl = options.clientMetadataUrl;
    this.clientMetadata = {
      client_name: options.name,
      redirect_uris: [options.redirectUrl],
      application_type: 'native',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      ...(options.scope === undefined ? {} : { scope: options.scope }),
    };
  }

  state(): string {
    this.#state = randomBytes(16).toString('base64url');
    return this.#state;
  }

  clientInformation(): StoredOAuthClientInformation | undefined {
    return this.#client;
  }

  saveClientInformation(information: StoredOAuthClientInformation): void {
    this.#client = information;
  }

  tokens(): StoredOAuthTokens | undefined {
    return this.#tokens;
  }

  saveTokens(tokens: StoredOAuthTokens): void {
    this.#tokens = tokens;
  }

  redirectToAuthorization(url: URL): void {
    this.#authorizationUrl = url;
  }

  saveCodeVerifier(verifier: string): void {
    this.#verifier = verifier;
  }

  codeVerifier(): string {
    if (this.#verifier === undefined)
      throw new SallyportError('agent_not_authorizing', 'No authorization is under way.');
    return this.#verifier;
  }

  saveDiscoveryState(state: OAuthDiscoveryState): void {
    this.#discovery = state;
  }

  discoveryState(): OAuthDiscoveryState | undefined {
    return this.#discovery;
  }

  invalidateCredentials(scope: 'all' | 'client' | 'tokens' | 'verifier' | 'discovery'): void {
    if (scope === 'all' || scope === 'client') this.#client = undefined;
    if (scope === 'all' || scope === 'tokens') this.#tokens = undefined;
    if (scope === 'all' || scope === 'verifier') this.#verifier = undefined;
    if (scope === 'all' || scope === 'discovery') this.#discovery = undefined;
  }

  /** The URL the user has to open; returned once. */
  takeAuthorizationUrl(): URL {
    const url = this.#authorizationUrl;
    if (url === undefined)
      throw new SallyportError('agent_not_authorizing', 'The gateway did not ask for an authorization.');
    this.#authorizationUrl = undefined;
    return url;
  }

  /** Checks `state` (the SDK does not) and passes on what came back. */
  readCallback(url: URL): URLSearchParams {
    if (this.#state === undefined || url.searchParams.get('state') !== this.#state)
      throw new SallyportError('agent_state_mismatch', 'The answer belongs to another authorization request.');
    this.#state = undefined;
    return url.searchParams;
  }
}
