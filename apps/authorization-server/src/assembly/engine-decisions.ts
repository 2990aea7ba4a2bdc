import type { EngineDecisions } from '../engine/engine.js';
import { knownScopes, scopesOfRoles } from '../entitlement/known-scopes.js';
import { lifetimesOf } from '../entitlement/lifetimes.js';
import { isSameNetwork } from '../limits/address-keys.js';
import type { Entitlements } from './create-entitlements.js';
import type { Outbound } from './create-outbound.js';
import type { Storage } from './create-storage.js';
import type { Foundation } from './foundation.js';

/** Where no `ClientRegistration` says otherwise, an agent may be published on any host. */
const ANY_HOST = { enabled: true, allowedHosts: ['*'], deniedHosts: [] } as const;

/** What the engine asks of the rest of the server, and who answers it. */
export function engineDecisions(
  { configuration }: Foundation,
  storage: Storage,
  { limits }: Outbound,
  entitlements: Entitlements,
): EngineDecisions {
  const { registrations, endSession } = storage;
  const { administered, workloads, machines, admissions, assertions, assertionAdmissions, status } = entitlements;
  return {
    scopesOfRoles: () => scopesOfRoles(configuration.snapshot()),
    isKnownScope: (scope) => knownScopes(configuration.snapshot()).has(scope),
    registration: registrations,
    documents: () => configuration.snapshot().get('ClientRegistration', 'default')?.spec.metadataDocuments ?? ANY_HOST,
    administeredAgent: (clientId) => administered.find(clientId),
    isWorkload: (clientId) => workloads.isWorkload(clientId),
    verifyWorkload: (clientId, token) => workloads.verify(clientId, token),
    lifetimes: () => lifetimesOf(configuration.snapshot()),
    signInVoid: (userId, authTime) =>
      configuration.snapshot().revocations.isRevoked({ userId, clientId: '', sid: '', issuedAt: authTime }),
    admitMachine: (request) => machines.admit(request),
    admitToken: (request) => admissions.admitToken(request),
    acceptsAssertions: () => assertions.accepted(),
    admitAssertion: (request) => assertionAdmissions.admit(request),
    liveToken: (token) => status.read(token),
    liveTokenFor: (clientId, token) => status.readFor(clientId, token),
    grantIsLive: (grantId) => status.grantIsLive(grantId),
    endSession,
    limits,
    ...userDecisions(storage, entitlements),
  };
}

function userDecisions(
  { users, sessions, identities }: Storage,
  { admissions }: Entitlements,
): Pick<EngineDecisions, 'sessionPlace' | 'userExists' | 'userIsVouchedFor' | 'signedInBrowser' | 'signInOfBrowser'> {
  return {
    sessionPlace: async (grantId, address) => {
      const session = await sessions.findByGrant(grantId);
      if (!session) return undefined;
      const { userId, clientId, agentName, sid, lastUsedAddress } = session;
      return { subject: { userId, clientId, agentName, sid }, isSamePlace: isSameNetwork(lastUsedAddress, address) };
    },
    userExists: async (userId) => (await users.find(userId)) !== undefined,
    userIsVouchedFor: async (userId) => {
      const user = await users.find(userId);
      return user !== undefined && admissions.isVouchedFor(user);
    },
    signedInBrowser: (id, browserUid) => identities.bindBrowser(id, browserUid),
    signInOfBrowser: async (browserUid) => {
      const signIn = await identities.ofBrowser(browserUid);
      return signIn?.browserEnded === false ? signIn.id : undefined;
    },
  };
}
