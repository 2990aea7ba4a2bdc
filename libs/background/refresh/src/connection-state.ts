import { backOff } from './back-off.js';
import { refreshDueAt } from './due-time.js';
import type { ProviderFailure } from './provider-breaker.js';

/**
 * - `connected`: the grant is good as far as we know. A provider that fails takes nothing from it: that is the provider's
 *   standing (`provider-breaker.ts`), and at most this connection's next attempt is put off.
 * - `provider_fault`: it cannot be refreshed as we are configured now; the grant is kept, an administrator is needed.
 * - `needs_reconnect`: the grant is gone for good; only the user can make a new one. Nothing leads out of it but that.
 */
export type ConnectionState = 'connected' | 'provider_fault' | 'needs_reconnect';

export type RefreshOutcome =
  | {
      readonly type: 'refreshed';
      /** Milliseconds since the epoch; `null` when the token has no end. */ readonly accessExpiresAt: number | null;
    }
  /** 5xx, 429, timeouts, no connection, answers that make no sense; and every refusal that is about us, not about the grant. */
  | ({
      readonly type: 'provider_failed';
      /** Since the refresh token was sent with no answer that says whether it was spent; absent: nothing is open. */ readonly unansweredForMs?:
        | number
        | undefined;
    } & ProviderFailure)
  /** Nothing was asked: what the grant was made with is not configured, or we are not that client any more. */
  | { readonly type: 'misconfigured'; readonly error: 'not_configured' | 'client_unknown' }
  /** `invalid_grant`, confirmed by a second look. */
  | {
      readonly type: 'dead_grant';
      /** In the provider's own words, free of secrets. */ readonly description: string | null;
    };

export interface ConnectionStanding {
  readonly state: ConnectionState;
  readonly refreshFailures: number;
}

export interface StateChange extends ConnectionStanding {
  /** Milliseconds since the epoch; `null` when there is nothing to do by itself. */
  readonly refreshDueAt: number | null;
  readonly event: 'connection.refreshed' | 'connection.refresh_failed' | 'connection.needs_reconnect';
}

const MISCONFIGURED_PAUSE_MS = 10 * 60_000;

/** The whole table. A fault of the provider never condemns a grant, nor shows in its state, however often it repeats (B4). */
export function nextConnectionState(
  current: ConnectionStanding,
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
        state: 'provider_fault',
        refreshFailures,
        refreshDueAt: now + Math.round(MISCONFIGURED_PAUSE_MS * (1 + random / 2)),
        event: 'connection.refresh_failed',
      };
    case 'dead_grant':
      return { state: 'needs_reconnect', refreshFailures, refreshDueAt: null, event: 'connection.needs_reconnect' };
  }
}
