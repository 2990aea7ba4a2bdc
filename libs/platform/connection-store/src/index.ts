/**
 * Stores on PostgreSQL: connections, the health of their providers, the grants of removed connections that providers
 * are still to revoke, and our registrations at other authorization servers. This library is the one writer of
 * `Connection`, `ProviderHealth` and `UpstreamRevocation`; the control plane and the refresh worker use it.
 * `outbound/connection` defines a connection and its fence. Callers seal a credential before they store it.
 */
export { createClientLookup, documentClient, findStoredSecret } from './client-lookup.js';
export type { ClientLookupContext } from './client-lookup.js';
export { connectionColumn, upstreamRevocationColumn } from './connection-column.js';
export { measureConnections } from './measure-connections.js';
export { observeRefreshes } from './observe-refreshes.js';
export { PostgresProviderHealthStore } from './postgres-provider-health-store.js';
export { PostgresConnectionStore } from './postgres-connection-store.js';
export { PostgresUpstreamRevocations } from './postgres-upstream-revocations.js';
export { ClientRegistrations } from './client-registrations.js';
export type { SeenRegistrations } from './client-registrations.js';
export { openRegistration, openRegistrations, registrationColumn, sealRegistration } from './stored-registration.js';
