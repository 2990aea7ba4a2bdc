/**
 * Connections and stores for tests, and the suites that every store must pass.
 */
export { aConnection, connectionStoreContract } from './connection-store.contract.js';
export { MemoryConnectionStore } from './memory-connection-store.js';
export { MemoryProviderHealthStore } from './memory-provider-health-store.js';
export { aProviderHealth, providerHealthStoreContract } from './provider-health-store.contract.js';
