import type { WithdrawalRequest } from '@sallyport/admin-api';
import type { ConfigurationPublisher } from '../configuration/configuration-publisher.js';
import { publishedInTime } from '../configuration/published-in-time.js';
import type { RecordEvent } from '@sallyport/trail';
import type { PostgresRevocationStore } from '../revocation/revocation-store.js';
import type { ListedSigningKey, SigningKeyList } from './signing-key-list.js';

export type WithdrawalResult =
  | { type: 'withdrawn'; key: ListedSigningKey; /** It was withdrawn already. */ isRepeated: boolean }
  /** Refused: a typing error would otherwise look like a success. */
  | { type: 'unknown_key' }
  /** Recorded, but the bus cannot be reached; it follows by itself. */
  | { type: 'not_published' };

export interface WithdrawalContext {
  readonly list: SigningKeyList;
  readonly store: PostgresRevocationStore;
  readonly publisher: Pick<ConfigurationPublisher, 'flush'>;
  readonly lifecycle: RecordEvent;
}

/**
 * For a key somebody else may have: nothing it signed, or signs, counts any more (S5). Travels as a revocation, so
 * every gateway forgets what it had verified with it well under a second later, and the authorization server, which
 * follows the same log, signs with another key from then on. Agents refresh; their refresh tokens are no signatures and
 * stay good.
 */
export async function withdrawSigningKey(
  { kid, reason }: WithdrawalRequest,
  { list, store, publisher, lifecycle }: WithdrawalContext,
): Promise<WithdrawalResult> {
  const key = await list.find(kid);
  if (!key) return { type: 'unknown_key' };
  const revocation = await store.withdrawSigningKey(kid, reason);
  const published = await publishedInTime(publisher);
  if (revocation)
    await lifecycle({
      type: 'signing_key.withdrawn',
      ...(reason !== undefined && { reason }),
      detail: { kid, purpose: key.purpose, revocationId: revocation.id, revision: revocation.revision },
    });
  if (!published) return { type: 'not_published' };
  return { type: 'withdrawn', key: { ...key, state: 'withdrawn' }, isRepeated: revocation === undefined };
}
