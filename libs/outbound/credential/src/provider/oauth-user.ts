import type { CredentialProviderOf, CredentialProviderSpec } from '@sallyport/configuration';
import type { TokenQuirks } from '../oauth/request-token.js';
import { OAUTH_USER_PRESETS } from './oauth-user-presets.js';

/** Of a user's own, or shared: configured alike. */
export type OAuthUserProvider = CredentialProviderOf<'oauth-user' | 'oauth-shared'>;

type Own = Omit<
  OAuthUserProvider,
  'type' | 'server' | 'preset' | 'client' | 'scopes' | 'maxScopes' | 'clientCertificate' | 'requestSigning' | 'refresh'
>;
export type OAuthUserRules = { readonly [K in keyof Own]: Own[K] } & {
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
};

/** `oauth-user`: the document's own fields, else its preset's, else what the specifications say. The schema sees to the endpoints. */
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

/** What its authorization server calls itself (RFC 9207), else where its token endpoint is. */
export function issuerOf({ issuer, tokenEndpoint }: Pick<OAuthUserRules, 'issuer' | 'tokenEndpoint'>): string {
  return issuer ?? new URL(tokenEndpoint).origin;
}

/** How its token endpoint is to be spoken to and understood; of a kind that keeps to the specifications, in no special way. */
export function tokenQuirksOf(spec: CredentialProviderSpec): TokenQuirks {
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
    unsaidLifetimeMs: unsaidLifetime === undefined ? undefined : milliseconds(unsaidLifetime),
    deadGrant,
    parameters: tokenParameters,
    resource,
    account,
    renewal,
    looseScopes: true,
  };
}

function milliseconds(duration: string): number {
  const unit = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }[duration.slice(-1)] ?? 1_000;
  return Number.parseInt(duration, 10) * unit;
}
