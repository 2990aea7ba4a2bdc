import type { CredentialChanged, LifecycleRecord } from '@sallyport/messages';
import type { OAuthClient } from '@sallyport/oauth';
import type { ProviderChange } from './ask-provider.js';
import type { RefreshResult } from './refresh-connection.js';

/** What is said about a refresh: to the trail, and to the gateways that hold a lease on the old credential. */
export interface RefreshReport {
  readonly record: Omit<LifecycleRecord, 'v' | 'id' | 'replica' | 'at'>;
  readonly changed: CredentialChanged | null;
}

/** `undefined` when nothing happened that concerns anybody. */
export function describeRefresh(result: RefreshResult): RefreshReport | undefined {
  if (result.type === 'held' || result.type === 'gone' || result.type === 'paused') return undefined;
  const { id, userId, server, revision } = result.connection;
  const about = { ...(userId === null ? {} : { userId }), server, connectionId: id };
  const changed: CredentialChanged = { v: 1, connectionId: id, userId, server, connectionRevision: revision };
  switch (result.type) {
    case 'fresh':
      return result.byUs
        ? { record: { type: 'connection.refreshed', ...about, detail: { revision } }, changed }
        : undefined;
    case 'failed': {
      const { outcome, change } = result;
      const said =
        outcome.type === 'provider_failed' && outcome.description !== null ? { description: outcome.description } : {};
      return {
        record: {
          type: 'connection.refresh_failed',
          ...about,
          reason: reasonOf(outcome),
          detail: { failures: change.refreshFailures, ...said },
        },
        changed: null,
      };
    }
    case 'needs_reconnect': {
      const said = typeof result.description === 'string' ? { detail: { description: result.description } } : {};
      return result.newly
        ? { record: { type: 'connection.needs_reconnect', ...about, reason: result.reason, ...said }, changed }
        : undefined;
    }
  }
}

/** The provider's own code where it said one, else ours. */
function reasonOf(outcome: Extract<RefreshResult, { type: 'failed' }>['outcome']): string {
  return outcome.type === 'misconfigured' ? outcome.error : (outcome.error ?? outcome.reason);
}

/** What is said about a provider as a whole. */
export function describeProviderChange(change: ProviderChange): RefreshReport['record'] {
  const { credentialProvider, issuer, health } = change;
  const { reason, error, description, failures, pausedSince, nextProbeAt } = health;
  const about = {
    credentialProvider,
    issuer,
    ...(error === null ? {} : { error }),
    ...(description === null ? {} : { description }),
  };
  if (change.type === 'resumed')
    return {
      type: 'credential-provider.resumed',
      reason: change.because,
      detail: { credentialProvider, issuer, ...(pausedSince === null ? {} : { pausedSince: isoOf(pausedSince) }) },
    };
  return {
    type: 'credential-provider.paused',
    reason,
    detail: { ...about, failures, ...(nextProbeAt === null ? {} : { nextProbeAt: isoOf(nextProbeAt) }) },
  };
}

/** A registration at an authorization server ended: the server forgot it, or an administrator dropped it. */
export function describeDropped(
  { issuer, clientId }: Pick<OAuthClient, 'issuer' | 'clientId'>,
  reason: 'client_forgotten' | 'administrator',
): RefreshReport['record'] {
  return { type: 'client-registration.dropped', reason, detail: { issuer, oauthClientId: clientId } };
}

const isoOf = (ms: number) => new Date(ms).toISOString();
