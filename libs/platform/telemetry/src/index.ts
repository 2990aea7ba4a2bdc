/**
 * What a process says about itself: structured log lines (pino) with secrets, tokens and query strings taken out, and
 * metrics (OpenTelemetry, read as Prometheus text). The audit trail is not here: that is `background/audit`.
 * Neighbours: every app makes one logger and one `Metrics` and passes them on; `@sallyport/http` serves `/metrics`.
 */
export { createLogger } from './create-logger.js';
export type { LoggerOptions } from './create-logger.js';
export type { Logger } from 'pino';
export { PinoNestLogger } from './pino-nest-logger.js';
export { redact, scrubText } from './redact.js';
export { createMetrics } from './metrics.js';
export type { BoundCounter, Counter, GaugeReading, Histogram, HistogramOptions, Metrics } from './metrics.js';
