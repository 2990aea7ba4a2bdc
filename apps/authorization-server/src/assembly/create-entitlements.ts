import { IdentityAssertions } from '../assertion/identity-assertion.js';
import { WorkloadIdentities } from '../assertion/workload-identity.js';
import { Admissions } from '../entitlement/admission.js';
import { AssertionAdmissions } from '../entitlement/assertion-admission.js';
import { MachineAdmissions } from '../entitlement/machine-admission.js';
import { TokenStatus } from '../entitlement/token-status.js';
import { PublicKeys } from '../keys/public-keys.js';
import { AdministeredAgents } from '../storage/administered-agents.js';
import type { Outbound } from './create-outbound.js';
import type { SignIns } from './create-sign-ins.js';
import type { Storage } from './create-storage.js';
import { resourcesOf, type Foundation } from './foundation.js';

export type Entitlements = ReturnType<typeof createEntitlements>;

/**
 * Who may have which token: people through agents, machines, assertions and workloads; and which tokens are good now.
 */
export function createEntitlements(
  { config, configuration, database, clock }: Foundation,
  { store, users, sessions, secrets, endSession }: Storage,
  { issuerKeys }: Outbound,
  { rechecks }: Pick<SignIns, 'rechecks'>,
) {
  const { issuer } = config;
  const resources = resourcesOf(config);
  const resource = resources.gateway;
  const keys = new PublicKeys({
    database,
    isWithdrawn: (kid) =>
      configuration.state().ready &&
      !configuration.state().stale &&
      configuration.snapshot().revocations.isKeyWithdrawn(kid),
    clock,
  });
  const admissions = new Admissions({ configuration, users, sessions, endSession, rechecks, clock });
  const assertions = new IdentityAssertions({ configuration, keys: issuerKeys, store, issuer, resource, clock });
  return {
    keys,
    admissions,
    assertions,
    assertionAdmissions: new AssertionAdmissions({ configuration, assertions, admissions, users, sessions, clock }),
    machines: new MachineAdmissions({ configuration, sessions, endSession, clock }),
    workloads: new WorkloadIdentities({ configuration, keys: issuerKeys, store, issuer, clock }),
    administered: new AdministeredAgents({ configuration, secrets }),
    status: new TokenStatus({ issuer, resources: Object.values(resources), keys, sessions, configuration, clock }),
  };
}
