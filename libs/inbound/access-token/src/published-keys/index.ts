/**
 * Reads public keys that somebody publishes (RFC 7517): our own authorization server's for the verifier of access
 * tokens, and those of identity providers and workload platforms. Both keep what they read while it cannot be renewed.
 */
export { IssuerKeys, KeysUnavailable } from './issuer-keys.js';
export type { KeySource } from './issuer-keys.js';
