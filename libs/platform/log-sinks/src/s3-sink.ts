import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Clock, Secret } from '@sallyport/kernel';
import { AwsV4Signer } from 'aws4fetch';
import { deliveredBy, isUnanswered, post, type Fetch } from './http-answer.js';
import { MEBIBYTE, nothingToClose, type Delivered, type LogSink, type SinkRecord } from './log-sink.js';

export interface S3Options {
  /** E.g. `https://s3.eu-central-1.amazonaws.com`. The bucket is in the path. */
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  /** Before the keys of all objects, e.g. `sallyport/`; or nothing. */
  readonly prefix: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: Secret;
  /** How long events are gathered for one object, unless there are enough of them before. */
  readonly waitMs: number;
  readonly fetch: Fetch;
  readonly clock: Clock;
}

const RECORDS = 5_000;
const compress = promisify(gzip);

/**
 * Gzipped NDJSON in a bucket, by the hour in which events happened:
 * `<prefix>date=2026-11-30/hour=20/20261130T201500123Z-<digest>.ndjson.gz`. The digest is of the ids inside, so that a
 * batch that is sent again replaces itself.
 */
export function openS3(options: S3Options): LogSink {
  return {
    limits: { records: RECORDS, bytes: 8 * MEBIBYTE, waitMs: options.waitMs },
    close: nothingToClose,
    async deliver(batch, signal) {
      const hours = Map.groupBy(batch, ({ at }) => hourOf(at));
      for (const [hour, records] of hours) {
        const delivered = await putObject({ hour, records }, options, signal);
        if (delivered.type !== 'taken') return delivered;
      }
      return { type: 'taken', said: `Wrote ${hours.size} objects to the bucket ${options.bucket}.` };
    },
  };
}

async function putObject(
  { hour, records }: { readonly hour: string; readonly records: readonly SinkRecord[] },
  options: S3Options,
  signal: AbortSignal,
): Promise<Delivered> {
  const { endpoint, bucket, region, prefix, accessKeyId, secretAccessKey, fetch, clock } = options;
  const body = new Uint8Array(await compress(records.map((record) => `${record.body}\n`).join('')));
  const key = `${prefix}${hour}/${nameOf(records)}.ndjson.gz`;
  const path = [bucket, ...key.split('/')].map(encodeURIComponent).join('/');
  const signed = await new AwsV4Signer({
    method: 'PUT',
    url: `${endpoint.replace(/\/+$/, '')}/${path}`,
    headers: {
      'content-type': 'application/gzip',
      'x-amz-content-sha256': createHash('sha256').update(body).digest('hex'),
    },
    body,
    accessKeyId,
    secretAccessKey: secretAccessKey.reveal(),
    service: 's3',
    region,
    datetime: new Date(clock()).toISOString().replace(/[-:]|\.\d{3}/g, ''),
  }).sign();
  const headers = Object.fromEntries(new Headers(signed.headers));
  const answer = await post(fetch, signed.url.href, { method: 'PUT', headers, body, signal });
  const delivered = deliveredBy(answer);
  if (delivered.type !== 'refused' || isUnanswered(answer)) return delivered;
  const { reason, said, isTooLarge } = delivered;
  if (isTooLarge || answer.text.includes('<Code>EntityTooLarge</Code>')) return { ...delivered, isTooLarge: true };
  // A bucket knows nothing of what is in an object: what it refuses is about its key, its region or the request.
  return { type: 'unavailable', taken: 0, reason, said };
}

/** E.g. `date=2026-11-30/hour=20`, which query engines read as a partition. */
function hourOf(at: number): string {
  const [date = '', time = ''] = new Date(at).toISOString().split('T');
  return `date=${date}/hour=${time.slice(0, 2)}`;
}

/** Sorts by when the first event happened. */
function nameOf(records: readonly SinkRecord[]): string {
  const first = new Date(records[0]?.at ?? 0).toISOString().replace(/[-:.]/g, '');
  const digest = createHash('sha256').update(records.map(({ id }) => `${id}\n`).join(''));
  return `${first}-${digest.digest('hex').slice(0, 16)}`;
}
