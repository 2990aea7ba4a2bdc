import type { ProofFailure } from './verify-dpop-proof.js';

/** Why a token is refused. */
export type TokenFailure =
  | 'malformed'
  | 'type'
  | 'algorithm'
  | 'key_purpose'
  | 'unknown_key'
  | 'key_withdrawn'
  | 'signature'
  | 'claims'
  | 'issuer'
  | 'audience'
  | 'expired'
  | 'not_yet_valid'
  | 'revoked'
  /** It is bound to a key and was shown without a proof (RFC 9449 section 7). */
  | 'proof_required'
  /** It is bound to no key and was shown with a proof (RFC 9449 section 7). */
  | 'not_bound'
  | ProofFailure
  /** Not the token's fault: no key set was ever loaded. Answer "try again", not "sign in again". */
  | 'keys_unavailable';
