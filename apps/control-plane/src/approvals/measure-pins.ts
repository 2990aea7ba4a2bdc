import type { ConfigurationSnapshot } from '@sallyport/configuration';
import type { Metrics } from '@sallyport/telemetry';

/** Definitions of tools that are approved, by server: what gateways see beyond them, they count themselves. */
export function measurePins(metrics: Metrics, snapshot: () => ConfigurationSnapshot): void {
  metrics.gauge('sallyport.pins', 'Definitions of tools that are approved, by server.', () => {
    const approved = snapshot().all('ApprovedTools');
    if (approved.length === 0) return 0;
    return approved.map(({ name, spec }) => ({ value: spec.tools.length, attributes: { server: name } }));
  });
}
