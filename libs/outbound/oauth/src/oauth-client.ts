import type { Secret } from '@sallyport/kernel';
import { signClientAssertion } from './sign-client-assertion.js';

/**
 * The `fetch` of `platform/safe-fetch`: whatever a document or a server names is called through it and nothing else.
 */
export type OutboundFetch = typeof globalThis.fetch;

export const CLIENT_AUTHENTICATIONS = ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'] as const;
export type ClientAuthentication = (typeof CLIENT_AUTHENTICATIONS)[number];

/** We, as one authorization server knows us. Never shown to another one. */
export interface OAuthClient {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: Secret | null;
  readonly authentication: ClientAuthentication;
  /** For `private_key_jwt`: a private key as JWK, and whom its assertions are for; else the token endpoint. */
  readonly clientKey?: Secret | undefined;
  readonly assertionAudience?: string | undefined;
  /**
   * Of a dynamic registration, which is ours to make anew: when its secret ends, milliseconds since the epoch; `null`:
   * never.
   */
  readonly expiresAt?: number | null | undefined;
}

/**
 * How a client authenticates at the token and revocation endpoints (RFC 6749 section 2.3.1; basic credentials are
 * form-encoded first).
 * @param now milliseconds
 * @throws SallyportError `client_key_invalid`
 */
export async function authenticate(
  client: OAuthClient,
  body: URLSearchParams,
  headers: Headers,
  { tokenEndpoint, now }: { tokenEndpoint: string; now: number },
): Promise<void> {
  const { clientId, clientSecret, clientKey, authentication } = client;
  if (authentication === 'client_secret_basic' && clientSecret) {
    const encode = (value: string) => new URLSearchParams({ v: value }).toString().slice(2);
    headers.set(
      'authorization',
      `Basic ${Buffer.from(`${encode(clientId)}:${encode(clientSecret.reveal())}`).toString('base64')}`,
    );
    return;
  }
  body.set('client_id', clientId);
  if (authentication === 'client_secret_post' && clientSecret) body.set('client_secret', clientSecret.reveal());
  if (authentication === 'private_key_jwt' && clientKey) {
    body.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
    body.set(
      'client_assertion',
      await signClientAssertion({ clientId, clientKey, audience: client.assertionAudience ?? tokenEndpoint, now }),
    );
  }
}
