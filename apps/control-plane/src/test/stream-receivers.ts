import { mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { Document, type DocumentOf } from '@sallyport/configuration';
import {
  startHecReceiver,
  startOtlpReceiver,
  startS3Receiver,
  startWebhookReceiver,
} from '@sallyport/log-sinks/testing';
import type { HttpReceiver, TestReceiver } from '@sallyport/log-sinks/testing';
import { startTestRsyslog } from '@sallyport/testing';
import type { TestAuthority } from '@sallyport/testing/servers';

/** The receiver of a log stream, and the document that sends events to it. */
export interface Received {
  readonly stream: DocumentOf<'LogStream'>;
  /** The events it has, each its JSON, repetitions included. */
  kept(): Promise<readonly string[]>;
  down(): Promise<void>;
  up(): Promise<void>;
  stop(): Promise<void>;
  /** Where it speaks HTTP. */
  readonly http?: HttpReceiver;
  /** Ids that it refuses, where its protocol can refuse an event. */
  readonly poison?: Set<string>;
}

export interface Surroundings {
  readonly authority: TestAuthority;
  /** Of log streams. */
  readonly directory: string;
}

export const WEBHOOK_SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
export const SECRETS: Readonly<Record<string, string>> = {
  signingSecret: WEBHOOK_SECRET,
  token: 'hec-token',
  secretAccessKey: 'sk',
};
const stored = { stored: true } as const;

export function streamDocument(name: string, sink: object, more: object = {}): DocumentOf<'LogStream'> {
  const document = Document.parse({ kind: 'LogStream', name, spec: { start: 'beginning', ...more, sink } });
  if (document.kind !== 'LogStream') throw new Error('not a log stream');
  return document;
}

const overHttp = (name: string, receiver: TestReceiver, sink: object): Received => ({
  stream: streamDocument(name, sink),
  kept: () => receiver.kept(),
  down: () => receiver.http.stop(),
  up: () => receiver.http.start(),
  stop: () => receiver.stop(),
  http: receiver.http,
  poison: receiver.poison,
});

async function splunk(acknowledgement: boolean): Promise<Received> {
  const receiver = await startHecReceiver('hec-token', acknowledgement);
  return overHttp('splunk', receiver, { splunkHec: { url: receiver.url, token: stored, acknowledgement } });
}

/** A receiver of each sink that there is, but for standard output. */
export const SINKS: Readonly<Record<string, (around: Surroundings) => Promise<Received>>> = {
  webhook: async () => {
    const receiver = await startWebhookReceiver(WEBHOOK_SECRET);
    return overHttp('webhook', receiver, { webhook: { url: receiver.url, signingSecret: stored } });
  },
  otlp: async () => {
    const receiver = await startOtlpReceiver();
    return overHttp('otlp', receiver, { otlp: { url: receiver.url } });
  },
  splunkHec: () => splunk(false),
  'splunkHec with acknowledgement': () => splunk(true),
  s3: async () => {
    const receiver = await startS3Receiver({ accessKeyId: 'AK', secretAccessKey: 'sk', region: 'us-east-1' });
    const bucket = { endpoint: receiver.endpoint, bucket: 'audit', accessKeyId: 'AK', secretAccessKey: stored };
    return overHttp('s3', receiver, { s3: bucket });
  },
  syslog: async ({ authority }) => {
    const rsyslog = await startTestRsyslog(authority);
    return {
      stream: streamDocument('syslog', { syslog: { host: 'localhost', port: rsyslog.port } }),
      kept: () => Promise.resolve(rsyslog.received().map((line) => line.slice(line.indexOf('{')))),
      down: () => rsyslog.kill(),
      up: () => rsyslog.restart(),
      stop: () => rsyslog.stop(),
    };
  },
  file: ({ directory }) => {
    const path = join(directory, 'audit.ndjson');
    mkdirSync(directory, { recursive: true });
    return Promise.resolve({
      stream: streamDocument('file', { file: { name: 'audit.ndjson' } }),
      kept: () => Promise.resolve(linesOf(path)),
      down: () => Promise.resolve(renameSync(directory, `${directory}-away`)),
      up: () => Promise.resolve(renameSync(`${directory}-away`, directory)),
      stop: () => Promise.resolve(),
    });
  },
};

function linesOf(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').split('\n').slice(0, -1);
  } catch {
    return []; // nothing was written yet
  }
}
