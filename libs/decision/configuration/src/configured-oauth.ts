import { z } from 'zod';
import { addOns } from './credential-add-ons.js';
import { Duration, HttpUrl, Scope, ServerId } from './fields.js';
import { Client, Parameters, RefreshPace } from './oauth-client.js';

export const OAUTH_PRESETS = [
  'atlassian',
  'github',
  'google',
  'hubspot',
  'linear',
  'microsoft',
  'notion',
  'salesforce',
  'sentry',
  'slack',
] as const;
export type OAuthPreset = (typeof OAUTH_PRESETS)[number];
const FieldName = z
  .string()
  .max(64)
  .regex(/^[A-Za-z_][A-Za-z0-9_.-]*$/, 'must be a field name');

/**
 * An OAuth provider that we cannot discover. A preset or the document gives its endpoints, and what it does differently
 * from the specifications.
 */
const configuredOAuth = {
  server: ServerId,
  preset: z.enum(OAUTH_PRESETS).optional(),
  client: z.discriminatedUnion('authentication', [
    ...Client.options,
    z.strictObject({ authentication: z.literal('none'), clientId: z.string().min(1).max(512) }),
  ]),
  scopes: z.array(Scope).max(64).default([]),
  /** Its `iss` in authorization responses (RFC 9207); by default the token endpoint's origin. */
  issuer: z
    .url({ protocol: /^https?$/ })
    .max(2_048)
    .optional(),
  authorizationEndpoint: HttpUrl.optional(),
  tokenEndpoint: HttpUrl.optional(),
  /** The endpoint that refreshes tokens; by default the token endpoint. */
  refreshEndpoint: HttpUrl.optional(),
  /** RFC 7009. */
  revocationEndpoint: HttpUrl.optional(),
  scopeSeparator: z.enum([' ', ',', '+']).optional(),
  /** The parameter that carries scopes; `scope` by default. */
  scopeParameter: FieldName.optional(),
  authorizeParameters: Parameters.optional(),
  tokenParameters: Parameters.optional(),
  /** Whether we use PKCE (RFC 7636); true by default. */
  pkce: z.boolean().optional(),
  /** Whether we send the `resource` parameter (RFC 8707); true by default. */
  resource: z.boolean().optional(),
  /** The encoding of token requests; `form` by default. */
  body: z.enum(['form', 'json']).optional(),
  /** The path to the token object in a token response, such as `[authed_user]`; by default the response itself. */
  tokenPath: z.array(FieldName).min(1).max(4).optional(),
  /** Accepted values of `token_type` besides `bearer`. We send the token as bearer all the same. */
  tokenTypes: z.array(FieldName).max(4).optional(),
  /** The field with an error's code; `error` by default. */
  errorField: FieldName.optional(),
  /** The unit of `expires_in`; `seconds` by default. */
  expiresIn: z.enum(['seconds', 'milliseconds']).optional(),
  /** The lifetime of a token whose response has no `expires_in`; by default it never ends. */
  unsaidLifetime: Duration.optional(),
  /** The paths to the account's id and name in a token response. A provider with ID tokens needs none. */
  account: z
    .strictObject({ id: z.array(FieldName).min(1).max(4), name: z.array(FieldName).min(1).max(4).optional() })
    .optional(),
  /** For providers without refresh tokens, such as Meta: how to exchange the access token for a newer one. */
  renewal: z
    .strictObject({ grantType: FieldName, tokenParameter: FieldName, method: z.enum(['POST', 'GET']).default('POST') })
    .optional(),
  /** Errors that mean the same as `invalid_grant`. `description`, if given, must be equal. */
  deadGrant: z
    .array(z.strictObject({ error: z.string().min(1).max(128), description: z.string().min(1).max(512).optional() }))
    .max(8)
    .optional(),
  ...addOns,
  refresh: RefreshPace.optional(),
};
const needsEndpoints = (
  {
    preset,
    authorizationEndpoint,
    tokenEndpoint,
  }: {
    preset?: OAuthPreset | undefined;
    authorizationEndpoint?: string | undefined;
    tokenEndpoint?: string | undefined;
  },
  context: z.RefinementCtx,
) => {
  if (preset !== undefined) return;
  for (const [name, value] of Object.entries({ authorizationEndpoint, tokenEndpoint }))
    if (value === undefined)
      context.addIssue({ code: 'custom', path: [name], message: 'is required without a preset' });
};

/** Each user connects their own account at the provider. */
export const OAuthUser = z
  .strictObject({
    type: z.literal('oauth-user'),
    ...configuredOAuth,
    /**
     * The scopes we may ask for when the server wants more; by default `scopes`. Without both, we ask for whatever the
     * server wants, and the user agrees or not.
     */
    maxScopes: z.array(Scope).max(64).optional(),
  })
  .superRefine(needsEndpoints);

/** One account at the provider, which an administrator connects once for all users that a policy allows (R41). */
export const OAuthShared = z
  .strictObject({ type: z.literal('oauth-shared'), ...configuredOAuth })
  .superRefine(needsEndpoints);
