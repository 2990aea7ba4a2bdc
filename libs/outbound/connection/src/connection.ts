import type { ConnectionState } from './refresh/connection-state.js';

/**
 * A user's credential at one server, as stored. What the grant was made for is pinned: refreshing and revoking use
 * these values, never what the server says today (security rules S20, S25). Times in milliseconds since the epoch.
 */
export interface Connection {
  readonly id: string;
  /** `null`: all users share it; an administrator connected it. */
  readonly userId: string | null;
  readonly server: string;
  readonly credentialProvider: string;
  readonly state: ConnectionState;
  /** Goes up with every write of the credential; fences concurrent writers. */
  readonly revision: number;
  readonly issuer: string;
  readonly resource: string;
  readonly tokenEndpoint: string;
  readonly revocationEndpoint: string | null;
  /** Origin of the server's URL when the grant was made. */
  readonly targetOrigin: string;
  readonly clientId: string;
  readonly scopes: readonly string[];
  readonly sealedCredential: Uint8Array;
  readonly accessExpiresAt: number | null;
  readonly refreshDueAt: number | null;
  readonly refreshFailures: number;
  /** The account at the provider, if the provider says (S23): `accountId` stays the same, people read `accountName`. */
  readonly accountId: string | null;
  readonly accountName: string | null;
  /** To the minute. */
  readonly lastUsedAt: number | null;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** What may be shown to an administrator: nothing in it is secret. */
export type ConnectionSummary = Omit<Connection, 'sealedCredential'>;
