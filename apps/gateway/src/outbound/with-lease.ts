import { readScopeChallenge } from '@sallyport/oauth/discovery';
import type { DocumentOf } from '@sallyport/configuration';
import type { Permit } from '@sallyport/policy';
import type {
  CredentialLease,
  CredentialLeases,
  LeaseObjection,
  LeaseResult,
  LeaseTarget,
} from './credential-leases.js';

type Rejected = { readonly type: 'credential-rejected' };
export interface Usable {
  readonly type: string;
  /** `WWW-Authenticate` of a 403. */
  readonly challenge?: string;
}
/** A first attempt that was made. */
export interface Used<T extends Usable> {
  readonly lease: CredentialLease;
  readonly value: Promise<T>;
}
export type Leased<T extends Usable> =
  | { readonly type: 'used'; readonly lease: CredentialLease; readonly value: Exclude<T, Rejected> }
  | Exclude<LeaseResult, { type: 'granted' }>
  | Rejected;

/**
 * Leases a credential and uses it. When the server does not take it, asks once for another and uses that: a token may
 * have been revoked at the server, or rotated by somebody else, while we held it, and one that lacks scopes may have
 * been given more. A server refuses both before it does anything (RFC 6750 section 3.1): the request is not made twice.
 * @param used the first attempt, where it was made
 */
export async function withLease<T extends Usable>(
  leases: CredentialLeases,
  permit: Permit,
  target: LeaseTarget,
  use: (lease: CredentialLease) => Promise<T>,
  used?: Used<T>,
): Promise<Leased<T>> {
  let objection: LeaseObjection | undefined;
  for (let attempt = 0; attempt < 2; attempt++) {
    const first = attempt === 0 ? used : undefined;
    const leased = first ?? (await leases.lease(permit, target, objection));
    if ('type' in leased && leased.type !== 'granted') return leased;
    const { lease } = leased;
    const value = await (first?.value ?? use(lease));
    if (isAccepted(value)) {
      const scopes = value.challenge === undefined || attempt > 0 ? undefined : readScopeChallenge(value.challenge);
      if (scopes === undefined) return { type: 'used', lease, value };
      objection = { lease, scopes };
    } else {
      objection = { lease };
    }
  }
  return { type: 'credential-rejected' };
}

function isAccepted<T extends Usable>(value: T): value is Exclude<T, Rejected> {
  return value.type !== 'credential-rejected';
}

const origins = new WeakMap<DocumentOf<'McpServer'>, string>();

/** Of one document always the same. */
export function originOf(server: DocumentOf<'McpServer'>): string {
  let origin = origins.get(server);
  if (origin === undefined) origins.set(server, (origin = new URL(server.spec.url).origin));
  return origin;
}
