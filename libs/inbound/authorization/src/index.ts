/**
 * Who may be granted what, as pure decisions: which redirect URIs and client ID metadata documents are acceptable, how
 * sure we are of an agent, what exactly a person consents to, which scopes a role entitles to; and whom a trust
 * provider's answer names, by what is known of its product (`trust-provider/presets.ts`). Knows neither HTTP nor the
 * OAuth engine nor the database: the authorization server does, and asks here.
 */
export { agentAssurance, agentHost, agentName, assuranceWithKey, isTrustedRedirect } from './agent.js';
export type { AgentRegistration } from './agent.js';
export {
  isDocumentUrl,
  MAX_REDIRECT_URIS,
  mayFetchDocument,
  usableRedirectUris,
  validateClientDocument,
  validateRedirectUris,
} from './client-document.js';
export { isWorkload, problemsOfWorkload } from './workload-identity.js';
export { consentDigest, registrationDigest } from './consent-digest.js';
export { grantedScopes } from './granted-scopes.js';
export {
  applicationTypeFor,
  classifyRedirectUri,
  problemOfRedirectEntry,
  redirectHost,
  redirectTarget,
  registrableRedirectUris,
} from './redirect-uri.js';
export { agentsAnsweredAt, POPULAR_REDIRECT_URIS } from './popular-agents.js';
export { changedSince, writeShown } from './shown.js';
export type { Shown } from './shown.js';
export { dependsOnUserInfo, lastingClaims, mapClaims, needsUserInfo, vouchesFor } from './trust-provider/map-claims.js';
export type { Identity, MappedIdentity, ProvenClaims, SignInRefusal } from './trust-provider/map-claims.js';
export { problemsOfTrustProvider, trustProviderRules } from './trust-provider/trust-provider.js';
export type { TrustProviderRules } from './trust-provider/trust-provider.js';
