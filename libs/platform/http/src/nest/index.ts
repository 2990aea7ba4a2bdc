/**
 * Nest on a listener of ours, for the services that have pages and an administration. The gateway and the worker load
 * none of it.
 */
export { closeNestApp, createNestApp, listenerOf, listenNestApp } from './create-nest-app.js';
export type { NestAppOptions } from './create-nest-app.js';
