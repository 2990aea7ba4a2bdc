/**
 * Why a provider gave no token:
 * - `client_refused`: it refuses *us* (`invalid_client`, `unauthorized_client`, a key that cannot be used).
 * - `request_refused`: it refuses what we ask, in a way that is not about the grant.
 * - `rate_limited`: 429.
 * - `unavailable`: it says that it cannot (5xx).
 * - `no_answer`: it cannot be reached, or does not answer in time.
 * - `malformed_answer`: it answers, and there is no token in it that can be used.
 * - `address_refused`: its address may not be called (`OutboundNetwork`).
 */
export type ProviderFailureReason =
  | 'client_refused'
  | 'request_refused'
  | 'rate_limited'
  | 'unavailable'
  | 'no_answer'
  | 'malformed_answer'
  | 'address_refused';

export interface ProviderFailure {
  readonly reason: ProviderFailureReason;
  /** The provider's own code and words, free of secrets; `null` where it said none. */
  readonly error: string | null;
  readonly description: string | null;
  readonly retryAfterMs?: number | undefined;
}
