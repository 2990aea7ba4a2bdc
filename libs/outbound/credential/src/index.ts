/**
 * Leases the credential that a server's provider gives a caller: `leaseCredential` switches over the kinds of `kinds/`.
 * It runs in the control plane, which answers the gateways' lease requests with it. Does no I/O of its own: fetch,
 * stores and clock are passed in.
 */
export { leaseCredential } from './credential.js';
export type { CredentialContext } from './credential.js';
export { DerivedTokens } from './derived-tokens.js';
export type { DerivedTokensContext } from './derived-tokens.js';
export type { DownstreamSigningKey } from './downstream-token.js';
export { ClientCredentialsTokens } from './kinds/client-credentials.js';
export { CloudCredentials } from './kinds/cloud.js';
export type { UserConnectionContext } from './kinds/mcp-user-oauth.js';
export { readStaticSecret } from './kinds/static.js';
export type { EnteredSecret, StaticProvider } from './kinds/static.js';
export type { ConnectReason, ProviderLease, ProviderRefusal } from './provider-lease.js';
export { scopeLimitOf, wasAskedFor } from './step-up.js';
