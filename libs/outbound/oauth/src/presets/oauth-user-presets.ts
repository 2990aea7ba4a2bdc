import type { OAuthPreset } from '@sallyport/configuration';
import type { OAuthUserRules } from './oauth-user-rules.js';

/** What providers do otherwise than the specification, as data. A document's own fields win. */
export const OAUTH_USER_PRESETS: Readonly<
  Record<OAuthPreset, Partial<OAuthUserRules> & Pick<OAuthUserRules, 'authorizationEndpoint' | 'tokenEndpoint'>>
> = {
  atlassian: {
    authorizationEndpoint: 'https://auth.atlassian.com/authorize',
    tokenEndpoint: 'https://auth.atlassian.com/oauth/token',
    authorizeParameters: { audience: 'api.atlassian.com', prompt: 'consent' },
    body: 'json',
    resource: false,
    deadGrant: [{ error: 'unauthorized_client', description: 'refresh_token is invalid' }],
  },
  /** Tokens of an OAuth app say no lifetime and never expire; those of a GitHub app do. */
  github: {
    authorizationEndpoint: 'https://github.com/login/oauth/authorize',
    tokenEndpoint: 'https://github.com/login/oauth/access_token',
    resource: false,
    deadGrant: [{ error: 'bad_refresh_token' }],
  },
  google: {
    issuer: 'https://accounts.google.com',
    authorizationEndpoint: 'https://accounts.google.com/o/oauth2/v2/auth',
    tokenEndpoint: 'https://oauth2.googleapis.com/token',
    revocationEndpoint: 'https://oauth2.googleapis.com/revoke',
    authorizeParameters: { access_type: 'offline', prompt: 'consent' },
    resource: false,
  },
  hubspot: {
    authorizationEndpoint: 'https://app.hubspot.com/oauth/authorize',
    tokenEndpoint: 'https://api.hubapi.com/oauth/v1/token',
    pkce: false,
    resource: false,
    errorField: 'status',
    deadGrant: [{ error: 'BAD_REFRESH_TOKEN' }],
  },
  linear: {
    authorizationEndpoint: 'https://linear.app/oauth/authorize',
    tokenEndpoint: 'https://api.linear.app/oauth/token',
    revocationEndpoint: 'https://api.linear.app/oauth/revoke',
    scopeSeparator: ',',
    resource: false,
  },
  /** `resource` is refused beside scopes; for one tenant, name its endpoints in the document. */
  microsoft: {
    authorizationEndpoint: 'https://login.microsoftonline.com/organizations/oauth2/v2.0/authorize',
    tokenEndpoint: 'https://login.microsoftonline.com/organizations/oauth2/v2.0/token',
    resource: false,
    deadGrant: [{ error: 'interaction_required' }],
  },
  notion: {
    authorizationEndpoint: 'https://api.notion.com/v1/oauth/authorize',
    tokenEndpoint: 'https://api.notion.com/v1/oauth/token',
    authorizeParameters: { owner: 'user' },
    account: { id: ['owner', 'user', 'id'], name: ['owner', 'user', 'name'] },
    body: 'json',
    pkce: false,
    resource: false,
  },
  /** It says no lifetime, and an organisation sets it, from 15 minutes on. */
  salesforce: {
    authorizationEndpoint: 'https://login.salesforce.com/services/oauth2/authorize',
    tokenEndpoint: 'https://login.salesforce.com/services/oauth2/token',
    revocationEndpoint: 'https://login.salesforce.com/services/oauth2/revoke',
    resource: false,
    unsaidLifetime: '15m',
  },
  sentry: {
    authorizationEndpoint: 'https://sentry.io/oauth/authorize/',
    tokenEndpoint: 'https://sentry.io/oauth/token/',
    resource: false,
  },
  /** The user's token is nested, beside the bot's; errors come with status 200. */
  slack: {
    authorizationEndpoint: 'https://slack.com/oauth/v2/authorize',
    tokenEndpoint: 'https://slack.com/api/oauth.v2.access',
    scopeParameter: 'user_scope',
    scopeSeparator: ',',
    pkce: false,
    resource: false,
    tokenPath: ['authed_user'],
    tokenTypes: ['user'],
    account: { id: ['authed_user', 'id'] },
    deadGrant: [{ error: 'invalid_refresh_token' }, { error: 'token_revoked' }],
  },
};
