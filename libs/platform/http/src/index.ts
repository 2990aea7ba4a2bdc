/**
 * What every process needs to listen and to live: Nest on Fastify with limits, the host guard, security headers and
 * problem documents; the health server; the body of `main.ts`. It owns no route of the product. Neighbours: the apps,
 * which create their app here, and `@sallyport/telemetry`, whose logger and metrics it takes.
 */
export { closeNestApp, createNestApp, listen, listenerOf } from './create-nest-app.js';
export type { AppListener, NestAppOptions } from './create-nest-app.js';
export { addressOwner } from './address-owner.js';
export { bodyWords } from './body-refused.js';
export { DEFAULT_BODY_BYTES } from './bound-bodies.js';
export type { BodyRules } from './bound-bodies.js';
export { BytesInFlight } from './bytes-in-flight.js';
export type { BytesLimits, BytesRefusal, HeldBytes } from './bytes-in-flight.js';
export { drainRequest } from './drain-request.js';
export { createLimitedServer, DEFAULT_LIMITS, requestTimeoutFor } from './limited-server.js';
export type { ListenerLimits } from './limited-server.js';
export { ListenerWatch } from './listener-watch.js';
export type { TurnedAway } from './listener-watch.js';
export { readBody } from './read-body.js';
export type { BodyRefusal, BodyToRead } from './read-body.js';
export { createHostGuard } from './host-guard.js';
export type { CorsOptions, GuardedRequest, HostGuardOptions, HostVerdict } from './host-guard.js';
export { Unavailable } from './unavailable.js';
export type { UnavailableOptions } from './unavailable.js';
export { ProblemFilter, toProblem } from './problem.js';
export type { Problem } from './problem.js';
export { startHealthServer } from './health-server.js';
export type { HealthServer } from './health-server.js';
export { runProcess } from './run-process.js';
export type { ProcessHost, ProcessScope, RunProcessOptions } from './run-process.js';
export { combineReadiness } from './running-service.js';
export type { Readiness, RunningService } from './running-service.js';
