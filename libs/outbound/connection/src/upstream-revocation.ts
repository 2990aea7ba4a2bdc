import { SallyportError, type Clock } from '@sallyport/kernel';
import { type OAuthClient, type OutboundFetch, revokeGrant, type TokenRevocation } from '@sallyport/oauth';
import type { Connection } from './connection.js';
import { openCredential, type StoredCredential, type Vault, type VaultRecord } from './vault-record.js';

/** A connection that was removed here and not yet at its provider. Times in milliseconds since the epoch. */
export interface UpstreamRevocation extends VaultRecord {
  readonly revocationEndpoint: string;
  readonly sealedCredential: Uint8Array;
  /** The one under way included. */
  readonly attempts: number;
  readonly removedAt: number;
  /** Afterwards it is forgotten, sealed credential and all. */
  readonly givesUpAt: number;
}

export type UpstreamRevocationSummary = Omit<UpstreamRevocation, 'sealedCredential'> & { readonly dueAt: number };

/** What is still to be revoked at providers. `ConnectionStore.remove` puts it there, in the statement that removes. */
export interface UpstreamRevocations {
  /**
   * Takes what is due, the longest overdue first; no other process gets it before `until`.
   * @param only this one, if it is due
   */
  claim(claim: {
    readonly owner: string;
    readonly now: number;
    readonly until: number;
    readonly limit: number;
    readonly only?: string;
  }): Promise<UpstreamRevocation[]>;
  /** False when the claim ran out meanwhile, and somebody else has it or nobody needs to any more. */
  finish(id: string, owner: string): Promise<boolean>;
  postpone(id: string, owner: string, dueAt: number): Promise<boolean>;
  /** How many there are, and the oldest of them. */
  outstanding(
    limit: number,
  ): Promise<{ readonly total: number; readonly oldest: readonly UpstreamRevocationSummary[] }>;
}

export interface RevokeUpstreamContext {
  readonly vault: Vault;
  readonly fetch: OutboundFetch;
  readonly clock: Clock;
  readonly clientFor: (
    connection: Pick<Connection, 'credentialProvider' | 'issuer' | 'clientId'>,
    authentication: StoredCredential['clientAuthentication'],
  ) => Promise<OAuthClient | 'not_registered' | undefined>;
}

export type UpstreamRevocationResult =
  | TokenRevocation
  /** Nobody can read it any more: there is nothing to show the provider. */
  | { readonly type: 'unreadable' }
  | { readonly type: 'failed'; readonly reason: 'client_unknown' };

/** Revokes a grant where it was made, with the endpoint, issuer and client stored with it (S25). */
export async function revokeUpstream(
  removed: UpstreamRevocation,
  { vault, fetch, clock, clientFor }: RevokeUpstreamContext,
): Promise<UpstreamRevocationResult> {
  const credential = openedIfPossible(vault, removed);
  if (!credential) return { type: 'unreadable' };
  const client = await clientFor(removed, credential.clientAuthentication);
  if (
    !client ||
    client === 'not_registered' ||
    client.issuer !== removed.issuer ||
    client.clientId !== removed.clientId
  )
    return { type: 'failed', reason: 'client_unknown' };
  const { revocationEndpoint, tokenEndpoint } = removed;
  const revoke = (token: string, tokenTypeHint: 'refresh_token' | 'access_token') =>
    revokeGrant({ revocationEndpoint, tokenEndpoint, client, now: clock(), token, tokenTypeHint }, fetch);
  const refresh = credential.refreshToken === null ? undefined : await revoke(credential.refreshToken, 'refresh_token');
  if (refresh?.type === 'failed') return refresh;
  const access = await revoke(credential.accessToken, 'access_token');
  // With its refresh token gone, a provider may know the access token no more, and say so in its own way.
  return refresh?.type === 'revoked' && (access.type !== 'failed' || access.reason === 'refused') ? refresh : access;
}

/** What was altered, or sealed under a key that is gone, opens no more. */
function openedIfPossible(vault: Vault, removed: UpstreamRevocation): StoredCredential | undefined {
  try {
    return openCredential(vault, removed);
  } catch (error) {
    if (error instanceof SallyportError) return undefined;
    throw error;
  }
}
