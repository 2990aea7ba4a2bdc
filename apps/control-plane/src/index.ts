/** The control plane: configuration, revocations, the trail, credential leases and connect pages, as one service to start. */
export { startControlPlane } from './start-control-plane.js';
export type { ControlPlaneAdapters } from './start-control-plane.js';
export { eventRetention } from './config.js';
export type { ControlPlaneConfig } from './config.js';
