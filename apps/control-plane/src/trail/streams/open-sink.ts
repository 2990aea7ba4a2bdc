import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { durationMs, PRODUCT_VERSION, SallyportError, type Clock, type Secret } from '@sallyport/kernel';
import {
  openFile,
  openOtlp,
  openS3,
  openSplunkHec,
  openStdout,
  openSyslog,
  openWebhook,
  type LogSink,
} from '@sallyport/log-sinks';
import type { ConnectTls } from '@sallyport/safe-fetch';
import type { LogStream, LogStreamSinkName, LogStreamSinks } from './log-stream.js';

export interface SinkContext {
  /** A document's secret by its stored name. */
  readonly findSecret: (name: string) => Promise<Secret | undefined>;
  /** Behind the outbound guard, and it follows no redirect. */
  readonly fetch: typeof globalThis.fetch;
  /** Behind the outbound guard. */
  readonly connectTls: (clientCertificate?: { certificate: string; privateKey: string }) => ConnectTls;
  readonly clock: Clock;
  /** Of the deployment's public address. */
  readonly hostName: string;
  /** What the operator set aside for files of log streams; `null`: nothing. */
  readonly directory: string | null;
  readonly stdout: Writable;
}

/** A secret of the stream by the name of its field. @throws SallyportError `secret_missing` */
type FindField = (field: string) => Promise<Secret>;

type Opener<K extends LogStreamSinkName> = (
  spec: NonNullable<LogStreamSinks[K]>,
  context: SinkContext,
  secret: FindField,
) => Promise<LogSink> | LogSink;

const OPENERS: { readonly [K in LogStreamSinkName]-?: Opener<K> } = {
  webhook: async ({ url }, { fetch, clock }, secret) =>
    openWebhook({ url, signingSecret: await secret('signingSecret'), fetch, clock }),

  async syslog({ host, port, appName, facility, clientCertificate }, { connectTls, hostName: hostname }, secret) {
    const own = clientCertificate && {
      certificate: (await secret('certificate')).reveal(),
      privateKey: (await secret('privateKey')).reveal(),
    };
    return openSyslog({ host, port, hostname, appName, facility, connect: connectTls(own) });
  },

  async otlp({ url, credential }, { fetch, hostName }, secret) {
    const headers = credential ? { [credential.header.toLowerCase()]: (await secret('secret')).reveal() } : {};
    const resource = { serviceName: 'sallyport', serviceVersion: PRODUCT_VERSION, hostName };
    return openOtlp({ url, headers, resource, fetch });
  },

  splunkHec: async ({ url, acknowledgement, index, source, sourcetype }, { fetch, hostName: host }, secret) =>
    openSplunkHec({
      url,
      token: await secret('token'),
      isAcknowledged: acknowledgement,
      host,
      source,
      sourcetype,
      index,
      fetch,
    }),

  s3: async ({ gather, ...bucket }, { fetch, clock }, secret) =>
    openS3({
      ...bucket,
      secretAccessKey: await secret('secretAccessKey'),
      waitMs: durationMs(gather) ?? 0,
      fetch,
      clock,
    }),

  file({ name }, { directory }) {
    if (directory === null)
      throw new SallyportError(
        'configuration_missing',
        'No folder is set aside for log streams: set SALLYPORT_LOG_STREAM_DIRECTORY for every control plane.',
      );
    return openFile(join(directory, name));
  },

  stdout: (_spec, { stdout }) => openStdout(stdout),
};

/** @throws SallyportError `secret_missing` or `configuration_missing`, in words for whoever configured the stream */
export async function openSink(stream: LogStream, context: SinkContext): Promise<LogSink> {
  const { kind, name, sinkName, sink } = stream;
  const secret: FindField = async (field) => {
    const found = await context.findSecret(`${kind}/${name}/${field}`);
    if (found === undefined)
      throw new SallyportError('secret_missing', `The secret \`${field}\` of the ${kind} ${name} is not stored.`);
    return found;
  };
  const open = OPENERS[sinkName] as Opener<LogStreamSinkName>;
  return open(sink[sinkName] as never, context, secret);
}
