/**
 * The log, the metrics and the traces of a process: structured lines (pino) without secrets, tokens and query strings,
 * OpenTelemetry metrics in Prometheus' text format, and OpenTelemetry spans. The audit trail is in `background/audit`.
 * Every app makes one logger, one `Metrics` and, where traces are on, one `Tracer`, and passes them on; the health
 * server of `@sallyport/process` serves `/metrics`. Only this lib knows OpenTelemetry.
 */
export { createLogger } from './create-logger.js';
export type { LoggerOptions } from './create-logger.js';
export type { Logger } from 'pino';
export { redact, scrubText } from './redact.js';
export { createMetrics } from './metrics.js';
export type { BoundCounter, Counter, GaugeReading, Histogram, Metrics } from './metrics.js';
export type { BoundHistogram, HistogramOptions } from './bound-histograms.js';
export { CappedNames } from './capped-names.js';
export { createTracer, errorTypeOf, inSpan } from './tracing/tracer.js';
export type { Span, SpanAttributes, SpanStart, Tracer } from './tracing/tracer.js';
export { traceFetch } from './tracing/trace-fetch.js';
export { startTracing } from './tracing/start-tracing.js';
