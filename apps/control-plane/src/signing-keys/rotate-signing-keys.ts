import type { RotationRequest } from '@sallyport/admin-api';
import { signCommand } from '@sallyport/configuration/log';
import type { Clock } from '@sallyport/kernel';
import { subjects } from '@sallyport/messages';
import type { Requests } from '@sallyport/messaging';
import type { CryptoKey } from 'jose';
import { sendCommand } from '../send-command.js';
import type { RecordEvent } from '@sallyport/trail';
import type { ListedSigningKey, SigningKeyList } from './signing-key-list.js';

export type RotationResult =
  /** `created` may be none: the successor was under way already, or no key is older. */
  | { type: 'rotated'; keys: readonly ListedSigningKey[]; created: readonly string[] }
  /** Nothing has happened; to be asked again. */
  | { type: 'unavailable'; reason: 'no_answer' | 'not_ready' | 'refused' };

/** A key of several thousand bits takes its time on a busy machine. */
const ANSWER_TIMEOUT_MS = 20_000;

export interface RotationContext {
  readonly messaging: Pick<Requests, 'request'>;
  readonly signingKey: CryptoKey;
  readonly list: SigningKeyList;
  readonly lifecycle: RecordEvent;
  readonly clock: Clock;
}

/**
 * Has the authorization server, the one writer of signing keys, make successors: published at once, signing after the
 * configured notice, while the keys before them go on verifying until the longest token has expired (B7).
 */
export async function rotateSigningKeys(
  { purposes, olderThan, reason }: RotationRequest,
  { messaging, signingKey, list, lifecycle, clock }: RotationContext,
): Promise<RotationResult> {
  const now = clock();
  const before = new Set((await list.read()).map(({ kid }) => kid));
  const command = await signCommand(
    {
      v: 1,
      type: 'rotate-signing-keys',
      purposes,
      olderThan: Math.min(now, olderThan === undefined ? now : Date.parse(olderThan)),
      issuedAt: now,
    },
    signingKey,
  );
  const answer = await sendCommand(messaging, {
    subject: subjects.rotateSigningKeys,
    command,
    timeoutMs: ANSWER_TIMEOUT_MS,
  });
  if (answer !== 'done') return { type: 'unavailable', reason: answer };
  const keys = (await list.read()).filter(({ purpose }) => purposes.some((one) => one === purpose));
  const created = keys.map(({ kid }) => kid).filter((kid) => !before.has(kid));
  await lifecycle({
    type: 'signing_key.rotation_requested',
    ...(reason !== undefined && { reason }),
    detail: { purposes: purposes.join(' '), created: created.join(' ') },
  });
  return { type: 'rotated', keys, created };
}
