import type { Answered } from '@sallyport/admin-api';
import type { Database } from '@sallyport/database';
import { PRODUCT_VERSION, type Clock } from '@sallyport/kernel';
import type { Messaging } from '@sallyport/messaging';
import type { RevisionLog } from '../configuration/revision-log.js';
import type { SigningKeyList } from '../signing-keys/signing-key-list.js';
import type { IngestState } from '../trail/observe-ingest.js';
import { applies, type KnownReplica, type KnownReplicas, type Revision } from './known-replicas.js';

export type Status = Answered<'readStatus'>;

export interface StatusContext {
  readonly replicas: KnownReplicas;
  readonly revisions: Pick<RevisionLog, 'newest'>;
  readonly database: Pick<Database, '$queryRaw'>;
  readonly messaging: Pick<Messaging, 'kind' | 'connected' | 'refuses'>;
  readonly signingKeys: Pick<SigningKeyList, 'read'>;
  readonly ingest: () => IngestState;
  readonly clock: Clock;
}

/** Longer than a database that is well needs; a person waits. */
const DATABASE_MS = 2_000;

/** Everything that can be told without asking others: it answers while the database, the bus or the queue are down. */
export async function readStatus(context: StatusContext): Promise<Status> {
  const { replicas, messaging, clock, ingest } = context;
  const [database, newest, keys] = await Promise.all([
    askDatabase(context),
    inTime(context.revisions.newest()),
    inTime(context.signingKeys.read()),
  ]);
  const configuration = newest === undefined ? null : { epoch: newest.epoch, revision: newest.revision };
  const known = replicas.all();
  const now = clock();
  return {
    at: moment(now),
    version: PRODUCT_VERSION,
    configuration,
    replicas: known.map((replica) => shown(replica, configuration)),
    database,
    bus: { isReachable: messaging.connected(), kind: messaging.kind },
    queue: { isReachable: queueIsReachable(known) },
    events: ingest(),
    signingKeys: (keys ?? [])
      .filter(({ state }) => state === 'active')
      .map(({ purpose, kid, signsFrom }) => ({
        purpose,
        kid,
        signsFrom: signsFrom.toISOString(),
        ageMs: Math.max(0, now - signsFrom.getTime()),
      })),
  };
}

/** By those that use it: the control plane has no connection to it. @returns `null` when none of them is heard */
export function queueIsReachable(replicas: readonly KnownReplica[]): boolean | null {
  const workers = replicas.filter(({ service, isSilent }) => service === 'token-refresh-worker' && !isSilent);
  return workers.length === 0 ? null : workers.some(({ faults }) => !faults.includes('queue-unreachable'));
}

/** Whether the database answers, and how soon: the second time, since the first may open a connection. */
export async function askDatabase({
  database,
}: Pick<StatusContext, 'database'>): Promise<{ isReachable: boolean; answeredInMs: number | null }> {
  const answeredInMs = await inTime(
    database.$queryRaw`SELECT 1`.then(async () => {
      const begun = performance.now();
      await database.$queryRaw`SELECT 1`;
      return Math.round(performance.now() - begun);
    }),
  );
  return { isReachable: answeredInMs !== undefined, answeredInMs: answeredInMs ?? null };
}

/** @returns undefined where the answer fails, or takes too long */
async function inTime<T>(answer: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), DATABASE_MS);
  });
  return await Promise.race([answer.catch(() => undefined), late]).finally(() => clearTimeout(timer));
}

function shown({ startedAt, heardAt, ...replica }: KnownReplica, newest: Revision | null): Status['replicas'][number] {
  return {
    ...replica,
    startedAt: moment(startedAt),
    heardAt: moment(heardAt),
    readiness: { status: replica.readiness.status, reasons: [...replica.readiness.reasons] },
    isBehind: newest !== null && !applies(replica.configuration, newest),
  };
}

const moment = (milliseconds: number): string => new Date(milliseconds).toISOString();
