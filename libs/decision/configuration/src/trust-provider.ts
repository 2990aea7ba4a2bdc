import { z } from 'zod';
import { Duration, HttpUrl, Scope, SecretSource } from './fields.js';
import { IdentityAssertions } from './identity-assertions.js';

/** One claim, a path into one (`realm_access.roles`, `resource_access."my client".roles`), or CEL over `claims`. */
export const ClaimSource = z.union(
  [z.string().min(1).max(512), z.strictObject({ cel: z.string().min(1).max(2048) })],
  'must be a claim, a path like `realm_access.roles`, or { cel: … }',
);
/** `false` reads nothing, also where the preset would. */
const OptionalClaimSource = z.union(
  [ClaimSource, z.literal(false)],
  'must be a claim, a path like `realm_access.roles`, { cel: … }, or false',
);
/** What one value of a space-separated parameter may be (OpenID Connect Core section 3.1.2.1, `acr_values`). */
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

/** What lasts of a sign-in at the provider, beyond the sign-in. */
const TrustProviderSession = z.strictObject({
  /** Keep the provider's refresh token, sealed, and ask it again this often whether the human may still come in, and with which groups (R84). */
  recheckEvery: Duration.optional(),
  /** A provider that cannot be asked says neither yes nor no: until this long after its last yes, sessions live on; then nothing is issued. */
  toleratedOutage: Duration.default('1h'),
  /** Keep its ID and access token as well, where a credential provider exchanges them. */
  keepTokens: z.boolean().default(false),
  /** Whoever signs out here is sent on to the provider's own sign-out. */
  signOutAtProvider: z.boolean().default(false),
});

export const TrustProviderSpec = z.strictObject({
  displayName: z.string().min(1).max(80).optional(),
  /** What is known of a product: its scopes, its claims, its habits. Every field here says otherwise where it is given. */
  preset: z.enum(TRUST_PROVIDER_PRESETS).optional(),
  issuer: HttpUrl,
  clientId: z.string().min(1),
  clientSecret: SecretSource.optional(),
  /** A private key as JWK, for `private_key_jwt` (RFC 7523): no secret is shared. */
  clientKey: SecretSource.optional(),
  tokenEndpointAuthMethod: z.enum(['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none']).optional(),
  scopes: z.array(Scope).max(64).optional(),
  /** Where the ID token says what. `subject` never changes and is never used again for somebody else. */
  claims: z
    .strictObject({
      subject: ClaimSource.optional(),
      email: OptionalClaimSource.optional(),
      name: OptionalClaimSource.optional(),
      groups: OptionalClaimSource.optional(),
      roles: OptionalClaimSource.optional(),
    })
    .optional(),
  allowedEmailDomains: z.array(z.string().min(1).max(255)).min(1).max(256).optional(),
  /** `assumed`: a provider that says nothing of it holds verified addresses only. That it is not verified always counts. */
  emailVerified: z.enum(['required', 'assumed']).optional(),
  /** Entra tenant ids (`tid`), Google hosted domains (`hd`): nobody else signs in. */
  allowedTenants: z.array(z.string().min(1).max(255)).min(1).max(256).optional(),
  /** Asked of the provider, and of its answer. */
  require: z
    .strictObject({
      /** One of these. */
      acr: z.array(Value).min(1).max(16).optional(),
      /** All of these (RFC 8176). */
      amr: z.array(Value).min(1).max(16).optional(),
      /** How long ago the provider may have authenticated the human; it must say when (`auth_time`). */
      maxAge: Duration.optional(),
    })
    .optional(),
  idTokenAlgorithms: z.array(z.enum(ID_TOKEN_ALGORITHMS)).min(1).optional(),
  session: TrustProviderSession.optional(),
  identityAssertions: IdentityAssertions.optional(),
});
export type TrustProviderSpec = z.infer<typeof TrustProviderSpec>;
export type ClaimSource = z.infer<typeof ClaimSource>;
export type TrustProviderPreset = (typeof TRUST_PROVIDER_PRESETS)[number];
