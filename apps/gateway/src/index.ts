/**
 * The gateway: `/mcp`, the protected-resource metadata, and nothing an administrator would call. Stateless; reaches
 * neither a database nor a queue. Start reading at `request-path/handle-mcp-request.ts`.
 */
export { GatewayEnvironment, gatewayConfig, gatewayTuning, readGatewayEnvironment, tunedBy } from './config.js';
export type { GatewayConfig } from './config.js';
export { startGateway } from './start-gateway.js';
export type { GatewayAdapters } from './start-gateway.js';
