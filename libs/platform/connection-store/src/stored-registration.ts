import { CLIENT_AUTHENTICATIONS } from '@sallyport/oauth';
import type { ClientRegistration } from '@sallyport/oauth/registration';
import type { Vault } from '@sallyport/connection';
import { Secret } from '@sallyport/kernel';
import { sealedColumn } from '@sallyport/vault';
import { z } from 'zod';

const PURPOSE = 'client-registration';
const aad = (issuer: string) => JSON.stringify(['sallyport-client-registration', 1, issuer]);

const StoredClient = z.object({
  clientId: z.string(),
  clientSecret: z.string().nullable(),
  /** The private key of our client metadata document, as JWK. */
  clientKey: z.string().optional(),
  authentication: z.enum(CLIENT_AUTHENTICATIONS),
  redirectUri: z.string(),
  expiresAt: z.number().nullable(),
  renewAt: z.number().optional(),
  scopes: z.array(z.string()).nullable().optional(),
});
const StoredRegistrations = StoredClient.extend({ v: z.literal(1), earlier: z.array(StoredClient).optional() });

/**
 * Sealed for its issuer: a registration never opens in another one's row.
 * @param earlier those before it, whose grants go on
 */
export function sealRegistration(
  vault: Vault,
  newest: ClientRegistration,
  earlier: readonly ClientRegistration[] = [],
): Uint8Array {
  const stored: z.infer<typeof StoredRegistrations> = {
    v: 1,
    ...storedClient(newest),
    ...(earlier.length > 0 && { earlier: earlier.map(storedClient) }),
  };
  return vault.seal(PURPOSE, JSON.stringify(stored), aad(newest.issuer));
}

export const registrationColumn = sealedColumn(
  'DownstreamRegistration',
  PURPOSE,
  z.object({ issuer: z.string() }),
  ({ issuer }) => aad(issuer),
);

/** Opens the newest registration, with which users connect. */
export function openRegistration(
  vault: Vault,
  row: { readonly issuer: string; readonly sealed: Uint8Array },
): ClientRegistration {
  return openRegistrations(vault, row)[0];
}

/** Opens all registrations of an issuer, the newest first. */
export function openRegistrations(
  vault: Vault,
  { issuer, sealed }: { readonly issuer: string; readonly sealed: Uint8Array },
): readonly [ClientRegistration, ...ClientRegistration[]] {
  const {
    v: _v,
    earlier = [],
    ...newest
  } = StoredRegistrations.parse(JSON.parse(new TextDecoder().decode(vault.open(PURPOSE, sealed, aad(issuer)))));
  return [openedClient(newest, issuer), ...earlier.map((client) => openedClient(client, issuer))];
}

function storedClient({
  issuer: _issuer,
  clientSecret,
  clientKey,
  assertionAudience: _audience,
  scopes,
  ...rest
}: ClientRegistration): z.infer<typeof StoredClient> {
  return {
    ...rest,
    clientSecret: clientSecret?.reveal() ?? null,
    ...(clientKey !== undefined && { clientKey: clientKey.reveal() }),
    ...(scopes !== undefined && { scopes: scopes && [...scopes] }),
  };
}

function openedClient(
  { clientSecret, clientKey, ...rest }: z.infer<typeof StoredClient>,
  issuer: string,
): ClientRegistration {
  return {
    issuer,
    ...rest,
    clientSecret: clientSecret === null ? null : new Secret(clientSecret),
    ...(clientKey !== undefined && { clientKey: new Secret(clientKey) }),
  };
}
