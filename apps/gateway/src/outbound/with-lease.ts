import type { DocumentOf } from '@sallyport/configuration';
import type { Permit } from '@sallyport/policy';
import type { CredentialLease, CredentialLeases, LeaseResult, LeaseTarget } from './credential-leases.js';

type Rejected = { readonly type: 'credential-rejected' };
export type Leased<T extends { readonly type: string }> =
  | { readonly type: 'used'; readonly lease: CredentialLease; readonly value: Exclude<T, Rejected> }
  | Exclude<LeaseResult, { type: 'granted' }>
  | Rejected;

/**
 * Leases a credential and uses it. When the server rejects it, asks once for a newer one and uses that: a token may have
 * been revoked at the server, or rotated by somebody else, while we held it.
 */
export async function withLease<T extends { readonly type: string }>(leases: CredentialLeases, permit: Permit, target: LeaseTarget, use: (lease: CredentialLease) => Promise<T>): Promise<Leased<T>> {
  let rejected: CredentialLease | undefined;
  for (let attempt = 0; attempt < 2; attempt++) {
    const leased = await leases.lease(permit, target, rejected);
    if (leased.type !== 'granted') return leased;
    const value = await use(leased.lease);
    if (isUsable(value)) return { type: 'used', lease: leased.lease, value };
    rejected = leased.lease;
  }
  return { type: 'credential-rejected' };
}

function isUsable<T extends { readonly type: string }>(value: T): value is Exclude<T, Rejected> {
  return value.type !== 'credential-rejected';
}

export const originOf = (server: DocumentOf<'McpServer'>): string => new URL(server.spec.url).origin;
