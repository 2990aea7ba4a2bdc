import { whileDue } from '@sallyport/process';
import { createCredentialParts, type CredentialParts } from '../credentials/connections/create-credential-parts.js';
import type { PostgresRevocationStore } from '../revocation/revocation-store.js';
import type { Foundation } from './foundation.js';
import { openAdmission } from './open-admission.js';
import type { ConfigurationParts } from './open-configuration.js';

const REVOKE_REMOVED_MS = 5_000;
const SUM_UP_MS = 5_000;

/** The credential service with its periodic work: leases, connect pages, browser sessions, connections. */
export async function openCredentials(
  foundation: Foundation,
  { snapshot, lifecycle, publisher }: ConfigurationParts,
  revocations: PostgresRevocationStore,
): Promise<CredentialParts> {
  const { config, messaging, logger, metrics, tracer, clock, scope, signing, databases, vault } = foundation;
  const notTold = 'the end of connections is recorded and follows when the bus is back';
  const credentials = await createCredentialParts({
    ...config,
    databases,
    vault,
    admission: openAdmission(foundation, 'leases'),
    messaging,
    signingKey: signing.privateKey,
    snapshot,
    record: lifecycle,
    logger,
    metrics,
    tracer,
    revokeLeases: async (connectionIds) => {
      await revocations.revokeConnections(connectionIds);
      await publisher.flush().catch((err: unknown) => logger.warn({ err, connections: connectionIds.length }, notTold));
    },
    clock,
  });
  scope.every(
    config.revocationIntervalMs ?? REVOKE_REMOVED_MS,
    whileDue(credentials.revokeRemoved),
    'removed connections could not be revoked upstream',
  );
  scope.onClose('sums of refused leases', () => credentials.sumUpRefusedLeases('all'));
  scope.every(SUM_UP_MS, () => credentials.sumUpRefusedLeases(), 'refused leases could not be summed up');
  return credentials;
}
