/**
 * The log and the metrics of a process: structured lines (pino) without secrets, tokens and query strings, and
 * OpenTelemetry metrics in Prometheus' text format. The audit trail is in `background/audit`. Every app makes one
 * logger and one `Metrics` and passes them on; the health server of `@sallyport/process` serves `/metrics`.
 */
export { createLogger } from './create-logger.js';
export type { LoggerOptions } from './create-logger.js';
export type { Logger } from 'pino';
export { redact, scrubText } from './redact.js';
export { createMetrics } from './metrics.js';
export type { BoundCounter, Counter, GaugeReading, Histogram, HistogramOptions, Metrics } from './metrics.js';
