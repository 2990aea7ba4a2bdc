/**
 * Calling addresses that somebody else named (documents, discovery, servers): https only, public addresses only unless
 * the administrator allows the host, the checked address is the connected one, no redirects, bounded in size and time.
 * Knows no protocol above HTTP; what is done with an answer belongs to the caller.
 */
export { createSafeFetch } from './create-safe-fetch.js';
export type { SafeFetch, SafeFetchOptions } from './create-safe-fetch.js';
export { createGuardedAgent, guardedConnect } from './guarded-connect.js';
export type { GuardOptions } from './guarded-connect.js';
export { isPublicAddress, refuseUrl } from './outbound-guard.js';
export type { AllowedHost, OutboundAllowance } from './outbound-guard.js';
export { readCertificateAuthorities } from './read-certificate-authorities.js';
