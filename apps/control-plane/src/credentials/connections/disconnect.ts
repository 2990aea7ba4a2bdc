import type { Connection, ConnectionStore } from '@sallyport/connection';
import type { CredentialChanged } from '@sallyport/messages';
import type { ConnectionConsents } from '../consents/connection-consents.js';
import type { RecordEvent } from '@sallyport/trail';
import { revokeOneUpstream, type RevokeRemovedContext } from './revoke-removed.js';

export interface DisconnectContext extends RevokeRemovedContext {
  readonly store: ConnectionStore;
  readonly consents: ConnectionConsents;
  readonly record: RecordEvent;
  readonly broadcastChanged: (changed: CredentialChanged) => Promise<void>;
  /** Voids their leases through the configuration log (S28), which no gateway can miss and go on. */
  readonly revokeLeases: (connectionIds: readonly string[]) => Promise<void>;
}

/**
 * `pending`: the provider has not confirmed the revocation (RFC 7009), and is asked until it does. `impossible`: the
 * provider offers no revocation, or not of this credential.
 */
export type RevokedUpstream = 'revoked' | 'pending' | 'impossible';
export type DisconnectResult =
  | { readonly type: 'not_found' }
  | { readonly type: 'removed'; readonly upstream: RevokedUpstream };

/** Removes a connection here first, then has its provider revoke it. The caller waits for one attempt. */
export async function disconnect(id: string, reason: string, context: DisconnectContext): Promise<DisconnectResult> {
  const [removed] = await drop([id], reason, HEAD_START_MS, context);
  if (!removed) return { type: 'not_found' };
  if (removed.revocationEndpoint === null) return { type: 'removed', upstream: 'impossible' };
  const settled = await revokeOneUpstream(id, HEAD_START_MS, context);
  return {
    type: 'removed',
    upstream: settled === 'revoked' ? 'revoked' : settled === 'given-up' ? 'impossible' : 'pending',
  };
}

/** Drops many; their providers are asked afterwards, in the background. @returns how many there were. */
export async function disconnectAll(
  ids: readonly string[],
  reason: string,
  context: DisconnectContext,
): Promise<number> {
  let removed = 0;
  for (let from = 0; from < ids.length; from += BATCH)
    removed += (await drop(ids.slice(from, from + BATCH), reason, 0, context)).length;
  return removed;
}

/** For this long who waits for the answer is the only one to ask. */
const HEAD_START_MS = 10_000;
/** As many leases are voided by one change set. */
const BATCH = 250;

async function drop(
  ids: readonly string[],
  reason: string,
  headStartMs: number,
  { store, consents, clock, record, broadcastChanged, revokeLeases }: DisconnectContext,
): Promise<Connection[]> {
  const removed: Connection[] = [];
  for (const id of ids) {
    const connection = await store.remove(id, { now: clock(), due: clock() + headStartMs });
    if (connection) removed.push(connection);
  }
  if (removed.length > 0) await revokeLeases(removed.map(({ id }) => id));
  for (const { id, userId, server, revision } of removed) {
    if (userId !== null) await consents.withdrawAll({ userId, server });
    await broadcastChanged({ v: 1, connectionId: id, userId, server, connectionRevision: revision + 1 });
    await record({
      type: 'connection.removed',
      ...(userId === null ? {} : { userId }),
      server,
      connectionId: id,
      reason,
    });
  }
  return removed;
}
