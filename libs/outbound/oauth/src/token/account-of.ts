import { z } from 'zod';
import { isSameIdentifier } from '../same-identifier.js';
import type { GrantedTokens, ProviderAccount } from './token-result.js';

const MAX_NAME = 256;
const Text = z.string().min(1).max(MAX_NAME);
const optional = Text.optional().catch(undefined);
const Claims = z.object({
  iss: z.string(),
  aud: z.union([z.string(), z.array(z.string())]),
  sub: Text,
  email: optional,
  preferred_username: optional,
  name: optional,
});

/**
 * Where the provider's document says to look in the answer, else the ID token in it: it came straight from the token
 * endpoint over TLS, to which its signature adds nothing (OpenID Connect Core section 3.1.3.7). It is shown and
 * compared; nobody is signed in by it. `undefined`: the provider does not say.
 */
export function accountOf(
  { account, idToken }: GrantedTokens,
  {
    issuer,
    tokenEndpoint,
    clientId,
  }: { readonly issuer: string; readonly tokenEndpoint: string; readonly clientId: string },
): ProviderAccount | undefined {
  if (account) return account;
  const claims = idToken === undefined ? undefined : Claims.safeParse(payloadOf(idToken)).data;
  if (!claims || ![claims.aud].flat().includes(clientId)) return undefined;
  // Some providers name a tenant's issuer in the tokens of an endpoint that serves all of them.
  if (
    !isSameIdentifier(claims.iss, issuer) &&
    !(URL.canParse(claims.iss) && new URL(claims.iss).origin === new URL(tokenEndpoint).origin)
  )
    return undefined;
  return { id: claims.sub, name: claims.email ?? claims.preferred_username ?? claims.name ?? claims.sub };
}

function payloadOf(token: string): unknown {
  try {
    return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
  } catch {
    return undefined; // no JWT
  }
}

/** @param value of the answer, where the document says that an id or a name is */
export function accountText(value: unknown): string | undefined {
  return Text.safeParse(typeof value === 'number' ? String(value) : value).data;
}
