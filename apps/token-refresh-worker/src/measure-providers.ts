import type { ProviderStandings } from '@sallyport/credential';
import type { Metrics } from '@sallyport/telemetry';

/** Read from the database at each scrape: every worker says the same. Nothing while it cannot be read. */
export function measureProviders(metrics: Pick<Metrics, 'meter'>, standings: Pick<ProviderStandings, 'list'>): void {
  metrics.meter.createObservableGauge('sallyport.credential_provider.paused', { description: 'Credential providers that are not asked for refreshes, by reason', unit: '1' }).addCallback(async (result) => {
    const { standings: known } = await standings.list().catch(() => ({ standings: [] }));
    const paused = new Map<string, { readonly provider: string; readonly reason: string; count: number }>();
    for (const { credentialProvider: provider, reason, pausedSince } of known) {
      if (pausedSince === null) continue;
      const key = `${provider} ${reason}`;
      paused.set(key, { provider, reason, count: (paused.get(key)?.count ?? 0) + 1 });
    }
    for (const { provider, reason, count } of paused.values()) result.observe(count, { provider, reason });
  });
}
