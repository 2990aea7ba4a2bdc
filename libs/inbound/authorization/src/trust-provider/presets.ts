import type { ClaimSource, TrustProviderPreset, TrustProviderSpec } from '@sallyport/configuration';

/** What is known about a product, from its own documentation and what it sends. */
export interface Preset {
  /** The issuer's path, and how to say what it looks like. */
  readonly issuerPath: { readonly pattern: RegExp; readonly looks: string } | undefined;
  readonly scopes: readonly string[];
  /**
   * Asked for only where the provider's metadata offers it: the same product has it in one place and errs in another.
   */
  readonly scopesIfOffered: readonly string[];
  readonly claims: { readonly subject: ClaimSource } & Readonly<
    Record<'email' | 'name' | 'groups' | 'roles', ClaimSource | false>
  >;
  /** The claim that says the e-mail address was verified. */
  readonly emailVerified: string;
  /** The claim `allowedTenants` speaks of. */
  readonly tenant: string | undefined;
  /** Whether the userinfo endpoint may know what the ID token leaves out. */
  readonly userInfo: boolean;
  /** Whom a `private_key_jwt` assertion is for. RFC 7523 leaves it open, and products insist. */
  readonly assertionAudience: 'issuer' | 'token_endpoint';
  /** What makes the human show again who they are. */
  readonly freshSignIn: Readonly<Record<string, string>>;
  /** What else asks for a refresh token, where `offline_access` is not a scope. */
  readonly offline: Readonly<Record<string, string>>;
  readonly idTokenAlgorithms: NonNullable<TrustProviderSpec['idTokenAlgorithms']>;
}

const standard: Preset = {
  issuerPath: undefined,
  scopes: ['openid', 'profile', 'email'],
  scopesIfOffered: [],
  claims: { subject: 'sub', email: 'email', name: 'name', groups: 'groups', roles: 'roles' },
  emailVerified: 'email_verified',
  tenant: undefined,
  userInfo: true,
  assertionAudience: 'issuer',
  freshSignIn: { prompt: 'login', max_age: '0' },
  offline: {},
  // Signatures with a public key: a provider that signs with the client's secret would let us sign in whom we like.
  idTokenAlgorithms: [
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
  ],
};

export const PRESETS: Readonly<Record<TrustProviderPreset, Preset>> = {
  generic: standard,
  okta: {
    ...standard,
    issuerPath: {
      pattern: /^\/(oauth2\/[A-Za-z0-9]+)?$/,
      looks: 'https://<your domain> or https://<your domain>/oauth2/<authorization server>',
    },
    // The organisation's own authorization server has the scope `groups`; a custom one refuses it and puts the claim
    // where it is told.
    scopesIfOffered: ['groups'],
    claims: { ...standard.claims, roles: false },
    assertionAudience: 'token_endpoint',
    idTokenAlgorithms: ['RS256'],
  },
  entra: {
    ...standard,
    issuerPath: {
      pattern: /^\/([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|organizations|common|consumers|%7Btenantid%7D)\/v2\.0$/i,
      looks: 'https://login.microsoftonline.com/<tenant id>/v2.0, or with organizations in the place of the tenant id',
    },
    // `sub` differs from application to application, and `oid` is unique within its tenant only (S1).
    claims: { ...standard.claims, subject: { cel: 'claims.tid + ":" + claims.oid' } },
    emailVerified: 'xms_edov',
    tenant: 'tid',
    userInfo: false,
    assertionAudience: 'token_endpoint',
    idTokenAlgorithms: ['RS256'],
  },
  google: {
    ...standard,
    issuerPath: { pattern: /^\/$/, looks: 'https://accounts.google.com' },
    claims: { ...standard.claims, groups: false, roles: false },
    tenant: 'hd',
    userInfo: false,
    freshSignIn: { prompt: 'select_account' },
    offline: { access_type: 'offline', prompt: 'consent' },
    idTokenAlgorithms: ['RS256'],
  },
  auth0: {
    ...standard,
    issuerPath: { pattern: /^\/$/, looks: 'https://<your domain>/' },
    // Anything beyond the standard is a namespaced claim that an Action adds, under a name of the organisation's own.
    claims: { ...standard.claims, groups: false, roles: false },
    idTokenAlgorithms: ['RS256', 'PS256'],
  },
  keycloak: {
    ...standard,
    issuerPath: { pattern: /\/realms\/[^/]+$/, looks: 'https://<your host>/realms/<realm>' },
    claims: { ...standard.claims, roles: 'realm_access.roles' },
  },
};
