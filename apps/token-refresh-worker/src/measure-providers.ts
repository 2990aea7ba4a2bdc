import type { ProviderHealthStore } from '@sallyport/connection/refresh';
import type { Metrics } from '@sallyport/telemetry';

/**
 * Read from the database at each scrape: every worker says the same. What was said last stands while it cannot be read.
 */
export function measureProviders(
  metrics: Pick<Metrics, 'meter'>,
  providerHealth: Pick<ProviderHealthStore, 'list'>,
): void {
  // A series that is no longer observed would be shown with its last value for ever.
  const shown = new Map<string, { readonly provider: string; readonly reason: string }>();
  metrics.meter
    .createObservableGauge('sallyport.credential_provider.paused', {
      description: 'Credential providers that are not asked for refreshes, by reason',
    })
    .addCallback(async (result) => {
      const known = await providerHealth.list().then(
        (list) => list.providers,
        () => undefined,
      );
      if (!known) return;
      const counts = new Map<string, number>();
      for (const { credentialProvider: provider, reason, pausedSince } of known) {
        if (pausedSince === null) continue;
        const key = `${provider} ${reason}`;
        shown.set(key, { provider, reason });
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
      if (shown.size === 0) result.observe(0);
      for (const [key, attributes] of shown) result.observe(counts.get(key) ?? 0, { ...attributes });
    });
}
