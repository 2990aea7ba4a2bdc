/** When one key does what, in milliseconds since the epoch. All replicas act on the same moments. */
export interface ScheduledKey {
  readonly kid: string;
  readonly createdAt: number;
  /** Signs from here on, until a later key does. */
  readonly signsFrom: number;
  /** Published and accepted until then; undefined while no successor is known. */
  readonly withdrawnAt: number | undefined;
}
export type SigningKeyState = 'next' | 'active' | 'retiring' | 'withdrawn';

export interface RotationPolicy {
  readonly rotateEveryMs: number;
  readonly publishAheadMs: number;
  /** Keys older than this moment get a successor; a moment to come changes nothing yet. */
  readonly renewOlderThan: number | undefined;
}

/** Published → signing → only verifying → gone. */
export function stateOf(key: ScheduledKey, all: readonly ScheduledKey[], now: number): SigningKeyState {
  if (key.withdrawnAt !== undefined && key.withdrawnAt <= now) return 'withdrawn';
  if (key.signsFrom > now) return 'next';
  return activeOf(all, now)?.kid === key.kid ? 'active' : 'retiring';
}

/** The key that signs: the last one whose time has come. */
export function activeOf(all: readonly ScheduledKey[], now: number): ScheduledKey | undefined {
  return all.filter(({ signsFrom, withdrawnAt }) => signsFrom <= now && (withdrawnAt === undefined || withdrawnAt > now)).toSorted((one, other) => other.signsFrom - one.signsFrom)[0];
}

/** When a key to be made now would begin to sign; undefined when none is due. A first key signs at once. */
export function successorSignsFrom(all: readonly ScheduledKey[], policy: RotationPolicy, now: number): number | undefined {
  const newest = all.toSorted((one, other) => other.signsFrom - one.signsFrom)[0];
  if (newest === undefined || activeOf(all, now) === undefined) return now;
  if (newest.signsFrom > now) return undefined;
  const scheduled = newest.signsFrom + policy.rotateEveryMs;
  const commanded = policy.renewOlderThan !== undefined && policy.renewOlderThan <= now && newest.createdAt < policy.renewOlderThan;
  if (!commanded && now < scheduled - policy.publishAheadMs) return undefined;
  return now + policy.publishAheadMs;
}
