import { durationMs } from '@sallyport/kernel';
import type { CredentialProviderSpec } from '@sallyport/configuration';
import type { TokenQuirks } from '../token/token-result.js';
import { OAUTH_USER_PRESETS } from './oauth-user-presets.js';
import type { OAuthUserProvider, OAuthUserRules } from './oauth-user-rules.js';

/**
 * The fields of an `oauth-user` document, completed by its preset. The schema makes sure that the endpoints are there.
 */
export function oauthUserRules(spec: OAuthUserProvider): OAuthUserRules {
  const {
    type: _type,
    server: _server,
    preset,
    client: _client,
    scopes: _scopes,
    clientCertificate: _certificate,
    requestSigning: _signing,
    refresh: _refresh,
    ...own
  } = spec;
  const said = Object.fromEntries(
    Object.entries(own).filter(([name, value]) => name !== 'maxScopes' && value !== undefined),
  );
  return {
    ...(preset === undefined ? { authorizationEndpoint: '', tokenEndpoint: '' } : OAUTH_USER_PRESETS[preset]),
    ...said,
  };
}

/** The issuer its authorization server names (RFC 9207), else the origin of its token endpoint. */
export function issuerOf({ issuer, tokenEndpoint }: Pick<OAuthUserRules, 'issuer' | 'tokenEndpoint'>): string {
  return issuer ?? new URL(tokenEndpoint).origin;
}

/** What the provider's token endpoint does differently; nothing for a kind that keeps to the specifications. */
export function tokenQuirksOf(spec: CredentialProviderSpec): TokenQuirks {
  if (spec.type === 'mcp-user-oauth') return { resource: spec.resource };
  if (spec.type !== 'oauth-user' && spec.type !== 'oauth-shared') return {};
  const {
    body,
    tokenPath,
    tokenTypes,
    errorField,
    expiresIn,
    unsaidLifetime,
    deadGrant,
    tokenParameters,
    resource,
    account,
    renewal,
  } = oauthUserRules(spec);
  return {
    body,
    tokenPath,
    tokenTypes,
    errorField,
    expiresIn,
    unsaidLifetimeMs: unsaidLifetime === undefined ? undefined : durationMs(unsaidLifetime),
    deadGrant,
    parameters: tokenParameters,
    resource,
    account,
    renewal,
    looseScopes: true,
  };
}
