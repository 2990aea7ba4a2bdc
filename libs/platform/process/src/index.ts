/**
 * One service as a process of its own: the environment all services share and the body of their `main.ts`. What the
 * service is stays in its app; `standalone` has no use for this, since it holds the four in one process.
 */
export { processVariables } from './process-variables.js';
export type { ProcessEnvironment } from './process-variables.js';
export { runService } from './run-service.js';
export type { ServiceAdapters } from './run-service.js';
