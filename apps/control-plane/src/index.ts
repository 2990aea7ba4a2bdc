/** The control plane as one service to start: configuration, revocations, the trail, leases and connect pages. */
export { startControlPlane } from './start-control-plane.js';
export type { ControlPlaneAdapters } from './start-control-plane.js';
export { eventRetention } from './config.js';
export type { ControlPlaneConfig } from './config.js';
