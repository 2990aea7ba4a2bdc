import type { CredentialChanged, LifecycleRecord } from '@sallyport/messages';
import type { RefreshResult } from './refresh-connection.js';

/** What is said about a refresh: to the trail, and to the gateways that hold a lease on the old credential. */
export interface RefreshReport {
  readonly record: Omit<LifecycleRecord, 'v' | 'id' | 'replica' | 'at'>;
  readonly changed: CredentialChanged | null;
}

/** `undefined` when nothing happened that concerns anybody. */
export function describeRefresh(result: RefreshResult): RefreshReport | undefined {
  if (result.type === 'held' || result.type === 'gone') return undefined;
  const { id, userId, server, revision } = result.connection;
  const about = { ...(userId === null ? {} : { userId }), server, connectionId: id };
  const changed: CredentialChanged = { v: 1, connectionId: id, userId, server, connectionRevision: revision };
  switch (result.type) {
    case 'fresh':
      return result.byUs ? { record: { type: 'connection.refreshed', ...about, detail: { revision } }, changed } : undefined;
    case 'failed':
      return { record: { type: 'connection.refresh_failed', ...about, reason: result.outcome.type === 'provider_fault' ? result.outcome.error : 'transient', detail: { failures: result.change.refreshFailures } }, changed: null };
    case 'needs_reconnect':
      return result.newly ? { record: { type: 'connection.needs_reconnect', ...about, reason: result.reason }, changed } : undefined;
  }
}
