import { decodeJwt } from 'jose';
import type * as oauth from 'oauth4webapi';
import { z } from 'zod';
import type { DiscoveredProvider } from './trust-provider.js';

export interface ProviderTokens {
  readonly refreshToken: string | undefined;
  readonly accessToken: string;
  readonly idToken: string | undefined;
  /** Of the access token, milliseconds since the epoch; undefined where the provider does not say. */
  readonly accessExpiresAt: number | undefined;
}

/** Far above what a provider sends, far below what an expression could be kept busy with (S29). */
export const MAX_ID_TOKEN_LENGTH = 64 * 1024;
const MAX_TOKEN_LENGTH = 64 * 1024;

/** Of a token response, what must not be lost (RFC 6749 section 5.1). What else is wrong with it is found later. */
const Granted = z.looseObject({
  access_token: z.string().min(1).max(MAX_TOKEN_LENGTH).optional().catch(undefined),
  refresh_token: z.string().min(1).max(MAX_TOKEN_LENGTH).optional().catch(undefined),
  id_token: z.string().max(MAX_ID_TOKEN_LENGTH).optional().catch(undefined),
});

/** What a token response grants; undefined when it grants nothing. */
export async function grantedBy(response: Response): Promise<z.infer<typeof Granted> | undefined> {
  if (response.status !== 200) return undefined;
  const body: unknown = await response
    .clone()
    .json()
    .catch(() => undefined);
  const granted = Granted.safeParse(body).data;
  return granted?.access_token === undefined && granted?.refresh_token === undefined ? undefined : granted;
}

/** @param now milliseconds since the epoch */
export function tokensOf(response: oauth.TokenEndpointResponse, now: number): ProviderTokens {
  const { refresh_token: refreshToken, access_token: accessToken, id_token: idToken, expires_in: lifetime } = response;
  const accessExpiresAt = lifetime === undefined ? undefined : now + lifetime * 1000;
  return { refreshToken, accessToken, idToken, accessExpiresAt };
}

/**
 * Where one set of metadata stands for many issuers, the token says which one it is of, and must be of exactly that
 * one.
 */
export async function serverOfToken(
  response: Response,
  { rules: { issuer }, server }: Pick<DiscoveredProvider, 'rules' | 'server'>,
): Promise<oauth.AuthorizationServer> {
  if (issuer.template === undefined) return server;
  const body: unknown = await response.clone().json();
  const token =
    typeof body === 'object' && body !== null && 'id_token' in body && typeof body.id_token === 'string'
      ? decodeJwt(body.id_token)
      : {};
  return { ...server, issuer: issuer.expected(token) ?? issuer.template };
}

/** `sub` of an ID token that nothing is believed of yet; undefined for what is none. */
export function subjectOf(idToken: string | undefined): string | undefined {
  try {
    return idToken === undefined ? undefined : decodeJwt(idToken).sub;
  } catch {
    return undefined; // its own verification says what is wrong with it
  }
}
