import { durationSeconds } from '@sallyport/kernel';
import type { ConfigurationSnapshot } from '@sallyport/configuration';
import type { RotationPolicy } from '@sallyport/keys';

/** More often, and the key set grows beyond what verifiers read. */
const SHORTEST_TERM_MS = 3_600_000;
/** Sooner, and a verifier that has just reloaded meets a key it does not know and may not ask again yet. */
const SHORTEST_NOTICE_MS = 30_000;

/** Before the configuration has arrived: make what is missing, replace nothing. */
export const ONLY_WHAT_IS_MISSING: RotationPolicy = {
  rotateEveryMs: Infinity,
  publishAheadMs: SHORTEST_NOTICE_MS,
  algorithm: undefined,
  renewOlderThan: undefined,
};

/** As configured now, within what verifiers can follow. */
export function rotationPolicyOf(snapshot: ConfigurationSnapshot): RotationPolicy {
  const configured = snapshot.get('AuthorizationServer', 'default')?.spec.signingKeys;
  const milliseconds = (text: string | undefined, otherwise: string) =>
    (durationSeconds(text ?? otherwise) ?? 0) * 1000;
  return {
    rotateEveryMs: Math.max(SHORTEST_TERM_MS, milliseconds(configured?.rotateEvery, '90d')),
    publishAheadMs: Math.max(SHORTEST_NOTICE_MS, milliseconds(configured?.publishAhead, '10m')),
    algorithm: configured?.algorithm ?? 'ES256',
    renewOlderThan: undefined,
  };
}
