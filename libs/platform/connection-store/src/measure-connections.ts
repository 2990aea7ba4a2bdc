import type { Database } from '@sallyport/database';
import type { Metrics } from '@sallyport/telemetry';

/**
 * Connections by credential provider and state, counted in the database at each scrape: every control plane says the
 * same. What was counted last stands while the database cannot be read.
 */
export function measureConnections(metrics: Pick<Metrics, 'meter'>, database: Pick<Database, 'connection'>): void {
  // A series that is no longer observed would be shown with its last value for ever.
  const shown = new Map<string, { readonly provider: string; readonly state: string }>();
  metrics.meter
    .createObservableGauge('sallyport.connections', { description: 'Connections, by credential provider and state.' })
    .addCallback(async (result) => {
      const rows = await database.connection
        .groupBy({ by: ['credentialProvider', 'state'], _count: { _all: true } })
        .catch(() => undefined);
      if (rows === undefined) return;
      const counts = new Map<string, number>();
      for (const { credentialProvider: provider, state, _count } of rows) {
        const key = `${provider} ${state}`;
        shown.set(key, { provider, state });
        counts.set(key, _count._all);
      }
      if (shown.size === 0) result.observe(0);
      for (const [key, attributes] of shown) result.observe(counts.get(key) ?? 0, { ...attributes });
    });
}
