import type { NatsConnection } from '@nats-io/transport-node';
import { streams, subjects } from '@sallyport/messages';

export const logHeaders = {
  revision: 'Sallyport-Revision',
  base: 'Sallyport-Base',
  baseStart: 'Sallyport-Base-Start',
} as const;

/** One stored entry of the configuration log with what its place in the stream says about it. */
export interface LogMessage {
  readonly sequence: number;
  readonly jws: string;
  readonly revision: number;
  /** Absent on a change. */
  readonly base?: {
    readonly id: string;
    readonly index: number;
    readonly count: number;
    /** Sequence of its first chunk. */ readonly start: number;
  };
}

/** Not an entry of the control plane's. */
export interface StrayMessage {
  readonly sequence: number;
  readonly stray: true;
}

type Query = { readonly last_by_subj: string } | { readonly next_by_subj: string; readonly seq: number };

const READ = `$JS.API.DIRECT.GET.${streams.configuration}`;
const READ_TIMEOUT_MS = 2_000;
const NOT_FOUND = 404;

/**
 * Reads one stored entry by JetStream's direct get: the only request of JetStream's that a replica may make, so it
 * needs no consumer and no right to create one (S26). Undefined when there is no such entry.
 *
 * Whoever may ask the server anything chooses where its answer goes, the log's own subjects included, and the server
 * does not check that choice. Such stray answers end up in the stream; they lack what the control plane writes on its
 * entries, and come out as `stray`. Copies of true entries do not: the stream refuses their message id as a duplicate.
 */
export async function readLogMessage(
  connection: NatsConnection,
  query: Query,
): Promise<LogMessage | StrayMessage | undefined> {
  const answer = await connection.request(READ, JSON.stringify(query), { timeout: READ_TIMEOUT_MS });
  const { headers } = answer;
  const sequence = Number(headers?.get('Nats-Sequence'));
  if (!headers || !(sequence > 0)) {
    if (!headers || headers.code === NOT_FOUND) return undefined;
    throw new Error(`direct get answered ${headers.code} ${headers.description}`);
  }
  const revision = headers.get(logHeaders.revision);
  if (headers.code !== 0 || !/^\d+$/.test(revision)) return { sequence, stray: true };
  const message = { sequence, jws: answer.string(), revision: Number(revision) };
  if (headers.get('Nats-Subject') !== subjects.configurationBase) return message;
  const [, id = '', index, count] = /^([\w-]+) (\d+) (\d+)$/.exec(headers.get(logHeaders.base)) ?? [];
  if (id === '') return { sequence, stray: true };
  return {
    ...message,
    base: {
      id,
      index: Number(index),
      count: Number(count),
      start: Number(headers.get(logHeaders.baseStart)) || sequence,
    },
  };
}
