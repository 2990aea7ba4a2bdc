import { MAX_LEASE_SECONDS, type GrantedLease } from '../provider-lease.js';

/** `none`: the server needs no credential; an administrator said so on purpose. */
export function leaseNothing(): GrantedLease {
  return {
    type: 'granted',
    headers: {},
    connectionId: null,
    connectionRevision: 0,
    expiresInSeconds: MAX_LEASE_SECONDS,
  };
}
