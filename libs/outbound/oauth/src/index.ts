/**
 * The OAuth client toward providers: authorization requests, token requests and refreshes, exchange and revocation.
 * Does no I/O of its own: fetch and clock are passed in. Finding a provider's metadata (`./discovery`), registering our
 * client (`./registration`) and what providers do differently (`./presets`) are doors of their own.
 */
export { createAuthorizationRequest, scopesToRequest } from './authorization/authorization-request.js';
export { exchangeCode } from './authorization/exchange-code.js';
export { readAuthorizationResponse } from './authorization/read-authorization-response.js';
export { configuredClient } from './configured-client.js';
export type { FindSecret } from './configured-client.js';
export { lasting, outboundFailure, shownAddress, temporary } from './failure.js';
export type { Failure, FailureDetail } from './failure.js';
export { CLIENT_AUTHENTICATIONS } from './oauth-client.js';
export type { ClientAuthentication, OAuthClient, OutboundFetch } from './oauth-client.js';
export type { ProviderWords } from './provider-words.js';
export { isSameIdentifier } from './same-identifier.js';
export { accountOf } from './token/account-of.js';
export type { ProviderAccount } from './token/token-result.js';
export {
  assertionParameters,
  exchangeParameters,
  exchangeQuirks,
  readExchange,
  subjectTokenOf,
} from './token/exchange-token.js';
export type { ExchangeResult, ExchangingProvider } from './token/exchange-token.js';
export type { ProviderFailure, ProviderFailureReason } from './token/provider-failure.js';
export { refreshGrant } from './token/refresh-grant.js';
export type { RefreshAttempt } from './token/refresh-grant.js';
export { receiveToken, requestToken } from './token/request-token.js';
export type { GrantedTokens, TokenResult } from './token/token-result.js';
export { revokeGrant } from './token/revoke-grant.js';
export type { TokenRevocation } from './token/revoke-grant.js';
