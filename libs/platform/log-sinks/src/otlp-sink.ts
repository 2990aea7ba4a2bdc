import { z } from 'zod';
import { deliveredBy, isUnanswered, post, saidBy, type Fetch } from './http-answer.js';
import { MEBIBYTE, nothingToClose, type Delivered, type LogSink, type SinkRecord } from './log-sink.js';
import { logsData, type OtlpResource } from './otlp-logs.js';

export interface OtlpOptions {
  /** The whole address, e.g. `https://otlp.example/v1/logs`. */
  readonly url: string;
  /** With the one that proves who we are, if the receiver wants one. */
  readonly headers: Readonly<Record<string, string>>;
  readonly resource: OtlpResource;
  readonly fetch: Fetch;
}

const LIMITS = { records: 1_000, bytes: 2 * MEBIBYTE, waitMs: 0 };

/** Of ExportLogsServiceResponse, what we act on; numbers of 64 bits are texts in its JSON. */
const ExportAnswer = z.object({
  partialSuccess: z
    .object({ rejectedLogRecords: z.coerce.number().optional(), errorMessage: z.string().optional() })
    .optional(),
});

/**
 * OTLP/HTTP with JSON (OpenTelemetry protocol 1.x, ExportLogsServiceRequest). A receiver that keeps a part says how
 * many records it rejected, not which: they are sent again in smaller batches until it is known, and those it has
 * already are told apart by `log.record.uid`.
 */
export function openOtlp({ url, headers, resource, fetch }: OtlpOptions): LogSink {
  return {
    limits: LIMITS,
    close: nothingToClose,
    async deliver(batch: readonly SinkRecord[], signal: AbortSignal): Promise<Delivered> {
      const body = JSON.stringify(logsData(batch, resource));
      const answer = await post(fetch, url, {
        headers: { ...headers, 'content-type': 'application/json' },
        body,
        signal,
      });
      const delivered = deliveredBy(answer);
      if (delivered.type !== 'taken' || isUnanswered(answer)) return delivered;
      const rejected = rejectedOf(answer.text);
      if (rejected === 0) return delivered;
      return { type: 'refused', taken: 0, isTooLarge: false, reason: 'otlp_rejected', said: saidBy(answer) };
    },
  };
}

function rejectedOf(text: string): number {
  try {
    return ExportAnswer.parse(JSON.parse(text || '{}')).partialSuccess?.rejectedLogRecords ?? 0;
  } catch {
    return 0; // a 2xx whose body is none of OTLP's took the request all the same
  }
}
