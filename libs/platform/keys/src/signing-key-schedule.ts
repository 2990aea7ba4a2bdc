/**
 * The schedule of one of the authorization server's signing keys, in milliseconds since the epoch. Replicas share it.
 */
export interface ScheduledKey {
  readonly kid: string;
  readonly algorithm: string;
  readonly createdAt: number;
  /** The key signs from then on, until a later key does. */
  readonly signsFrom: number;
  /** The key is published until then; undefined while it has no successor. */
  readonly withdrawnAt: number | undefined;
}
/** `next` is published and will sign, `active` signs, `retiring` is published only, `withdrawn` is not published. */
export type SigningKeyState = 'next' | 'active' | 'retiring' | 'withdrawn';

export interface RotationPolicy {
  readonly rotateEveryMs: number;
  readonly publishAheadMs: number;
  /** The algorithm of new keys. A key of another algorithm gets a successor. Undefined while it is not known. */
  readonly algorithm: string | undefined;
  /** A command of an administrator: keys that were made before this time get a successor. */
  readonly renewOlderThan: number | undefined;
}

/** How long a key is published after its successor began to sign: the longest token (1 h) and one hour to spare. */
export const RETIREMENT_MS = 2 * 3_600_000;

export function stateOf(key: ScheduledKey, all: readonly ScheduledKey[], now: number): SigningKeyState {
  if (!isPublished(key, now)) return 'withdrawn';
  if (key.signsFrom > now) return 'next';
  return activeOf(all, now)?.kid === key.kid ? 'active' : 'retiring';
}

/**
 * The key that signs: the last one whose time has come. None if that was withdrawn, since no retiring key comes back.
 */
export function activeOf(all: readonly ScheduledKey[], now: number): ScheduledKey | undefined {
  const last = newestFirst(all.filter(everSigns)).find(({ signsFrom }) => signsFrom <= now);
  return last && isPublished(last, now) ? last : undefined;
}

export type RotationStep =
  /** Make a key that signs from `signsFrom` on. */
  | { readonly type: 'create'; readonly signsFrom: number }
  /** No key signs: let the published next one sign now. */
  | { readonly type: 'promote'; readonly kid: string };

/** The step that is due now, if any. A first key signs at once, and so does one that replaces a withdrawn key. */
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

/** When a key is to be withdrawn: `RETIREMENT_MS` after its successor began to sign. Undefined without a successor. */
export function retiresAt(key: ScheduledKey, all: readonly ScheduledKey[]): number | undefined {
  const successor = newestFirst(all.filter(everSigns)).findLast(({ signsFrom }) => signsFrom > key.signsFrom);
  return successor && successor.signsFrom + RETIREMENT_MS;
}

/** False for a key that was withdrawn before it signed. */
const everSigns = ({ signsFrom, withdrawnAt }: ScheduledKey): boolean =>
  withdrawnAt === undefined || withdrawnAt > signsFrom;
const isPublished = ({ withdrawnAt }: ScheduledKey, now: number): boolean =>
  withdrawnAt === undefined || withdrawnAt > now;
const newestFirst = (keys: readonly ScheduledKey[]): ScheduledKey[] =>
  keys.toSorted((one, other) => other.signsFrom - one.signsFrom);
