import type { Logger } from '@sallyport/telemetry';
import type { RecordEvent } from '@sallyport/trail';
import { isOver, remedyOf, type ConnectFailure } from './connect-failure.js';
import type { ConnectHealthStore } from './connect-health-store.js';

export type ReportConnectFailure = (
  about: Omit<Parameters<RecordEvent>[0], 'type' | 'reason' | 'detail'> & { readonly credentialProvider: string },
  failure: ConnectFailure,
) => Promise<void>;

/**
 * Tells administrators why an account could not be connected, with the values that disagree and what mends it: in the
 * log, in the trail, and in the provider's health.
 */
export function createConnectFailureReport({
  record,
  logger,
  connectHealth,
}: {
  readonly record: RecordEvent;
  readonly logger: Pick<Logger, 'warn'>;
  readonly connectHealth: Pick<ConnectHealthStore, 'failed'>;
}): ReportConnectFailure {
  return async ({ credentialProvider, ...about }, { reason, detail: values }) => {
    const remedy = remedyOf(reason);
    const detail = { ...values, ...(remedy !== undefined && { remedy }) };
    logger.warn({ server: about.server, reason, ...detail }, 'an account could not be connected');
    await record({ type: 'connection.refresh_failed', ...about, reason, detail: { step: 'connect', ...detail } });
    if (!isOver({ reason })) await connectHealth.failed(credentialProvider, { reason, detail: values });
  };
}
