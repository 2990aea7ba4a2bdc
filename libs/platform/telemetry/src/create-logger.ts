import { context, trace } from '@opentelemetry/api';
import { pino } from 'pino';
import type { DestinationStream, Logger } from 'pino';
import { redact, scrubText } from './redact.js';

export interface LoggerOptions {
  /** The process or service: `gateway`, `control-plane`, … */
  readonly name: string;
  readonly level: string;
  /** Standard output by default. */
  readonly destination?: DestinationStream;
}

/**
 * Creates a logger that writes one JSON object a line. It removes secrets, query strings and whatever looks like a
 * token from fields, messages and errors (S30). An error's code is in `errorCode`, because `code` would be an OAuth
 * code.
 */
export function createLogger({ name, level, destination }: LoggerOptions): Logger {
  const options = {
    name,
    level,
    base: { pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: {
      level: (label: string) => ({ level: label }),
      log: (fields: Record<string, unknown>) => redact(fields) as Record<string, unknown>,
    },
    // `formatters.log` has reduced errors already.
    serializers: { err: (value: unknown) => value },
    hooks: {
      logMethod(
        this: Logger,
        inputs: Parameters<Logger['info']>,
        method: (...inputs: Parameters<Logger['info']>) => void,
      ) {
        const scrubbed = inputs.map((input: unknown) =>
          typeof input === 'string'
            ? scrubText(input)
            : input instanceof Error
              ? { err: input, msg: scrubText(input.message) }
              : input,
        );
        method.apply(this, scrubbed as Parameters<Logger['info']>);
      },
    },
    mixin: () => {
      const span = trace.getSpanContext(context.active());
      return span ? { traceId: span.traceId, spanId: span.spanId } : {};
    },
  };
  return destination ? pino(options, destination) : pino(options);
}
