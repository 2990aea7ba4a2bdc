import { describeRefresh, type RefreshResult } from '@sallyport/credential';
import type { CredentialChanged, LifecycleRecord } from '@sallyport/messages';

/** Writes a line of the trail; id, time and origin are added where it is written. */
export type RecordLifecycle = (record: Omit<LifecycleRecord, 'v' | 'id' | 'replica' | 'at'>) => Promise<void>;

/** Gateways drop their leases first, then the trail is told. */
export async function announceRefresh(
  result: RefreshResult,
  {
    record,
    broadcastChanged,
  }: { record: RecordLifecycle; broadcastChanged: (changed: CredentialChanged) => Promise<void> },
): Promise<void> {
  const report = describeRefresh(result);
  if (!report) return;
  if (report.changed) await broadcastChanged(report.changed);
  await record(report.record);
}
