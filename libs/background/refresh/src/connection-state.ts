import { backOff } from './back-off.js';
import { refreshDueAt } from './due-time.js';

/**
 * - `connected`: the last exchange with the provider worked.
 * - `retrying`: the provider does not answer properly; the grant is kept and tried again.
 * - `provider_fault`: the provider refuses *us* (client, configuration); grants are kept, an administrator is needed.
 * - `needs_reconnect`: the grant is gone for good; only the user can make a new one. Nothing leads out of it but that.
 */
export type ConnectionState = 'connected' | 'retrying' | 'provider_fault' | 'needs_reconnect';

export type RefreshOutcome =
  | { readonly type: 'refreshed'; /** Milliseconds since the epoch; `null` when the token has no end. */ readonly accessExpiresAt: number | null }
  /** 5xx, 429, timeouts, no connection, answers that make no sense. */
  | { readonly type: 'transient'; readonly retryAfterMs?: number | undefined; /** Since the refresh token was sent with no answer that says whether it was spent; absent: nothing is open. */ readonly unansweredForMs?: number | undefined }
  /** `invalid_client` and every other refusal that is about us, not about the grant. */
  | { readonly type: 'provider_fault'; readonly error: string }
  /** `invalid_grant`, confirmed by a second look. */
  | { readonly type: 'dead_grant' };

export interface ConnectionStanding {
  readonly state: ConnectionState;
  readonly refreshFailures: number;
}

export interface StateChange extends ConnectionStanding {
  /** Milliseconds since the epoch; `null` when there is nothing to do by itself. */
  readonly refreshDueAt: number | null;
  readonly event: 'connection.refreshed' | 'connection.refresh_failed' | 'connection.needs_reconnect';
}

const PROVIDER_FAULT_PAUSE_MS = 10 * 60_000;

/** The whole table. A fault of the provider never condemns a grant, however often it repeats (B4). */
export function nextConnectionState(current: ConnectionStanding, outcome: RefreshOutcome, { now, random }: { now: number; random: number }): StateChange {
  const refreshFailures = current.refreshFailures + 1;
  switch (outcome.type) {
    case 'refreshed':
      return { state: 'connected', refreshFailures: 0, refreshDueAt: refreshDueAt({ obtainedAt: now, expiresAt: outcome.accessExpiresAt, random }), event: 'connection.refreshed' };
    case 'transient':
      return { state: 'retrying', refreshFailures, refreshDueAt: now + backOff({ failures: refreshFailures, random, retryAfterMs: outcome.retryAfterMs, unansweredForMs: outcome.unansweredForMs }), event: 'connection.refresh_failed' };
    case 'provider_fault':
      return { state: 'provider_fault', refreshFailures, refreshDueAt: now + Math.round(PROVIDER_FAULT_PAUSE_MS * (1 + random / 2)), event: 'connection.refresh_failed' };
    case 'dead_grant':
      return { state: 'needs_reconnect', refreshFailures, refreshDueAt: null, event: 'connection.needs_reconnect' };
  }
}
