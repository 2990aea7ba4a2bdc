import { z } from 'zod';
import { addOns, server } from './credential-add-ons.js';
import { Duration, HttpUrl, Scope } from './fields.js';
import { Client, ClientId, maxScopes, Parameters, refresh } from './oauth-client.js';

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
  server,
  preset: z
    .enum(OAUTH_PRESETS)
    .optional()
    .describe('A provider that is known: its endpoints and habits. Every field that is given overrides the preset.'),
  client: z
    .discriminatedUnion('authentication', [
      ...Client.options,
      z
        .strictObject({
          authentication: z.literal('none').describe('We do not authenticate.'),
          clientId: ClientId,
        })
        .describe('A public client.'),
    ])
    .describe('Our client, registered by hand at the provider, and how it authenticates.'),
  scopes: z.array(Scope).max(64).default([]).describe('The scopes we ask for.'),
  issuer: z
    .url({ protocol: /^https?$/ })
    .max(2_048)
    .optional()
    .describe('Its `iss` in authorization responses (RFC 9207); by default the token endpoint’s origin.'),
  authorizationEndpoint: HttpUrl.optional().describe('Where users are sent to agree; required without a preset.'),
  tokenEndpoint: HttpUrl.optional().describe('Where codes are exchanged for tokens; required without a preset.'),
  refreshEndpoint: HttpUrl.optional().describe('The endpoint that refreshes tokens; by default the token endpoint.'),
  revocationEndpoint: HttpUrl.optional().describe('Where tokens are revoked when a user disconnects (RFC 7009).'),
  scopeSeparator: z.enum([' ', ',', '+']).optional().describe('What stands between scopes; a space by default.'),
  scopeParameter: FieldName.optional().describe('The parameter that carries scopes; `scope` by default.'),
  authorizeParameters: Parameters.optional().describe('Further parameters of the authorization request.'),
  tokenParameters: Parameters.optional().describe('Further parameters of token requests.'),
  pkce: z.boolean().optional().describe('Whether we use PKCE (RFC 7636); true by default.'),
  resource: z.boolean().optional().describe('Whether we send the `resource` parameter (RFC 8707); true by default.'),
  body: z.enum(['form', 'json']).optional().describe('The encoding of token requests; `form` by default.'),
  tokenPath: z
    .array(FieldName)
    .min(1)
    .max(4)
    .optional()
    .describe(
      'The path to the token object in a token response, such as `[authed_user]`; by default the response itself.',
    ),
  tokenTypes: z
    .array(FieldName)
    .max(4)
    .optional()
    .describe('Accepted values of `token_type` besides `bearer`. We send the token as bearer all the same.'),
  errorField: FieldName.optional().describe('The field with an error’s code; `error` by default.'),
  expiresIn: z.enum(['seconds', 'milliseconds']).optional().describe('The unit of `expires_in`; `seconds` by default.'),
  unsaidLifetime: Duration.optional().describe(
    'The lifetime of a token whose response has no `expires_in`; by default it never ends.',
  ),
  account: z
    .strictObject({
      id: z.array(FieldName).min(1).max(4).describe('The path to the account’s id.'),
      name: z.array(FieldName).min(1).max(4).optional().describe('The path to the name that users know it by.'),
    })
    .optional()
    .describe('Where a token response says which account it is. A provider with ID tokens needs none.'),
  renewal: z
    .strictObject({
      grantType: FieldName.describe('The `grant_type` of the exchange.'),
      tokenParameter: FieldName.describe('The parameter that carries the access token.'),
      method: z.enum(['POST', 'GET']).default('POST').describe('How the exchange is asked for.'),
    })
    .optional()
    .describe('For providers without refresh tokens, such as Meta: exchanges the access token for a newer one.'),
  deadGrant: z
    .array(
      z.strictObject({
        error: z.string().min(1).max(128).describe('The error’s code.'),
        description: z
          .string()
          .min(1)
          .max(512)
          .optional()
          .describe('The `error_description`, which must be equal; any by default.'),
      }),
    )
    .max(8)
    .optional()
    .describe('Errors that mean the same as `invalid_grant`: the user has to connect again.'),
  ...addOns,
  refresh,
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

export const OAuthUser = z
  .strictObject({
    type: z.literal('oauth-user').describe('The type of credential.'),
    ...configuredOAuth,
    maxScopes,
  })
  .superRefine(needsEndpoints)
  .describe('Each user connects their own account at an OAuth provider that we cannot discover.');

export const OAuthShared = z
  .strictObject({ type: z.literal('oauth-shared').describe('The type of credential.'), ...configuredOAuth })
  .superRefine(needsEndpoints)
  // R41
  .describe('One account at an OAuth provider, which an administrator connects once for all users a policy allows.');
