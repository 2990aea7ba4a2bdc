import type { Clock } from '@sallyport/kernel';
import type { BusRole, Messaging } from '@sallyport/messaging';
import type { Metrics } from '@sallyport/telemetry';

/** The part of a `ConfigurationReplica` that is measured. */
interface MeasuredConfiguration {
  state(): { readonly revision: number | null; readonly staleForMs: number };
  onChange(listener: () => void): () => void;
}

/**
 * Says which revision this process applies, since when, and how long it has heard nothing of the control plane. In one
 * process for all services each says so under its role.
 */
export function observeConfiguration(
  metrics: Metrics | undefined,
  {
    role,
    configuration,
    messaging,
    clock,
  }: {
    readonly role: BusRole;
    readonly configuration: MeasuredConfiguration;
    readonly messaging: Pick<Messaging, 'connected'>;
    readonly clock: Clock;
  },
): void {
  if (metrics === undefined) return;
  let appliedAt = clock();
  configuration.onChange(() => void (appliedAt = clock()));
  const gauge = (name: string, description: string, read: () => number): void =>
    metrics.gauge(name, description, () => [{ value: read(), attributes: { role } }]);
  gauge(
    'sallyport.configuration.revision',
    'Revision of the configuration that is applied, by role.',
    () => configuration.state().revision ?? 0,
  );
  gauge(
    'sallyport.configuration.age',
    'Seconds since the revision was applied, by role.',
    () => (clock() - appliedAt) / 1000,
  );
  gauge(
    'sallyport.bus.silence',
    'Seconds since the last sign of life of the control plane, by role.',
    () => configuration.state().staleForMs / 1000,
  );
  gauge('sallyport.bus.connected', 'Whether the bus is connected, 1 or 0, by role.', () =>
    messaging.connected() ? 1 : 0,
  );
}
