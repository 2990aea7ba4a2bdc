import type { Clock, Secret } from '@sallyport/kernel';
import { deliveredBy, post, type Fetch } from './http-answer.js';
import { MEBIBYTE, nothingToClose, type Delivered, type LogSink, type SinkRecord } from './log-sink.js';
import { signWebhook } from './sign-webhook.js';

export interface WebhookOptions {
  readonly url: string;
  /** `whsec_` and 24 to 64 bytes in base64. */
  readonly signingSecret: Secret;
  readonly fetch: Fetch;
  readonly clock: Clock;
}

const LIMITS = { records: 100, bytes: MEBIBYTE, waitMs: 0 };

/**
 * Posts each event as a message of its own, one after the other, signed as Standard Webhooks specifies. Any 2xx takes a
 * message.
 */
export function openWebhook({ url, signingSecret, fetch, clock }: WebhookOptions): LogSink {
  const send = async (record: SinkRecord, signal: AbortSignal): Promise<Delivered> => {
    const body = messageOf(record);
    const signature = signWebhook({ id: record.id, body, now: clock() }, signingSecret);
    if (signature === undefined)
      return { type: 'unavailable', taken: 0, reason: 'signing_secret_invalid', said: SECRET_WANTED };
    return deliveredBy(
      await post(fetch, url, { headers: { 'content-type': 'application/json', ...signature }, body, signal }),
    );
  };
  return {
    limits: LIMITS,
    close: nothingToClose,
    async deliver(batch, signal) {
      let said = '';
      for (const [taken, record] of batch.entries()) {
        const delivered = await send(record, signal);
        if (delivered.type === 'refused') return { ...delivered, taken, at: taken };
        if (delivered.type === 'unavailable') return { ...delivered, taken };
        said = delivered.said;
      }
      return { type: 'taken', said };
    },
  };
}

const SECRET_WANTED = 'The signing secret is not `whsec_` and 24 to 64 bytes in base64.';

/** The payload that Standard Webhooks recommends: what happened, when, and all there is to say about it. */
const messageOf = ({ type, at, body }: SinkRecord): string =>
  `{"type":${JSON.stringify(type)},"timestamp":"${new Date(at).toISOString()}","data":${body}}`;
