import { z } from 'zod';
import { Duration, HttpUrl, Scope, SecretSource } from './fields.js';
import { IdentityAssertions } from './identity-assertions.js';

/** A claim, a path into one (`realm_access.roles`, `resource_access."my client".roles`), or CEL over `claims`. */
export const ClaimSource = z.union(
  [
    z.string().min(1).max(512),
    z.strictObject({ cel: z.string().min(1).max(2048).describe('A CEL expression over `claims`.') }),
  ],
  'must be a claim, a path like `realm_access.roles`, or { cel: … }',
);
/** `false` reads no claim, even if the preset would. */
const OptionalClaimSource = z.union(
  [ClaimSource, z.literal(false)],
  'must be a claim, a path like `realm_access.roles`, { cel: … }, or false',
);
/** One value of a space-separated parameter (OpenID Connect Core section 3.1.2.1, `acr_values`). */
const Value = z
  .string()
  .max(256)
  .regex(/^[\x21-\x7E]+$/, 'must be printable and without spaces');

export const ID_TOKEN_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const;
export const TRUST_PROVIDER_PRESETS = ['okta', 'entra', 'google', 'auth0', 'keycloak', 'generic'] as const;

const TrustProviderSession = z.strictObject({
  // R84
  recheckEvery: Duration.optional().describe(
    'How often we ask the provider whether the user still exists, and in which groups. We keep its refresh token.',
  ),
  toleratedOutage: Duration.default('1h').describe(
    'How long after its last yes an unreachable provider ends no session. After that we issue no tokens.',
  ),
  keepTokens: z
    .boolean()
    .default(false)
    .describe('Whether we also keep its ID and access token, for credential providers that exchange them.'),
  signOutAtProvider: z
    .boolean()
    .default(false)
    .describe('Whether a user who signs out here is sent to the provider’s own sign-out.'),
});

const Claims = z.strictObject({
  subject: ClaimSource.optional().describe('Who the user is. It must never change or go to another user.'),
  email: OptionalClaimSource.optional().describe('The user’s e-mail address.'),
  name: OptionalClaimSource.optional().describe('The user’s name, as people read it.'),
  groups: OptionalClaimSource.optional().describe('The groups that roles and policies name.'),
  roles: OptionalClaimSource.optional().describe('The values that `providerRoles` names.'),
});

/** We ask the provider for these, and check its ID token for them. */
const RequiredSignIn = z.strictObject({
  acr: z.array(Value).min(1).max(16).optional().describe('The sign-in must have one of these classes.'),
  amr: z.array(Value).min(1).max(16).optional().describe('The sign-in must have used all of these methods (RFC 8176).'),
  maxAge: Duration.optional().describe(
    'The longest time since the provider authenticated the user; it must say when (`auth_time`).',
  ),
});

export const TrustProviderSpec = z.strictObject({
  displayName: z
    .string()
    .min(1)
    .max(80)
    .optional()
    .describe('What users read where they sign in; the name by default.'),
  preset: z
    .enum(TRUST_PROVIDER_PRESETS)
    .optional()
    .describe(
      'The product, whose scopes, claims and habits are known. Every field that is given overrides the preset.',
    ),
  issuer: HttpUrl.describe('The issuer of its ID tokens, from which we discover the rest.'),
  clientId: z.string().min(1).describe('Our client id there.'),
  clientSecret: SecretSource.optional().describe('The secret of our client.'),
  clientKey: SecretSource.optional().describe(
    'A private key as JWK, for `private_key_jwt` (RFC 7523), instead of a shared secret.',
  ),
  tokenEndpointAuthMethod: z
    .enum(['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'])
    .optional()
    .describe('How we authenticate at its token endpoint; by default with what we have, as its metadata says.'),
  scopes: z.array(Scope).max(64).optional().describe('The scopes we ask for; by default the preset’s.'),
  claims: Claims.optional().describe('The claims of the ID token to read; by default the preset’s.'),
  allowedEmailDomains: z
    .array(z.string().min(1).max(255))
    .min(1)
    .max(256)
    .optional()
    .describe('The domains of e-mail addresses whose users may sign in; any by default.'),
  emailVerified: z
    .enum(['required', 'assumed'])
    .optional()
    .describe('`assumed`: an address counts as verified unless the provider says that it is not.'),
  allowedTenants: z
    .array(z.string().min(1).max(255))
    .min(1)
    .max(256)
    .optional()
    .describe('Entra tenant ids (`tid`) or Google hosted domains (`hd`). Users of any other may not sign in.'),
  require: RequiredSignIn.optional().describe('What a sign-in must be.'),
  idTokenAlgorithms: z
    .array(z.enum(ID_TOKEN_ALGORITHMS))
    .min(1)
    .optional()
    .describe('The algorithms its ID tokens may be signed with; by default the preset’s, or any with a public key.'),
  session: TrustProviderSession.optional().describe('What we keep of a sign-in at the identity provider.'),
  identityAssertions: IdentityAssertions.optional().describe(
    'Lets agents come with an assertion of this provider (ID-JAG) instead of a sign-in and a consent; by default none.',
  ),
});
export type TrustProviderSpec = z.infer<typeof TrustProviderSpec>;
export type ClaimSource = z.infer<typeof ClaimSource>;
export type TrustProviderPreset = (typeof TRUST_PROVIDER_PRESETS)[number];
