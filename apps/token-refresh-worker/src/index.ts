/**
 * Refreshes downstream credentials ahead of their expiry. Knows no agent and no request; the gateways hear what
 * changed.
 */
export { startTokenRefreshWorker } from './start-token-refresh-worker.js';
export type { TokenRefreshWorkerAdapters } from './start-token-refresh-worker.js';
export type { TokenRefreshWorkerConfig } from './config.js';
