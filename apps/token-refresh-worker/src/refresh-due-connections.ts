import { describeRefresh, refreshConnection, type ConnectionStore, type RefreshContext } from '@sallyport/credential';
import type { Clock } from '@sallyport/kernel';
import type { CredentialChanged, LifecycleRecord } from '@sallyport/messages';
import type { JobQueue } from '@sallyport/queue';

/** A job names a connection and nothing else: all that matters is read when it runs. */
export interface RefreshJob {
  readonly connectionId: string;
}

const BATCH = 500;

/** Makes the jobs for what is due now. A lost job is made again at the next tick, since the table says what is due. */
export async function enqueueDueConnections({ store, queue, clock }: { store: Pick<ConnectionStore, 'listDue'>; queue: Pick<JobQueue<RefreshJob>, 'add'>; clock: Clock }): Promise<number> {
  const due = await store.listDue(clock(), BATCH);
  for (const { id } of due) await queue.add(id, { connectionId: id });
  return due.length;
}

export interface RefreshJobContext extends RefreshContext {
  readonly record: (record: Omit<LifecycleRecord, 'v' | 'id' | 'replica' | 'at'>) => Promise<void>;
  readonly broadcastChanged: (changed: CredentialChanged) => Promise<void>;
}

/** Refreshes if it is still due; says so to the gateways first, then to the trail. */
export async function refreshDueConnection({ connectionId }: RefreshJob, context: RefreshJobContext): Promise<void> {
  const seen = await context.store.find(connectionId);
  if (!seen || seen.state === 'needs_reconnect' || seen.refreshDueAt === null || seen.refreshDueAt > context.clock()) return;
  const report = describeRefresh(await refreshConnection(connectionId, context, seen.revision));
  if (!report) return;
  if (report.changed) await context.broadcastChanged(report.changed);
  await context.record(report.record);
}
