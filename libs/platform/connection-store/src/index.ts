/**
 * Connections, how their providers have been answering, what is to be revoked of removed ones, and our registrations at
 * other authorization servers, on PostgreSQL. The one writer of `Connection`, `ProviderStanding` and `UpstreamRevocation`, used
 * by the control plane (connect, lease, disconnect) and the refresh worker. What a connection is and how it is fenced
 * is `outbound/credential`'s; sealing happens before a row gets here.
 */
export { createClientLookup, documentClient, findStoredSecret } from './client-lookup.js';
export type { ClientLookupContext } from './client-lookup.js';
export { connectionColumn, upstreamRevocationColumn } from './connection-column.js';
export { PostgresProviderStandings } from './postgres-provider-standings.js';
export { PostgresConnectionStore } from './postgres-connection-store.js';
export { PostgresUpstreamRevocations } from './postgres-upstream-revocations.js';
export { openRegistration, registrationColumn, sealRegistration } from './stored-registration.js';
