import { describeRefresh, type RefreshResult } from '@sallyport/connection/refresh';
import type { CredentialChanged } from '@sallyport/messages';
import type { RecordEvent } from '@sallyport/trail';

/** Tells gateways to drop their leases, then records the refresh. */
export async function announceRefresh(
  result: RefreshResult,
  {
    record,
    broadcastChanged,
  }: { record: RecordEvent; broadcastChanged: (changed: CredentialChanged) => Promise<void> },
): Promise<void> {
  const report = describeRefresh(result);
  if (!report) return;
  if (report.changed) await broadcastChanged(report.changed);
  await record(report.record);
}
