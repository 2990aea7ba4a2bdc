import type { LeaseOutcome, LeaseRefusal, RequestSigning } from '@sallyport/messages';
import type { ProviderFailureReason } from '@sallyport/oauth';

/** A lease lives this long at most, in seconds (security rule S21). */
export const MAX_LEASE_SECONDS = 900;

export interface GrantedLease {
  readonly type: 'granted';
  readonly headers: Readonly<Record<string, string>>;
  readonly signings?: readonly RequestSigning[];
  readonly clientCertificate?: NonNullable<Extract<LeaseOutcome, { type: 'granted' }>['clientCertificate']>;
  readonly connectionId: string | null;
  readonly connectionRevision: number;
  readonly expiresInSeconds: number;
}

/** What a credential provider kind answers. Refusals are for the user to mend, or for time; what is broken throws. */
export type ProviderLease =
  | GrantedLease
  | {
      readonly type: 'connect_required';
      readonly reason: Exclude<ConnectReason, 'more_scopes'>;
      /** Of the connection that does not serve; 0 when there is none. */ readonly connectionRevision: number;
    }
  /** It serves, but not for what was asked: with all of these scopes it may (security rule S24). */
  | { readonly type: 'connect_required'; readonly reason: 'more_scopes'; readonly scopes: readonly string[] }
  | {
      readonly type: 'provider_unavailable';
      readonly retryAfterSeconds: number;
      /** Why, where it is known that the provider's last answer was no proper one. */ readonly reason?:
        | ProviderFailureReason
        | undefined;
      /** Milliseconds since the epoch: nobody is asked for since then. */ readonly pausedSince?: number | undefined;
    };

/** Nobody can mend it by connecting, and time does not either. */
export interface ProviderRefusal {
  readonly type: 'refused';
  readonly reason: LeaseRefusal;
  /** For the user, where somebody can do something about it. */
  readonly message?: string;
}

/** `agent_not_consented`: there is a connection, but this agent may not use it yet (S3). */
export type ConnectReason = 'not_connected' | 'needs_reconnect' | 'agent_not_consented' | 'more_scopes';
