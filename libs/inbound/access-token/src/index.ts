/**
 * Verifies our own access token into a `Caller`, and words the challenge for those who bring none or a bad one.
 * Knows the authorization server's published keys and the revocation view it is given; issues nothing, decides nothing.
 * Used by the gateway on every request and by the control plane before it leases a credential.
 */
export { AccessTokenClaims } from './access-token.js';
export { bearerChallenge } from './bearer-challenge.js';
export type { BearerChallenge } from './bearer-challenge.js';
export { PublishedKeys } from './published-keys.js';
export type { PublishedKeysOptions } from './published-keys.js';
export { createAccessTokenVerifier } from './verify-access-token.js';
export type { AccessTokenVerifier, AccessTokenVerifierOptions, RevocationView, TokenFailure, Verification } from './verify-access-token.js';
