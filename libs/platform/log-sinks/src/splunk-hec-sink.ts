import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { Secret } from '@sallyport/kernel';
import { z } from 'zod';
import { deliveredBy, isUnanswered, post, saidBy, type Fetch, type HttpAnswer } from './http-answer.js';
import { MEBIBYTE, nothingToClose, type Delivered, type LogSink, type SinkRecord } from './log-sink.js';

export interface SplunkHecOptions {
  /** The origin of the collector, e.g. `https://http-inputs-example.splunkcloud.com`. */
  readonly url: string;
  readonly token: Secret;
  /** The token has indexer acknowledgement: nothing counts as taken before an indexer has it on disk. */
  readonly isAcknowledged: boolean;
  /** `host` of every event. */
  readonly host: string;
  readonly source: string;
  readonly sourcetype: string;
  /** The token's own unless said. */
  readonly index: string | undefined;
  readonly fetch: Fetch;
  /** How often acknowledgement is asked for, and for how long, in milliseconds; 1 000 and 120 000 by default. */
  readonly pollMs?: number;
  readonly acknowledgedWithinMs?: number;
}

const LIMITS = { records: 5_000, bytes: 2 * MEBIBYTE, waitMs: 0 };
const POLL_MS = 1_000;
const ACKNOWLEDGED_WITHIN_MS = 120_000;

/** "Possible error codes" of the HTTP event collector: those about an event, and not about the token or the index. */
const OF_EVENTS: ReadonlySet<number> = new Set([6, 12, 13, 15]);

const CollectorAnswer = z.object({
  code: z.number().optional(),
  ackId: z.number().optional(),
  'invalid-event-number': z.int().min(0).optional(),
});
type CollectorAnswer = z.infer<typeof CollectorAnswer>;
const Acknowledgements = z.object({ acks: z.record(z.string(), z.boolean()) });

/** The HTTP event collector of Splunk: events as JSON, and its indexers' acknowledgement where the token has it. */
export function openSplunkHec(options: SplunkHecOptions): LogSink {
  const { url, token, isAcknowledged, fetch } = options;
  const collector = `${url.replace(/\/+$/, '')}/services/collector`;
  const channel = randomUUID();
  const headers = {
    authorization: `Splunk ${token.reveal()}`,
    'content-type': 'application/json',
    ...(isAcknowledged && { 'x-splunk-request-channel': channel }),
  };
  const askAcknowledged = async (ackId: number, signal: AbortSignal): Promise<boolean> => {
    const body = JSON.stringify({ acks: [ackId] });
    const answer = await post(fetch, `${collector}/ack?channel=${channel}`, { headers, body, signal });
    if (isUnanswered(answer) || answer.status !== 200) return false;
    return Acknowledgements.safeParse(parsed(answer.text)).data?.acks[String(ackId)] === true;
  };
  return {
    limits: LIMITS,
    close: nothingToClose,
    async deliver(batch, signal): Promise<Delivered> {
      const body = batch.map((record) => eventOf(record, options)).join('\n');
      const answer = await post(fetch, `${collector}/event`, { headers, body, signal });
      if (isUnanswered(answer)) return answer;
      const collected = CollectorAnswer.safeParse(parsed(answer.text)).data ?? {};
      const delivered = meaningOf(answer, collected, batch.length);
      if (delivered.type !== 'taken' || !isAcknowledged) return delivered;
      const { ackId } = collected;
      if (ackId === undefined) return unavailable('hec_no_acknowledgement', NO_ACKNOWLEDGEMENT);
      const { pollMs = POLL_MS, acknowledgedWithinMs = ACKNOWLEDGED_WITHIN_MS } = options;
      for (let waited = 0; waited < acknowledgedWithinMs; waited += pollMs) {
        if (await askAcknowledged(ackId, signal))
          return { type: 'taken', said: `${delivered.said}, and acknowledged it` };
        await wait(pollMs, undefined, { signal });
      }
      return unavailable(
        'hec_not_acknowledged',
        `No indexer acknowledged it within ${acknowledgedWithinMs / 1_000} s.`,
      );
    },
  };
}

const NO_ACKNOWLEDGEMENT =
  'The collector gave no acknowledgement id: switch indexer acknowledgement on for the token, ' +
  'or set `acknowledgement: false`.';

const unavailable = (reason: string, said: string): Delivered => ({ type: 'unavailable', taken: 0, reason, said });

/** A 400 is about an event only with some of the collector's codes; with others token, channel or index are wrong. */
function meaningOf(answer: HttpAnswer, { code, ...more }: CollectorAnswer, records: number): Delivered {
  const delivered = deliveredBy(answer);
  if (delivered.type !== 'refused' || delivered.isTooLarge) return delivered;
  const reason = code === undefined ? delivered.reason : `hec_${code}`;
  if (code !== undefined && !OF_EVENTS.has(code)) return unavailable(reason, saidBy(answer));
  const invalid = more['invalid-event-number'];
  return { ...delivered, reason, at: invalid !== undefined && invalid < records ? invalid : undefined };
}

function eventOf({ at, body }: SinkRecord, { host, source, sourcetype, index }: SplunkHecOptions): string {
  const about = JSON.stringify({ time: at / 1_000, host, source, sourcetype, index });
  return `${about.slice(0, -1)},"event":${body}}`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // a proxy's page, or nothing
  }
}
