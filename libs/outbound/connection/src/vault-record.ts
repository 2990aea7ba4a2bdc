import { z } from 'zod';
import { CLIENT_AUTHENTICATIONS } from '@sallyport/oauth';
import type { Connection } from './connection.js';

/** Envelope encryption with associated data; `Sealer` of `platform/keys` is one. */
export interface Vault {
  seal(purpose: string, plaintext: string, aad: string): Uint8Array;
  open(purpose: string, sealed: Uint8Array, aad: string): Uint8Array;
}

export const CONNECTION_PURPOSE = 'connection';

/** What is sealed: the tokens, and digests of what an administrator had configured when they were obtained (S20). */
export const StoredCredential = z.object({
  v: z.literal(1),
  accessToken: z.string().min(1),
  refreshToken: z.string().min(1).nullable(),
  /** How our client authenticates at the token endpoint. */
  clientAuthentication: z.enum(CLIENT_AUTHENTICATIONS),
  /** What its authorization server was asked for, where that may be more than it gave. */
  requestedScopes: z.array(z.string()).optional(),
  pins: z.object({ serverUrl: z.string(), serverResource: z.string().nullable(), providerDigest: z.string() }),
});
export type StoredCredential = z.infer<typeof StoredCredential>;

export type VaultRecord = Pick<
  Connection,
  | 'id'
  | 'userId'
  | 'server'
  | 'issuer'
  | 'resource'
  | 'credentialProvider'
  | 'revision'
  | 'tokenEndpoint'
  | 'revocationEndpoint'
  | 'targetOrigin'
  | 'clientId'
>;

/**
 * Security rule S22: canonical, so that a sealed credential opens only in the row, for the owner and at the revision it
 * was sealed for, and only while the row says to send it where it was made for (S20): who can write the table but does
 * not hold the key cannot have a refresh token and our client's secret sent to an endpoint of their own.
 */
export function vaultAad({
  id,
  userId,
  server,
  issuer,
  resource,
  credentialProvider,
  revision,
  tokenEndpoint,
  revocationEndpoint,
  targetOrigin,
  clientId,
}: VaultRecord): string {
  return JSON.stringify([
    'sallyport-connection',
    1,
    id,
    userId,
    server,
    issuer,
    resource,
    credentialProvider,
    revision,
    tokenEndpoint,
    revocationEndpoint,
    targetOrigin,
    clientId,
  ]);
}

export function sealCredential(vault: Vault, record: VaultRecord, credential: StoredCredential): Uint8Array {
  return vault.seal(CONNECTION_PURPOSE, JSON.stringify(StoredCredential.parse(credential)), vaultAad(record));
}

/** @throws what the vault throws when the record is not the one it was sealed for. */
export function openCredential(
  vault: Vault,
  record: VaultRecord & Pick<Connection, 'sealedCredential'>,
): StoredCredential {
  const opened = vault.open(CONNECTION_PURPOSE, record.sealedCredential, vaultAad(record));
  return StoredCredential.parse(JSON.parse(new TextDecoder().decode(opened)));
}
