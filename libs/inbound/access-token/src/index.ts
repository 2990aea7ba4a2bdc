/**
 * Verifies our own access token into a `Caller`, with the proof of its key where it is bound to one (DPoP), and words
 * the challenge for a request that brings none or a bad one. It knows the authorization server's published keys and the
 * revocation view it is given; it issues nothing and decides nothing. The gateway verifies every request with it, and
 * the control plane every request for a lease.
 */
export { AccessTokenClaims } from './access-token.js';
export { bearerChallenge, dpopChallenge } from './challenge.js';
export type { Challenge } from './challenge.js';
export { ProofMemory } from './proof-memory.js';
export type { SeenProofs } from './proof-memory.js';
export type { RevocationView, VerifiedToken } from './revocation.js';
export type { TokenFailure } from './token-failure.js';
export { createAccessTokenVerifier } from './verify-access-token.js';
export type { AccessTokenVerifier, AccessTokenVerifierOptions, Verification } from './verify-access-token.js';
export { DPOP_ALGORITHMS, PROOF_WINDOW_SECONDS } from './verify-dpop-proof.js';
export type { Presentation, ProofFailure } from './verify-dpop-proof.js';
