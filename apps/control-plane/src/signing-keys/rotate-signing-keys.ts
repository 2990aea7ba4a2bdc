import { signCommand } from '@sallyport/configuration';
import { SallyportError, type Clock } from '@sallyport/kernel';
import { CommandAnswer, subjects } from '@sallyport/messages';
import { request, type Messaging } from '@sallyport/messaging';
import type { CryptoKey } from 'jose';
import { z } from 'zod';
import { text } from '../admin/text.js';
import type { LifecycleRecorder } from '../events/record-lifecycle.js';
import type { ListedSigningKey, SigningKeyList } from './signing-key-list.js';

const Purpose = z.enum(['access-token', 'downstream-token']);
export const RotationRequest = z.strictObject({
  purposes: z
    .array(Purpose)
    .min(1)
    .default([...Purpose.options]),
  /** Keys made before this moment get a successor; now, when it is left out. A request that may be repeated names it. */
  olderThan: z.iso.datetime({ offset: true }).optional(),
  reason: text(500).optional(),
});

export type RotationResult =
  /** `created` may be none: the successor was under way already, or no key is older. */
  | { outcome: 'rotated'; keys: readonly ListedSigningKey[]; created: readonly string[] }
  /** Nothing has happened; to be asked again. */
  | { outcome: 'unavailable'; reason: 'no_answer' | 'not_ready' | 'refused' };

/** A key of several thousand bits takes its time on a busy machine. */
const ANSWER_TIMEOUT_MS = 20_000;

export interface RotationContext {
  readonly messaging: Pick<Messaging, 'client'>;
  readonly signingKey: CryptoKey;
  readonly list: SigningKeyList;
  readonly lifecycle: LifecycleRecorder;
  readonly clock: Clock;
}

/**
 * Has the authorization server, the one writer of signing keys, make successors: published at once, signing after the
 * configured notice, while the keys before them go on verifying until the longest token has expired (B7).
 * @throws {z.ZodError} when the request is not one
 */
export async function rotateSigningKeys(
  body: unknown,
  { messaging, signingKey, list, lifecycle, clock }: RotationContext,
): Promise<RotationResult> {
  const { purposes, olderThan, reason } = RotationRequest.parse(body);
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
  let answer: CommandAnswer;
  try {
    answer = CommandAnswer.parse(
      await request(messaging.client(), subjects.rotateSigningKeys, { command }, { timeoutMs: ANSWER_TIMEOUT_MS }),
    );
  } catch (error) {
    if (error instanceof SallyportError) return { outcome: 'unavailable', reason: 'no_answer' };
    throw error;
  }
  if (answer.outcome !== 'done') return { outcome: 'unavailable', reason: answer.outcome };
  const keys = (await list.read()).filter(({ purpose }) => purposes.some((one) => one === purpose));
  const created = keys.map(({ kid }) => kid).filter((kid) => !before.has(kid));
  await lifecycle({
    type: 'signing_key.rotation_requested',
    ...(reason !== undefined && { reason }),
    detail: { purposes: purposes.join(' '), created: created.join(' ') },
  });
  return { outcome: 'rotated', keys, created };
}
