import { z } from 'zod';
import { text } from '../admin/text.js';
import type { ConfigurationPublisher } from '../configuration/configuration-publisher.js';
import { publishedInTime } from '../configuration/published-in-time.js';
import type { LifecycleRecorder } from '../events/record-lifecycle.js';
import type { PostgresRevocationStore } from '../revocation/revocation-store.js';
import type { ListedSigningKey, SigningKeyList } from './signing-key-list.js';

export const WithdrawalRequest = z.strictObject({ kid: text(64), reason: text(500).optional() });

export type WithdrawalResult =
  | { outcome: 'withdrawn'; key: ListedSigningKey; /** It was withdrawn already. */ isRepeated: boolean }
  /** Refused: a typing error would otherwise look like a success. */
  | { outcome: 'unknown_key' }
  /** Recorded, but the bus cannot be reached; it follows by itself. */
  | { outcome: 'not_published' };

export interface WithdrawalContext {
  readonly list: SigningKeyList;
  readonly store: PostgresRevocationStore;
  readonly publisher: Pick<ConfigurationPublisher, 'flush'>;
  readonly lifecycle: LifecycleRecorder;
}

/**
 * For a key somebody else may have: nothing it signed, or signs, counts any more (S5). Travels as a revocation, so every
 * gateway forgets what it had verified with it well under a second later, and the authorization server, which follows the
 * same log, signs with another key from then on. Agents refresh; their refresh tokens are no signatures and stay good.
 * @throws {z.ZodError} when the request is not one
 */
export async function withdrawSigningKey(
  body: unknown,
  { list, store, publisher, lifecycle }: WithdrawalContext,
): Promise<WithdrawalResult> {
  const { kid, reason } = WithdrawalRequest.parse(body);
  const key = await list.find(kid);
  if (!key) return { outcome: 'unknown_key' };
  const revocation = await store.withdrawSigningKey(kid, reason);
  const published = await publishedInTime(publisher);
  if (revocation)
    await lifecycle({
      type: 'signing_key.withdrawn',
      ...(reason !== undefined && { reason }),
      detail: { kid, purpose: key.purpose, revocationId: revocation.id, revision: revocation.revision },
    });
  if (!published) return { outcome: 'not_published' };
  return { outcome: 'withdrawn', key: { ...key, state: 'withdrawn' }, isRepeated: revocation === undefined };
}
