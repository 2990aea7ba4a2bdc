import { z } from 'zod';
import { Duration, HttpUrl, SecretSource, ServerId } from './fields.js';

const EventPattern = z
  .string()
  .max(64)
  .regex(
    /^[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)*(\.\*)?$/,
    'must be a type of event, such as `token.issued`, or the beginning of some: `token.*`',
  );
const Filter = z.strictObject({
  types: z
    .array(EventPattern)
    .min(1)
    .max(64)
    .optional()
    .describe('Types of event, such as `token.issued`, or all that begin alike: `token.*`.'),
  servers: z.array(ServerId).min(1).max(256).optional().describe('Names of servers that an event is about.'),
  users: z
    .array(z.string().min(1).max(128))
    .min(1)
    .max(256)
    .optional()
    .describe('Ids of users that an event is about: `usr_…`.'),
  outcomes: z
    .array(z.enum(['success', 'failure', 'denied', 'pending']))
    .min(1)
    .max(4)
    .optional()
    .describe('How it ended.'),
});

/** Printable US-ASCII without spaces. */
const Word = (most: number) =>
  z
    .string()
    .max(most)
    .regex(/^[\x21-\x7e]+$/, 'must be printable US-ASCII without spaces');

const WebhookSink = z.strictObject({
  url: HttpUrl.describe('Where we post events.'),
  signingSecret: SecretSource.describe('What messages are signed with: `whsec_` and 24 to 64 bytes in base64.'),
});
const SyslogSink = z.strictObject({
  host: z
    .string()
    .max(253)
    .regex(/^[A-Za-z0-9.:-]+$/, 'must be a host name or an address')
    .describe('The receiver: a name or an address, which its certificate is for.'),
  port: z.int().min(1).max(65_535).default(6_514).describe('Its port.'),
  appName: Word(48).default('sallyport').describe('APP-NAME of each message.'),
  facility: z.int().min(0).max(23).default(13).describe('Facility of each message; 13 is "log audit".'),
  clientCertificate: z
    .strictObject({
      certificate: SecretSource.describe('The certificate, and those between it and the root, as PEM.'),
      privateKey: SecretSource.describe('Its private key, as PEM.'),
    })
    .optional()
    .describe('What we prove ourselves with, where the receiver asks for a certificate.'),
});
const OtlpSink = z.strictObject({
  url: HttpUrl.describe('The whole address, such as `https://otlp.example/v1/logs`.'),
  credential: z
    .strictObject({
      header: z
        .string()
        .max(64)
        .regex(/^[A-Za-z0-9-]+$/, 'must be a header name')
        .describe('The header it is sent in, such as `authorization` or `api-key`.'),
      secret: SecretSource.describe('The whole value of the header, such as `Bearer …`.'),
    })
    .optional()
    .describe('What the receiver knows us by.'),
});
const SplunkHecSink = z.strictObject({
  url: HttpUrl.describe('Where the collector is, without `/services/collector`.'),
  token: SecretSource.describe('The token of the collector.'),
  acknowledgement: z
    .boolean()
    .default(false)
    .describe('Whether the token has indexer acknowledgement. Then an event is delivered when an indexer has it.'),
  index: Word(128).optional().describe('The index; by default the token’s.'),
  source: Word(128).default('sallyport').describe('Source of each event.'),
  sourcetype: Word(128).default('_json').describe('Source type of each event.'),
});
const S3Sink = z.strictObject({
  endpoint: HttpUrl.describe('Such as `https://s3.eu-central-1.amazonaws.com`; the bucket goes into the path.'),
  bucket: z
    .string()
    .min(3)
    .max(63)
    .regex(/^[a-z0-9][a-z0-9.-]*[a-z0-9]$/, 'must be the name of a bucket')
    .describe('The bucket.'),
  region: Word(64).default('us-east-1').describe('The region requests are signed for.'),
  prefix: z
    .string()
    .max(256)
    .regex(/^([A-Za-z0-9_=.-]+\/)*$/, 'must be names, each followed by a slash')
    .default('')
    .describe('What the keys of all objects begin with, such as `sallyport/`.'),
  accessKeyId: Word(128).describe('The id of the access key.'),
  secretAccessKey: SecretSource.describe('The secret of the access key.'),
  gather: Duration.default('1m').describe('How long events are gathered for one object, unless 5000 come before.'),
});
const FileSink = z.strictObject({
  name: z
    .string()
    .max(128)
    .regex(/^[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$/, 'must be the name of a file, without a folder')
    .describe('The name of the file, in the folder of `SALLYPORT_LOG_STREAM_DIRECTORY`; `npm start` has one.'),
});

const Sinks = z.strictObject({
  webhook: WebhookSink.optional().describe('Messages signed as Standard Webhooks specifies, one for each event.'),
  syslog: SyslogSink.optional().describe('RFC 5424 messages over TLS (RFC 5425).'),
  otlp: OtlpSink.optional().describe('OpenTelemetry’s protocol: logs over HTTP, in JSON.'),
  splunkHec: SplunkHecSink.optional().describe('The HTTP event collector of Splunk.'),
  s3: S3Sink.optional().describe('Compressed NDJSON in a bucket of an S3-compatible service, by the hour.'),
  file: FileSink.optional().describe('NDJSON in a file of the control plane.'),
  stdout: z.strictObject({}).optional().describe('NDJSON on the standard output of the control plane: `{}`.'),
});

const OcsfVersion = z.enum(['1.8.0', '1.9.0']).describe('The version; 1.9.0 is its state of development.');

export const LogStreamSpec = z.strictObject({
  filter: Filter.optional().describe('Which events: one of each list that is there; all of them by default.'),
  shape: z
    .union([z.literal('native'), z.strictObject({ ocsf: OcsfVersion })])
    .default('native')
    .describe('How an event is written: `native` is as the API has it, `{ ocsf: 1.8.0 }` is OCSF in that version.'),
  start: z
    .enum(['now', 'beginning'])
    .default('now')
    .describe('Where a new stream begins: with what happens from now on, or with the oldest event there is.'),
  sink: Sinks.refine(
    (sinks) => Object.values(sinks).filter((sink) => sink !== undefined).length === 1,
    'must have exactly one of webhook, syslog, otlp, splunkHec, s3, file, stdout',
  ).describe('Where events go: exactly one.'),
});
