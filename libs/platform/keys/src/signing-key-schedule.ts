/** When one of the authorization server's signing keys does what, in milliseconds since the epoch. All replicas act on the same moments. */
export interface ScheduledKey {
  readonly kid: string;
  readonly algorithm: string;
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
  /** What keys are to sign with; keys of another algorithm get a successor. Undefined while that is not known. */
  readonly algorithm: string | undefined;
  /** The command: keys older than this moment get a successor. */
  readonly renewOlderThan: number | undefined;
}

/** A key is published no more this long after its successor began: the longest token (1 h) and a generous hour for clocks and pauses. */
export const RETIREMENT_MS = 2 * 3_600_000;

/** Published → signing → only verifying → gone. */
export function stateOf(key: ScheduledKey, all: readonly ScheduledKey[], now: number): SigningKeyState {
  if (!isPublished(key, now)) return 'withdrawn';
  if (key.signsFrom > now) return 'next';
  return activeOf(all, now)?.kid === key.kid ? 'active' : 'retiring';
}

/** The key that signs: the last one whose time has come. None when that was withdrawn: one that is retiring does not come back. */
export function activeOf(all: readonly ScheduledKey[], now: number): ScheduledKey | undefined {
  const last = newestFirst(all.filter(everSigns)).find(({ signsFrom }) => signsFrom <= now);
  return last && isPublished(last, now) ? last : undefined;
}

export type RotationStep =
  /** A key is to be made, and signs from then on. */
  | { readonly type: 'create'; readonly signsFrom: number }
  /** Nothing signs: what was to sign later, and is published already, does so now. */
  | { readonly type: 'promote'; readonly kid: string };

/** What is to be done now; undefined when nothing is. A first key signs at once, as does one that stands in for a withdrawn one. */
export function nextRotationStep(
  all: readonly ScheduledKey[],
  policy: RotationPolicy,
  now: number,
): RotationStep | undefined {
  const [newest] = newestFirst(all.filter((key) => isPublished(key, now)));
  const isOnItsWay = newest !== undefined && newest.signsFrom > now;
  if (newest === undefined || activeOf(all, now) === undefined)
    return isOnItsWay ? { type: 'promote', kid: newest.kid } : { type: 'create', signsFrom: now };
  if (isOnItsWay) return undefined;
  const scheduled = newest.signsFrom + policy.rotateEveryMs;
  const commanded = policy.renewOlderThan !== undefined && newest.createdAt < policy.renewOlderThan;
  const otherAlgorithm = policy.algorithm !== undefined && newest.algorithm !== policy.algorithm;
  if (!commanded && !otherAlgorithm && now < scheduled - policy.publishAheadMs) return undefined;
  return { type: 'create', signsFrom: now + policy.publishAheadMs };
}

/** When a key is to be withdrawn: a while after the next one that signs began to. Undefined while there is none. */
export function retiresAt(key: ScheduledKey, all: readonly ScheduledKey[]): number | undefined {
  const successor = newestFirst(all.filter(everSigns)).findLast(({ signsFrom }) => signsFrom > key.signsFrom);
  return successor && successor.signsFrom + RETIREMENT_MS;
}

/** Not so when it was withdrawn before its time came. */
const everSigns = ({ signsFrom, withdrawnAt }: ScheduledKey): boolean =>
  withdrawnAt === undefined || withdrawnAt > signsFrom;
const isPublished = ({ withdrawnAt }: ScheduledKey, now: number): boolean =>
  withdrawnAt === undefined || withdrawnAt > now;
const newestFirst = (keys: readonly ScheduledKey[]): ScheduledKey[] =>
  keys.toSorted((one, other) => other.signsFrom - one.signsFrom);
