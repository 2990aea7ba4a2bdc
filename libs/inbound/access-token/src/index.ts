/**
 * Verifies our own access token into a `Caller`, with the proof of its key where it is bound to one (DPoP), and words the challenge for those who bring none or a bad one.
 * Knows the authorization server's published keys and the revocation view it is given; issues nothing, decides nothing.
 * Used by the gateway on every request and by the control plane before it leases a credential.
 */
export { AccessTokenClaims } from './access-token.js';
export { bearerChallenge, dpopChallenge } from './challenge.js';
export type { Challenge } from './challenge.js';
export { ProofMemory } from './proof-memory.js';
export type { SeenProofs } from './proof-memory.js';
export { PublishedKeys } from './published-keys.js';
export type { PublishedKeysOptions } from './published-keys.js';
export { createAccessTokenVerifier } from './verify-access-token.js';
export type {
  AccessTokenVerifier,
  AccessTokenVerifierOptions,
  RevocationView,
  TokenFailure,
  Verification,
  VerifiedToken,
} from './verify-access-token.js';
export { DPOP_ALGORITHMS, PROOF_WINDOW_SECONDS } from './verify-dpop-proof.js';
export type { Presentation, ProofFailure } from './verify-dpop-proof.js';
