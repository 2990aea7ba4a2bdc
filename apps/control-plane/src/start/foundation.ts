import { systemClock, type Clock } from '@sallyport/kernel';
import { loadEnrolledKeys, loadSigningKey, type EnrolledKeys, type SigningKeyPair } from '@sallyport/keys';
import type { Messaging } from '@sallyport/messaging';
import type { ServiceScope, ServiceStart } from '@sallyport/process';
import type { Metrics, Tracer } from '@sallyport/telemetry';
import { openVault, VAULT_LOOK_MS, type Vault } from '@sallyport/vault';
import type { ControlPlaneConfig } from '../config.js';
import { readDeclaration, withSecrets, type DesiredConfiguration } from '../configuration/read-declarative-file.js';
import { openDatabasePools, type DatabasePools } from '../database-pools.js';

export interface ControlPlaneAdapters extends ServiceStart {
  readonly messaging: Messaging;
  readonly metrics?: Metrics;
  /** Absent where traces are off. */
  readonly tracer?: Tracer | undefined;
  readonly clock?: Clock;
}

/** What every part of the control plane is made with. */
export interface Foundation extends ControlPlaneAdapters {
  readonly config: ControlPlaneConfig;
  readonly scope: ServiceScope;
  readonly clock: Clock;
  /** The key the configuration is signed with. */
  readonly signing: SigningKeyPair;
  /** Public keys of the gateways that may ask for leases and tell events. */
  readonly enrolled: EnrolledKeys;
  /** What the declarative file asks for, if there is one. */
  readonly desired: DesiredConfiguration | undefined;
  readonly databases: DatabasePools;
  readonly vault: Vault;
  readonly onProblem: (what: string, error: unknown) => void;
}

/** @throws SallyportError what a wrong file or key says, before anything is opened */
export async function layFoundation(
  config: ControlPlaneConfig,
  adapters: ControlPlaneAdapters,
  scope: ServiceScope,
): Promise<Foundation> {
  const { logger, clock = systemClock } = adapters;
  const signing = await loadSigningKey(config.keys.configurationSigningKeyFile);
  const enrolled = loadEnrolledKeys(config.keys.enrolledGateways);
  const desired = await readDesired(config);
  const databases = openDatabasePools(config.databaseUrl);
  scope.onClose('databases', () => databases.close());
  const onProblem = (what: string, err: unknown): void => logger.warn({ err }, what);
  const vault = await openVault(config.keys, { database: databases.administration, clock, onProblem });
  scope.every(VAULT_LOOK_MS, () => vault.look(), 'new vault keys could not be looked for');
  return { ...adapters, config, scope, clock, signing, enrolled, desired, databases, vault, onProblem };
}

async function readDesired(config: ControlPlaneConfig): Promise<DesiredConfiguration | undefined> {
  const { declarativeFile, declaration, amendDeclaration, secretVariables } = config;
  if (declarativeFile === null) return undefined;
  return withSecrets(
    declaration ?? (await readDeclaration(declarativeFile, amendDeclaration)),
    declarativeFile,
    secretVariables,
  );
}
