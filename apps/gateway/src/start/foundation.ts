import { ConfigurationReplica, type ConfigurationSnapshot } from '@sallyport/configuration';
import type { SpoolFiles } from '@sallyport/event-spool';
import { systemClock, type Clock } from '@sallyport/kernel';
import { loadEncryptionKey, loadSigningKey, loadSymmetricKey, loadVerifyingKey } from '@sallyport/keys';
import { gatewayAddress } from '@sallyport/messages';
import type { Messaging } from '@sallyport/messaging';
import type { ServiceScope, ServiceStart } from '@sallyport/process';
import type { Metrics, Tracer } from '@sallyport/telemetry';
import type { GatewayConfig } from '../config.js';
import { observePropagation } from '../observe-calls.js';
import { StateSealer } from '../session/state-sealer.js';

export interface GatewayAdapters extends ServiceStart {
  readonly messaging: Messaging;
  readonly metrics?: Metrics;
  /** Absent where traces are off. */
  readonly tracer?: Tracer | undefined;
  readonly clock?: Clock;
  /** Where the spool is. */
  readonly files?: SpoolFiles;
}

/** What every part of the gateway is made with. */
export interface Foundation extends GatewayAdapters {
  readonly config: GatewayConfig;
  /** What other gateways reach this process by. */
  readonly address: string;
  readonly scope: ServiceScope;
  readonly clock: Clock;
  readonly keys: Awaited<ReturnType<typeof loadGatewayKeys>>;
  readonly sealer: StateSealer;
  /** This gateway's copy of the configuration. */
  readonly configuration: ConfigurationReplica;
  /** The newest configuration, also while it is stale; `undefined` until the first one has arrived. */
  readonly snapshot: () => ConfigurationSnapshot | undefined;
  /** Asks the control plane. The answer is what arrived, unchecked. */
  readonly ask: (subject: string, payload: object) => Promise<unknown>;
}

/** @throws SallyportError `key_unreadable`, `key_invalid`: one clear line each */
export async function layFoundation(
  config: GatewayConfig,
  adapters: GatewayAdapters,
  scope: ServiceScope,
): Promise<Foundation> {
  const { clock = systemClock, messaging, logger, metrics } = adapters;
  const keys = await loadGatewayKeys(config);
  const configuration = new ConfigurationReplica({
    log: messaging.configuration,
    verifyKey: keys.configuration.publicKey,
    clock,
    stalenessBoundMs: config.stalenessBoundMs,
    onProblem: (problem) => logger.warn({ problem }, 'configuration log'),
    ...(metrics && { onApplied: observePropagation(metrics, clock) }),
  });
  return {
    ...adapters,
    config,
    address: gatewayAddress(config.replica, config.worker),
    scope,
    clock,
    keys,
    sealer: new StateSealer(config.keys.gatewayState.map((file) => loadSymmetricKey(file, 'gateway state key'))),
    configuration,
    snapshot: () => (configuration.state().ready ? configuration.snapshot() : undefined),
    ask: (subject, payload) => messaging.request(subject, payload, { timeoutMs: config.leaseTimeoutMs }),
  };
}

async function loadGatewayKeys({ keys }: GatewayConfig) {
  const [configuration, lease, leaseSigning, replica] = await Promise.all([
    loadVerifyingKey(keys.configurationPublicKey),
    loadEncryptionKey(keys.leasePublicKey),
    loadVerifyingKey(keys.leaseSigningPublicKey),
    loadSigningKey(keys.replicaKey),
  ]);
  return { configuration, lease, leaseSigning, replica };
}
