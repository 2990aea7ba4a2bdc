/**
 * How a server is given a credential the agent never sees: provider kinds, leases sealed to one gateway (security rule
 * S21), the vault's record format, and the OAuth client toward servers. Does no I/O of its own: fetch, stores, sealer
 * and clock are passed in. Its neighbours are the gateway (asks for leases), the control plane (answers them, connects
 * accounts) and the refresh worker.
 */
export { sealLeaseRequest } from './lease/seal-lease-request.js';
export type { LeaseExpectation, LeaseRequester, LeaseRequestWire, LeaseWish } from './lease/seal-lease-request.js';
export { openLeaseRequest } from './lease/open-lease-request.js';
export type {
  LeaseRequestRefusal,
  LeaseResponderKeys,
  OpenedLeaseRequest,
  OpenLeaseRequestResult,
} from './lease/open-lease-request.js';
export { sealLeaseAnswer } from './lease/seal-lease-answer.js';
export type { LeaseAnswerSubject, LeaseAnswerWire } from './lease/seal-lease-answer.js';
export { openLeaseAnswer } from './lease/open-lease-answer.js';
export { MemorySeenNonces } from './lease/seen-nonces.js';
export type { SeenNonces } from './lease/seen-nonces.js';
export type { Connection, ConnectionSummary } from './connection/connection.js';
export { configuredTarget, pinsHold, pinsOf } from './connection/connection-pins.js';
export type { ConfiguredTarget } from './connection/connection-pins.js';
export type {
  ConnectionStore,
  DueWish,
  LockResult,
  NewConnection,
  RefreshFence,
  Standing,
  Successor,
} from './connection/connection-store.js';
export { aConnection, connectionStoreContract } from './connection/connection-store.contract.js';
export { MemoryConnectionStore } from './connection/memory-connection-store.js';
export {
  CONNECTION_PURPOSE,
  openCredential,
  sealCredential,
  StoredCredential,
  vaultAad,
} from './connection/vault-record.js';
export type { Vault, VaultRecord } from './connection/vault-record.js';
export { refreshConnection } from './connection/refresh-connection.js';
export type { RefreshContext, RefreshResult } from './connection/refresh-connection.js';
export { storeGrant } from './connection/store-grant.js';
export { storeEnteredSecret } from './connection/store-entered-secret.js';
export type { NewGrant } from './connection/store-grant.js';
export { readScopeChallenge } from './oauth/bearer-challenge.js';
export { createAuthorizationRequest, scopesToRequest } from './oauth/authorization-request.js';
export { AuthorizationServerMetadata, discoverAuthorizationServer } from './oauth/discover-authorization-server.js';
export { discoverProtectedResource } from './oauth/discover-protected-resource.js';
export { exchangeCode } from './oauth/exchange-code.js';
export { CLIENT_AUTHENTICATIONS } from './oauth/oauth-client.js';
export { configuredClient } from './oauth/configured-client.js';
export { ClientCredentialsTokens } from './provider/client-credentials.js';
export type { ClientCredentialsContext } from './provider/client-credentials.js';
export { DerivedTokens } from './provider/derived-tokens.js';
export type { DerivedTokensContext } from './provider/derived-tokens.js';
export { askForExchange } from './exchange/ask-for-exchange.js';
export type { ExchangeRequester, ExchangeWish } from './exchange/ask-for-exchange.js';
export { openExchangeRequest } from './exchange/open-exchange-request.js';
export { sealExchangeAnswer } from './exchange/seal-exchange-answer.js';
export { exchangeParameters, exchangeQuirks, readExchange, subjectTokenOf } from './oauth/exchange-token.js';
export type { ExchangeResult, ExchangingProvider } from './oauth/exchange-token.js';
export { receiveToken, requestToken } from './oauth/request-token.js';
export type { ClientAuthentication, OAuthClient, OutboundFetch } from './oauth/oauth-client.js';
export { readAuthorizationResponse } from './oauth/read-authorization-response.js';
export { preferredAuthentication, registerClient } from './oauth/register-client.js';
export type { ClientRegistration } from './oauth/register-client.js';
export type { GrantedTokens, TokenResult } from './oauth/request-token.js';
export { accountOf } from './oauth/account-of.js';
export type { ProviderAccount } from './oauth/account-of.js';
export { revokeGrant } from './oauth/revoke-grant.js';
export { revokeUpstream } from './connection/upstream-revocation.js';
export type {
  RevokeUpstreamContext,
  UpstreamRevocation,
  UpstreamRevocationResult,
  UpstreamRevocations,
  UpstreamRevocationSummary,
} from './connection/upstream-revocation.js';
export { leaseGatewayToken } from './provider/gateway-token.js';
export type { DownstreamSigningKey } from './provider/gateway-token.js';
export { leaseUserConnection } from './provider/mcp-user-oauth.js';
export type { UserConnectionContext } from './provider/mcp-user-oauth.js';
export { leaseEnteredSecret, leaseSharedSecret, readStaticSecret } from './provider/static.js';
export type { EnteredSecret, StaticProvider } from './provider/static.js';
export type { UsableConnectionContext } from './provider/usable-connection.js';
export type { OAuthUserProvider } from './provider/oauth-user.js';
export { issuerOf, oauthUserRules, tokenQuirksOf } from './provider/oauth-user.js';
export { scopeLimitOf, wasAskedFor } from './provider/step-up.js';
export { CloudCredentials } from './provider/cloud.js';
export type { CloudCredentialsContext } from './provider/cloud.js';
export { withAddOns } from './provider/credential-add-ons.js';
export type { AddOnRefusal } from './provider/credential-add-ons.js';
export { leaseSharedConnection } from './provider/oauth-shared.js';
export { leaseNothing } from './provider/none.js';
export type { ConnectReason, GrantedLease, ProviderLease, ProviderRefusal } from './provider/provider-lease.js';
export { askProvider, waitOf } from './connection/ask-provider.js';
export type { Asked, ProviderChange, ProviderGate, ProviderVerdict } from './connection/ask-provider.js';
export { MemoryProviderStandings } from './connection/memory-provider-standings.js';
export type {
  KnownStanding,
  ProviderKey,
  ProviderStandings,
  SeenStanding,
  StandingVersion,
} from './connection/provider-standings.js';
export { aStanding, providerStandingsContract } from './connection/provider-standings.contract.js';
export { describeProviderChange, describeRefresh } from './connection/describe-refresh.js';
export type { RefreshReport } from './connection/describe-refresh.js';
