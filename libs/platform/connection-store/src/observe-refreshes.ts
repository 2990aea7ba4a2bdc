import type { ObserveRefresh, RefreshResult } from '@sallyport/connection/refresh';
import { inSpan } from '@sallyport/telemetry';
import type { Metrics, Tracer } from '@sallyport/telemetry';

/** Counts refreshes by provider and result, and puts each in a span. Providers come from the configuration. */
export function observeRefreshes({
  metrics,
  tracer,
}: {
  readonly metrics?: Metrics | undefined;
  readonly tracer?: Tracer | undefined;
}): ObserveRefresh {
  const refreshes = metrics?.counter(
    'sallyport.refreshes',
    'Refreshes of connections, by credential provider and result.',
  );
  return (refresh) =>
    inSpan(tracer, { name: 'refresh connection', kind: 'internal' }, async (span) => {
      const outcome = await refresh();
      const provider = 'connection' in outcome ? outcome.connection.credentialProvider : undefined;
      const result = wordOf(outcome);
      refreshes?.bind({ provider: provider ?? 'unknown', result }).add();
      span?.set({ 'sallyport.credential_provider': provider, 'sallyport.refresh.result': result });
      if (outcome.type === 'failed') span?.fail(outcome.outcome.type);
      return outcome;
    });
}

const wordOf = (outcome: RefreshResult): string =>
  outcome.type === 'fresh' ? (outcome.byUs ? 'refreshed' : 'refreshed_elsewhere') : outcome.type;
