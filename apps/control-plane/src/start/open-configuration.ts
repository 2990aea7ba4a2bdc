import { toEvents } from '@sallyport/audit';
import { ConfigurationReplica, type ConfigurationSnapshot } from '@sallyport/configuration';
import type { Secret } from '@sallyport/kernel';
import { configurationReadiness, degraded } from '@sallyport/process';
import { createStoreTrail, type RecordEvent } from '@sallyport/trail';
import { applyDeclarativeFile, DECLARATIVE_SET } from '../configuration/apply-declarative-file.js';
import { ChangeSets } from '../configuration/change-sets/change-sets.js';
import { ConfigurationPublisher } from '../configuration/configuration-publisher.js';
import { PostgresDocumentStore } from '../configuration/document-store.js';
import { RevisionLog } from '../configuration/revision-log.js';
import { SecretFiles } from '../configuration/secret-files.js';
import { EventNames } from '../trail/event-names.js';
import { PostgresEventWriter } from '../trail/event-writer.js';
import type { StoreEvents } from '../trail/event-writer.js';
import type { Foundation } from './foundation.js';

const FIRST_CONFIGURATION_TIMEOUT_MS = 15_000;
const SECRET_FILES_MS = 10_000;

/** The configuration, and the trail that tells of its changes. */
export interface ConfigurationParts {
  readonly revisions: RevisionLog;
  readonly documents: PostgresDocumentStore;
  readonly changeSets: ChangeSets;
  readonly events: StoreEvents;
  readonly lifecycle: RecordEvent;
  readonly publisher: ConfigurationPublisher;
  /** This process's own copy of what it publishes. */
  readonly replica: ConfigurationReplica;
  readonly snapshot: () => ConfigurationSnapshot;
  /** The newest revision this process has seen, also while its configuration is stale. */
  readonly knownRevision: () => number | undefined;
  /** The newest snapshot, also while it is stale. */
  readonly newestKnown: () => ConfigurationSnapshot;
}

/** Stores what the declarative file asks for, publishes the configuration and waits until it comes back on the bus. */
export async function openConfiguration(foundation: Foundation): Promise<ConfigurationParts> {
  const { config, clock, scope, signing, databases, vault, desired, logger } = foundation;
  const { core, trail } = databases;
  const revisions = new RevisionLog(core, signing.privateKey);
  const documents = new PostgresDocumentStore({ database: core, clock });
  // The newest there was, also while it is stale: the trail waits for nothing.
  let known: ConfigurationSnapshot | undefined;
  const writer = new PostgresEventWriter({ statements: databases.events, replica: config.replica, clock });
  const names = new EventNames({
    database: trail,
    snapshot: () => known,
    clock,
    onProblem: (err) => logger.warn({ err }, 'names for events cannot be read: they are stored without'),
  });
  const events: StoreEvents = { append: async (batch) => await writer.append(await names.named(batch)) };
  const lifecycle = createStoreTrail((record) => events.append(toEvents(record)), { replica: config.replica, clock });

  const changeSets = new ChangeSets({
    database: databases.administration,
    revisions,
    sealer: vault.sealer,
    clock,
    record: lifecycle,
  });
  if (desired) await applyDeclarativeFile(changeSets, desired, { set: declarativeSetOf(config), logger });
  else await revisions.write(() => Promise.resolve(undefined));
  const publisher = createPublisher(foundation, revisions, documents);
  const replica = createReplica(foundation);
  replica.onChange((snapshot) => (known = snapshot));
  scope.onClose('publisher', () => publisher.stop());
  await publisher.start();
  scope.onClose('configuration', () => replica.stop());
  await replica.start();
  await publisher.flush();
  await replica.whenReady(FIRST_CONFIGURATION_TIMEOUT_MS);
  scope.readiness(() => configurationReadiness(replica.state(), { tellLate: true }));
  scope.readiness(() => degraded(publisher.failing && 'the configuration cannot be published'));
  return {
    revisions,
    documents,
    changeSets,
    events,
    lifecycle,
    publisher,
    replica,
    snapshot: () => replica.snapshot(),
    newestKnown: () => known ?? replica.snapshot(),
    knownRevision: () => known?.revision,
  };
}

const declarativeSetOf = ({ declarativeSet = DECLARATIVE_SET }: Foundation['config']): string => declarativeSet;

function createPublisher(
  { config, messaging, signing, clock, logger }: Foundation,
  revisions: RevisionLog,
  documents: PostgresDocumentStore,
): ConfigurationPublisher {
  return new ConfigurationPublisher({
    log: messaging.configuration,
    connections: () => messaging.connections(),
    revisions,
    documents,
    signingKey: signing.privateKey,
    verifyKey: signing.publicJwk,
    clock,
    logger,
    intervalMs: config.heartbeatIntervalMs,
  });
}

function createReplica({ config, messaging, signing, clock, logger }: Foundation): ConfigurationReplica {
  return new ConfigurationReplica({
    log: messaging.configuration,
    verifyKey: signing.publicJwk,
    clock,
    stalenessBoundMs: config.stalenessBoundMs,
    onProblem: (problem) =>
      logger.warn(
        { problem: problem.type, ...('error' in problem ? { err: problem.error } : problem) },
        'configuration log',
      ),
  });
}

/** Stores anew what the files of the declarative file's secrets hold, whenever that changes. */
export function followSecretFiles({ config, desired, scope, logger }: Foundation, parts: ConfigurationParts): void {
  if (config.declarativeFile === null || !desired) return;
  const { changeSets, publisher } = parts;
  const set = declarativeSetOf(config);
  const files = new SecretFiles(config.declarativeFile, desired);
  const renew = async (secrets: ReadonlyMap<string, Secret>): Promise<void> => {
    const { changed, revision, plan } = await changeSets.renew(secrets, { actor: { type: 'file', id: set }, set });
    if (!changed) return;
    logger.info({ revision, documents: plan.changes.map(({ kind, name }) => `${kind}/${name}`) }, 'secrets changed');
    await publisher.flush();
  };
  scope.every(
    config.secretFilesIntervalMs ?? SECRET_FILES_MS,
    () => files.follow(renew),
    'secrets that changed could not be stored yet',
  );
}
