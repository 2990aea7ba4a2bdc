import { randomUUID } from 'node:crypto';
import { findStoredSecret } from '@sallyport/connection-store';
import { degraded } from '@sallyport/process';
import { createGuardedTls, createSafeFetch, tellingProxy, type SafeFetch } from '@sallyport/safe-fetch';
import { EVENT_RETENTION_MS } from '../config.js';
import { DeadLetters } from '../trail/streams/dead-letters.js';
import { logStreamsOf, type LogStream } from '../trail/streams/log-stream.js';
import type { LogStreamsContext } from '../trail/streams/log-streams.controller.js';
import { observeStreams } from '../trail/streams/observe-streams.js';
import { openSink } from '../trail/streams/open-sink.js';
import { readPending } from '../trail/streams/read-pending.js';
import { StreamService } from '../trail/streams/serve-streams.js';
import { StreamCursors } from '../trail/streams/stream-cursors.js';
import { testStream } from '../trail/streams/test-stream.js';
import type { Foundation } from './foundation.js';
import type { ConfigurationParts } from './open-configuration.js';

const ROUND_MS = 1_000;
const FORGET_MS = 60_000;
/** A receiver may be slow, but not for ever. */
const ANSWER_MS = 30_000;

export interface LogStreamParts {
  /** What streams call with. */
  readonly fetch: SafeFetch;
  /** For administrators, with the connections of administration. */
  readonly administration: LogStreamsContext;
}

/** Sends events to the receivers of log streams. */
export async function serveLogStreams(
  foundation: Foundation,
  { snapshot, newestKnown, replica }: ConfigurationParts,
): Promise<LogStreamParts> {
  const { config, logger, metrics, clock, scope, databases, vault } = foundation;
  const guard = guardOf(foundation, snapshot);
  const fetch = createSafeFetch({ ...guard, userAgent: 'sallyport-log-streams', timeoutMs: ANSWER_MS });
  const open = (stream: LogStream) =>
    openSink(stream, {
      findSecret: (name) => findStoredSecret(databases.trail, vault.sealer, name),
      fetch,
      connectTls: (clientCertificate) => createGuardedTls({ ...guard, clientCertificate }),
      clock,
      hostName: new URL(config.publicUrl).hostname,
      directory: config.logStreamDirectory ?? null,
      stdout: process.stdout,
    });
  const streams = () => logStreamsOf(newestKnown());
  const cursors = new StreamCursors(databases.trail, `${config.replica}/${randomUUID()}`);
  const observed = observeStreams(metrics, { held: () => service.held(), clock });
  const service = new StreamService({
    streams,
    cursors,
    letters: new DeadLetters(databases.trail),
    readPending: (stream, from) => readPending(databases.trail, stream, from),
    openSink: open,
    clock,
    random: Math.random,
    retentionMs: config.eventRetentionMs ?? EVENT_RETENTION_MS,
    onDelivered: observed,
    onProblem: (problem) =>
      logger.warn(problem, problem.deadLetter ? 'an event became a dead letter' : 'a log stream does not get on'),
    onError: (err) => logger.warn({ err }, FAILURE),
  });
  scope.onClose('log streams', () => service.stop());
  await service.round().catch((err: unknown) => logger.warn({ err }, FAILURE));
  scope.every(ROUND_MS, () => service.round(), FAILURE);
  scope.every(FORGET_MS, () => service.forget(), 'old dead letters could not be removed');
  // A new stream begins with what happens from now on, not from the next round on.
  replica.onChange(() => void service.round().catch((err: unknown) => logger.warn({ err }, FAILURE)));
  scope.readiness(() => degraded(...service.late().map(lateness)));
  return {
    fetch,
    administration: {
      streams,
      cursors: new StreamCursors(databases.administration, 'administration'),
      letters: new DeadLetters(databases.administration),
      test: (stream) => testStream(stream, { openSink: open, clock, replica: config.replica }),
    },
  };
}

const FAILURE = 'log streams could not be served';
const lateness = (stream: string) =>
  `the log stream ${stream} is so far behind that events will be removed before its receiver has them`;

const guardOf = ({ config, logger }: Foundation, snapshot: ConfigurationParts['snapshot']) => ({
  allow: () => snapshot().get('OutboundNetwork', 'default')?.spec.allow ?? [],
  extraCertificateAuthorities: config.extraCertificateAuthorities,
  proxy: tellingProxy(config.proxy, logger),
});
