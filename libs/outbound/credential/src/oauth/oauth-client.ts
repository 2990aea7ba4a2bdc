import type { Secret } from '@sallyport/kernel';

/** The `fetch` of `platform/safe-fetch`: whatever a document or a server names is called through it and nothing else. */
export type OutboundFetch = typeof globalThis.fetch;

export type ClientAuthentication = 'client_secret_basic' | 'client_secret_post' | 'none';

/** We, as one authorization server knows us. Never shown to another one. */
export interface OAuthClient {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: Secret | null;
  readonly authentication: ClientAuthentication;
}

/** How a client authenticates at the token and revocation endpoints (RFC 6749 section 2.3.1; basic credentials are form-encoded first). */
export function authenticate({ clientId, clientSecret, authentication }: OAuthClient, body: URLSearchParams, headers: Headers): void {
  if (authentication === 'client_secret_basic' && clientSecret) {
    const encode = (value: string) => new URLSearchParams({ v: value }).toString().slice(2);
    headers.set('authorization', `Basic ${Buffer.from(`${encode(clientId)}:${encode(clientSecret.reveal())}`).toString('base64')}`);
    return;
  }
  body.set('client_id', clientId);
  if (authentication === 'client_secret_post' && clientSecret) body.set('client_secret', clientSecret.reveal());
}
