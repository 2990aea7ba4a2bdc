/** The OpenTelemetry SDK, in a module of its own: it takes a while to load, and a process without traces never does. */
export { diag } from '@opentelemetry/api';
export { envDetector, resourceFromAttributes } from '@opentelemetry/resources';
export { NodeSDK } from '@opentelemetry/sdk-node';
