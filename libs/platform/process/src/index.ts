/**
 * A service and the process it runs in: what it opens is closed in reverse order, its periodic work, its readiness, the
 * health server, the environment all services share, and the body of their `main.ts`. What a service is made of stays
 * in its app. Neighbours: `@sallyport/http`, whose listeners these are, and the apps.
 */
export { processVariables } from './process-variables.js';
export type { ProcessEnvironment } from './process-variables.js';
export { keepCertificate } from './keep-certificate.js';
export { certificateFilesOf, tlsVariables } from './tls-variables.js';
export { runService } from './run-service.js';
export type { ServiceAdapters } from './run-service.js';
export { startHealthServer } from './health-server.js';
export type { HealthServer, HealthSubject } from './health-server.js';
export { runProcess } from './run-process.js';
export type { ProcessHost, ProcessScope, RunProcessOptions } from './run-process.js';
export { whileDue } from './repeat.js';
export type { PeriodicTask } from './repeat.js';
export { combineReadiness, configurationReadiness, degraded, notReady } from './running-service.js';
export type { Readiness, RunningService } from './running-service.js';
export { reportReplica } from './report-replica.js';
export type { ReportOptions } from './report-replica.js';
export { startService } from './service-scope.js';
export type { ServiceScope, ServiceStart } from './service-scope.js';
export { observeConfiguration } from './observe-configuration.js';
