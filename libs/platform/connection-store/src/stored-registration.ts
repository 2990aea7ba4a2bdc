import { CLIENT_AUTHENTICATIONS } from '@sallyport/credential';
import type { ClientRegistration, Vault } from '@sallyport/credential';
import { Secret } from '@sallyport/kernel';
import { sealedColumn } from '@sallyport/vault';
import { z } from 'zod';

const PURPOSE = 'client-registration';
const aad = (issuer: string) => JSON.stringify(['sallyport-client-registration', 1, issuer]);

const StoredRegistration = z.object({
  v: z.literal(1),
  clientId: z.string(),
  clientSecret: z.string().nullable(),
  /** A private key as JWK, where we are known by a document of our own. */
  clientKey: z.string().optional(),
  authentication: z.enum(CLIENT_AUTHENTICATIONS),
  redirectUri: z.string(),
  expiresAt: z.number().nullable(),
});

/** Sealed for its issuer: a registration never opens in another one's row. */
export function sealRegistration(
  vault: Vault,
  { issuer, clientSecret, clientKey, assertionAudience: _audience, ...rest }: ClientRegistration,
): Uint8Array {
  const stored: z.infer<typeof StoredRegistration> = {
    v: 1,
    ...rest,
    clientSecret: clientSecret?.reveal() ?? null,
    ...(clientKey === undefined ? {} : { clientKey: clientKey.reveal() }),
  };
  return vault.seal(PURPOSE, JSON.stringify(stored), aad(issuer));
}

export const registrationColumn = sealedColumn(
  'DownstreamRegistration',
  PURPOSE,
  z.object({ issuer: z.string() }),
  ({ issuer }) => aad(issuer),
);

export function openRegistration(
  vault: Vault,
  row: { readonly issuer: string; readonly sealed: Uint8Array },
): ClientRegistration {
  const {
    v: _v,
    clientSecret,
    clientKey,
    ...rest
  } = StoredRegistration.parse(JSON.parse(new TextDecoder().decode(vault.open(PURPOSE, row.sealed, aad(row.issuer)))));
  return {
    issuer: row.issuer,
    ...rest,
    clientSecret: clientSecret === null ? null : new Secret(clientSecret),
    ...(clientKey === undefined ? {} : { clientKey: new Secret(clientKey) }),
  };
}
