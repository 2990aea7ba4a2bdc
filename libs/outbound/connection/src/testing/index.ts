/**
 * Connections and stores for tests, and the suites that every store must pass.
 */
export { aConnection, connectionStoreContract } from './connection-store.contract.js';
export { MemoryConnectionStore } from './memory-connection-store.js';
export { MemoryProviderStandings } from './memory-provider-standings.js';
export { aStanding, providerStandingsContract } from './provider-standings.contract.js';
