import { backOff } from './back-off.js';
import { refreshDueAt } from './due-time.js';
import type { ProviderFailure } from '@sallyport/oauth';

/**
 * - `connected`: the grant is good as far as we know. A provider that fails does not change that: the failure shows in
 *   the health of the provider (`provider-breaker.ts`), and at most puts off this connection's next attempt.
 * - `misconfigured`: our configuration of the provider lacks what a refresh needs. The grant is kept; an administrator
 *   has to act. (A provider that answers with a fault leaves a connection `connected`.)
 * - `needs_reconnect`: the grant is gone for good; only the user can make a new one. Nothing leads out of it but that.
 */
export type ConnectionState = 'connected' | 'misconfigured' | 'needs_reconnect';

export type RefreshOutcome =
  | {
      readonly type: 'refreshed';
      /** Milliseconds since the epoch; `null` when the token has no end. */ readonly accessExpiresAt: number | null;
    }
  /** 5xx, 429, timeouts, no connection, senseless answers, and every refusal of our client rather than of the grant. */
  | ({
      readonly type: 'provider_failed';
      /** Since the refresh token was sent without an answer that says whether it was spent. */
      readonly unansweredForMs?: number | undefined;
    } & ProviderFailure)
  /** Nothing was asked: what the grant was made with is not configured, or we are not that client any more. */
  | { readonly type: 'misconfigured'; readonly error: 'not_configured' | 'client_unknown' }
  /** `invalid_grant`, confirmed by a second look. */
  | {
      readonly type: 'dead_grant';
      /** In the provider's own words, free of secrets. */ readonly description: string | null;
    };

export interface CurrentState {
  readonly state: ConnectionState;
  readonly refreshFailures: number;
}

export interface StateChange extends CurrentState {
  /** Milliseconds since the epoch; `null` when there is nothing to do by itself. */
  readonly refreshDueAt: number | null;
  readonly event: 'connection.refreshed' | 'connection.refresh_failed' | 'connection.needs_reconnect';
}

const MISCONFIGURED_PAUSE_MS = 10 * 60_000;

/**
 * The table of states after a refresh. However often a provider fails, its failures neither end a grant nor show in the
 * state of a connection (B4). `refresh-connection.ts` asks only for connections that may be refreshed.
 */
export function nextConnectionState(
  current: CurrentState,
  outcome: RefreshOutcome,
  { now, random }: { now: number; random: number },
): StateChange {
  const refreshFailures = current.refreshFailures + 1;
  switch (outcome.type) {
    case 'refreshed':
      return {
        state: 'connected',
        refreshFailures: 0,
        refreshDueAt: refreshDueAt({ obtainedAt: now, expiresAt: outcome.accessExpiresAt, random }),
        event: 'connection.refreshed',
      };
    case 'provider_failed': {
      // A refusal of our client has nothing to do with this connection: who mends it mends it for all at once.
      const failures = outcome.reason === 'client_refused' ? current.refreshFailures : refreshFailures;
      const wait = backOff({
        failures: Math.max(1, failures),
        random,
        retryAfterMs: outcome.retryAfterMs,
        unansweredForMs: outcome.unansweredForMs,
      });
      return {
        state: 'connected',
        refreshFailures: failures,
        refreshDueAt: now + wait,
        event: 'connection.refresh_failed',
      };
    }
    case 'misconfigured':
      return {
        state: 'misconfigured',
        refreshFailures,
        refreshDueAt: now + Math.round(MISCONFIGURED_PAUSE_MS * (1 + random / 2)),
        event: 'connection.refresh_failed',
      };
    case 'dead_grant':
      return { state: 'needs_reconnect', refreshFailures, refreshDueAt: null, event: 'connection.needs_reconnect' };
  }
}
