/**
 * What every process needs to listen and to live: Nest on Fastify with limits, the host guard, security headers and
 * problem documents; the health server; the body of `main.ts`. It owns no route of the product. Neighbours: the apps,
 * which create their app here, and `@sallyport/telemetry`, whose logger and metrics it takes.
 */
export { closeNestApp, createNestApp, listen } from './create-nest-app.js';
export type { NestAppOptions } from './create-nest-app.js';
export { drainRequest } from './drain-request.js';
export { createHostGuard } from './host-guard.js';
export type { CorsOptions, GuardedRequest, HostGuardOptions, HostVerdict } from './host-guard.js';
export { ProblemFilter, toProblem } from './problem.js';
export type { Problem } from './problem.js';
export { startHealthServer } from './health-server.js';
export type { HealthServer } from './health-server.js';
export { runProcess } from './run-process.js';
export type { ProcessHost, ProcessScope, RunProcessOptions } from './run-process.js';
export { combineReadiness } from './running-service.js';
export type { Readiness, RunningService } from './running-service.js';
