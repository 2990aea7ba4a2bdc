import { refreshPaceOf, type ConfigurationSnapshot } from '@sallyport/configuration';
import {
  describeRefresh,
  refreshConnection,
  type ProviderHealthStore,
  type RefreshContext,
  admissionTo,
} from '@sallyport/connection/refresh';
import type { ConnectionStore, DueRequest } from '@sallyport/connection';
import type { Clock } from '@sallyport/kernel';
import type { CredentialChanged } from '@sallyport/messages';
import type { RecordEvent } from '@sallyport/trail';
import type { Again, JobQueue } from '@sallyport/queue';
import { inSpan } from '@sallyport/telemetry';
import type { Tracer } from '@sallyport/telemetry';
import type { ProviderSlots } from './provider-slots.js';

/** A job names a connection: all that matters is read when it runs. */
export interface RefreshJob {
  readonly connectionId: string;
  /** The span it was made in, where traces are on. */
  readonly traceparent?: string | undefined;
}

const BATCH = 5_000;

export interface TickContext {
  readonly store: Pick<ConnectionStore, 'listDue'>;
  readonly providerHealth: ProviderHealthStore;
  readonly queue: Pick<JobQueue<RefreshJob>, 'add'>;
  readonly snapshot: () => Pick<ConfigurationSnapshot, 'all'>;
  readonly clock: Clock;
  readonly intervalMs: number;
  readonly onProviderChange: RefreshContext['onProviderChange'];
  readonly tracer?: Tracer | undefined;
}

/**
 * Makes the jobs for what is due now: of each provider as many as its pace allows in one interval, of a paused one
 * none, and one when it may be probed. A lost job is made again at the next tick, since the table says what is due;
 * what waits in the queue still is among the longest overdue, so that no more of a provider waits there than one
 * interval's worth.
 */
export async function enqueueDueConnections({
  store,
  providerHealth,
  queue,
  snapshot,
  clock,
  intervalMs,
  onProviderChange,
  tracer,
}: TickContext): Promise<number> {
  for (const { credentialProvider, issuer, ...health } of await providerHealth.forgetReconfigured())
    await onProviderChange({ type: 'resumed', because: 'reconfigured', credentialProvider, issuer, health });
  const { now, providers: known } = await providerHealth.list();
  const wanted: DueRequest = {
    limit: BATCH,
    providers: snapshot()
      .all('CredentialProvider')
      .map(({ name, spec }) => ({
        credentialProvider: name,
        atMost: Math.ceil((refreshPaceOf(spec).perMinute * intervalMs) / 60_000),
      })),
    except: known.flatMap(({ credentialProvider, issuer, ...health }) => {
      const admission = admissionTo(health, now);
      return admission === 'ask' ? [] : [{ credentialProvider, issuer, atMost: admission === 'probe' ? 1 : 0 }];
    }),
  };
  const due = await store.listDue(clock(), wanted);
  if (due.length === 0) return 0;
  await inSpan(tracer, { name: 'queue due refreshes', kind: 'internal' }, async (span) => {
    for (const { id } of due) await queue.add(id, { connectionId: id, traceparent: span?.traceparent });
  });
  return due.length;
}

export interface RefreshJobContext extends RefreshContext {
  readonly slots: ProviderSlots;
  readonly snapshot: () => Pick<ConfigurationSnapshot, 'get' | 'all'>;
  readonly record: RecordEvent;
  readonly broadcastChanged: (changed: CredentialChanged) => Promise<void>;
}

/** When all of a provider's slots are taken, its next job is looked at again after this time. */
const AGAIN_MS = 250;

/** Refreshes if it is still due and its provider has a slot left; says so to the gateways first, then to the trail. */
export async function refreshDueConnection(
  { connectionId }: RefreshJob,
  context: RefreshJobContext,
): Promise<void | Again> {
  const seen = await context.store.find(connectionId);
  if (!seen || seen.state === 'needs_reconnect' || seen.refreshDueAt === null || seen.refreshDueAt > context.clock())
    return undefined;
  const spec = context.snapshot().get('CredentialProvider', seen.credentialProvider)?.spec;
  const giveBack = context.slots.take(seen, spec ? refreshPaceOf(spec).concurrency : 1);
  if (!giveBack) return { againInMs: AGAIN_MS };
  try {
    const report = describeRefresh(await refreshConnection(connectionId, context, seen.revision));
    if (!report) return undefined;
    if (report.changed) await context.broadcastChanged(report.changed);
    await context.record(report.record);
  } finally {
    giveBack();
  }
  return undefined;
}
