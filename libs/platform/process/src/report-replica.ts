import { PRODUCT_VERSION, type Clock } from '@sallyport/kernel';
import {
  gatewayAddress,
  REPORT_INTERVAL_MS,
  subjects,
  type ReplicaFault,
  type ReplicaReport,
} from '@sallyport/messages';
import type { BusRole, Messaging } from '@sallyport/messaging';
import type { Readiness } from './running-service.js';
import type { ServiceScope } from './service-scope.js';

/** The part of a `ConfigurationReplica` that is reported. */
interface ReportedConfiguration {
  state(): {
    readonly ready: boolean;
    readonly stale: boolean;
    readonly distrusts: boolean;
    readonly epoch: string | null;
    readonly revision: number | null;
  };
  onChange(listener: () => void): () => void;
}

export interface ReportOptions {
  readonly messaging: Pick<Messaging, 'broadcast' | 'connected'>;
  readonly role: BusRole;
  readonly replica: string;
  /** The number of this process where several are one replica. */
  readonly worker?: number | undefined;
  readonly configuration: ReportedConfiguration;
  readonly clock: Clock;
  /** What of the service's own fails now, beside its configuration. */
  readonly faults?: () => readonly ReplicaFault[];
}

/** Between two reports at least: revocations come many at a time, and each is a revision. */
const PAUSE_MS = 50;
const MOST_REASONS = 32;
const LONGEST_REASON = 500;

/**
 * Tells every control plane what this process is, which revision it applies and how ready it is: now, at each change of
 * its configuration, every two seconds, and when it ends. Call it when everything else is open, so that it is the first
 * to end. Nothing is said while the bus is away: what is old by then would be taken for a clock that is wrong.
 */
export function reportReplica(scope: ServiceScope, options: ReportOptions): void {
  const { messaging, role, replica, worker, configuration, clock } = options;
  const subject = subjects.report(role, gatewayAddress(replica, worker));
  const startedAt = clock();
  const report = (state: ReplicaReport['state']): void => {
    if (!messaging.connected()) return;
    const said: ReplicaReport = {
      v: 1,
      version: PRODUCT_VERSION,
      startedAt,
      at: clock(),
      state,
      configuration: appliedBy(configuration),
      readiness: shortened(scope.isReady()),
      faults: [...configurationFaults(configuration), ...(options.faults?.() ?? [])],
    };
    // It rejects when the bus was closed, which ends the reports, too.
    messaging.broadcast.publish(subject, said).catch(() => undefined);
  };
  const paced = inPaces(() => report('running'));
  const unsubscribe = configuration.onChange(paced.run);
  scope.onClose('report of this replica', async () => {
    unsubscribe();
    paced.stop();
    report('ended');
  });
  scope.every(REPORT_INTERVAL_MS, paced.run, 'the control plane could not be told of this replica');
  paced.run();
}

function appliedBy(configuration: ReportedConfiguration): ReplicaReport['configuration'] {
  const { ready, epoch, revision } = configuration.state();
  return ready && epoch !== null && revision !== null ? { epoch, revision } : null;
}

function configurationFaults(configuration: ReportedConfiguration): ReplicaFault[] {
  const { ready, stale, distrusts } = configuration.state();
  if (!ready) return [distrusts ? 'configuration-untrusted' : 'configuration-missing'];
  return stale ? ['configuration-stale'] : [];
}

const shortened = ({ status, reasons }: Readiness): ReplicaReport['readiness'] => ({
  status,
  reasons: reasons.slice(0, MOST_REASONS).map((reason) => reason.slice(0, LONGEST_REASON)),
});

/** Runs at once, and then at most once in each pause: what is asked for meanwhile is done at its end. */
function inPaces(task: () => void): { run(): void; stop(): void } {
  let pause: NodeJS.Timeout | undefined;
  let isDue = false;
  const run = (): void => {
    if (pause !== undefined) {
      isDue = true;
      return;
    }
    isDue = false;
    task();
    pause = setTimeout(() => {
      pause = undefined;
      if (isDue) run();
    }, PAUSE_MS).unref();
  };
  return { run, stop: () => clearTimeout(pause) };
}
