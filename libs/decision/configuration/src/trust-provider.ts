import { z } from 'zod';
import { Duration, HttpUrl, Scope, SecretSource } from './fields.js';
import { IdentityAssertions } from './identity-assertions.js';

/** A claim, a path into one (`realm_access.roles`, `resource_access."my client".roles`), or CEL over `claims`. */
export const ClaimSource = z.union(
  [z.string().min(1).max(512), z.strictObject({ cel: z.string().min(1).max(2048) })],
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

/** What we keep of a sign-in at the identity provider. */
const TrustProviderSession = z.strictObject({
  /**
   * How often we ask the provider whether the user still exists, and in which groups. We keep its refresh token (R84).
   */
  recheckEvery: Duration.optional(),
  /** How long after its last yes an unreachable provider ends no session. After that we issue no tokens. */
  toleratedOutage: Duration.default('1h'),
  /** Whether we also keep its ID and access token, for credential providers that exchange them. */
  keepTokens: z.boolean().default(false),
  /** Whether a user who signs out here is sent to the provider's own sign-out. */
  signOutAtProvider: z.boolean().default(false),
});

export const TrustProviderSpec = z.strictObject({
  displayName: z.string().min(1).max(80).optional(),
  /** The product, whose scopes, claims and habits are known. Every field that is given overrides the preset. */
  preset: z.enum(TRUST_PROVIDER_PRESETS).optional(),
  issuer: HttpUrl,
  clientId: z.string().min(1),
  clientSecret: SecretSource.optional(),
  /** A private key as JWK, for `private_key_jwt` (RFC 7523), instead of a shared secret. */
  clientKey: SecretSource.optional(),
  tokenEndpointAuthMethod: z.enum(['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none']).optional(),
  scopes: z.array(Scope).max(64).optional(),
  /** The claims of the ID token to read. That of `subject` must never change or go to another user. */
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
  /** `assumed`: an address counts as verified unless the provider says that it is not. */
  emailVerified: z.enum(['required', 'assumed']).optional(),
  /** Entra tenant ids (`tid`) or Google hosted domains (`hd`). Users of any other may not sign in. */
  allowedTenants: z.array(z.string().min(1).max(255)).min(1).max(256).optional(),
  /** What a sign-in must be. We ask the provider for it, and check its ID token for it. */
  require: z
    .strictObject({
      /** The sign-in must have one of these classes. */
      acr: z.array(Value).min(1).max(16).optional(),
      /** The sign-in must have used all of these methods (RFC 8176). */
      amr: z.array(Value).min(1).max(16).optional(),
      /** The longest time since the provider authenticated the user; it must say when (`auth_time`). */
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
