/** What products send, by their public documentation and a look at what they serve, with tenants nobody has. */
export interface IdentityProduct {
  /** `issuer` below the origin of the host it is served from. */
  readonly issuer: (origin: string) => string;
  readonly metadata: (origin: string) => Record<string, unknown>;
  /** Without `aud`, `exp`, `iat` and `nonce`, which the sign-in decides. */
  readonly idToken: (origin: string) => Record<string, unknown>;
  readonly userInfo?: Record<string, unknown>;
}

export const TENANT = '3f1d7c52-90ab-4c6e-8d21-5b7a0e9c4f13';
export const OTHER_TENANT = 'c0ffee00-1234-4abc-9def-0123456789ab';
const OBJECT_ID = '8a6f2b1e-7c3d-4e5f-a0b1-c2d3e4f50617';
const now = () => Math.floor(Date.now() / 1000);

/** The organisation's own authorization server: thin ID tokens, `groups` as a scope, the rest at userinfo. */
export const okta: IdentityProduct = {
  issuer: (origin) => origin,
  metadata: (origin) => ({
    issuer: origin,
    authorization_endpoint: `${origin}/oauth2/v1/authorize`,
    token_endpoint: `${origin}/oauth2/v1/token`,
    userinfo_endpoint: `${origin}/oauth2/v1/userinfo`,
    registration_endpoint: `${origin}/oauth2/v1/clients`,
    jwks_uri: `${origin}/oauth2/v1/keys`,
    response_types_supported: ['code', 'id_token', 'code id_token', 'code token', 'id_token token', 'code id_token token'],
    response_modes_supported: ['query', 'fragment', 'form_post', 'okta_post_message'],
    grant_types_supported: ['authorization_code', 'implicit', 'refresh_token', 'password', 'urn:ietf:params:oauth:grant-type:device_code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    scopes_supported: ['openid', 'email', 'profile', 'address', 'phone', 'offline_access', 'groups'],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'private_key_jwt', 'none'],
    claims_supported: ['iss', 'ver', 'sub', 'aud', 'iat', 'exp', 'jti', 'auth_time', 'amr', 'idp', 'nonce', 'name', 'nickname', 'preferred_username', 'given_name', 'family_name', 'email', 'email_verified', 'zoneinfo', 'locale'],
    code_challenge_methods_supported: ['S256'],
    end_session_endpoint: `${origin}/oauth2/v1/logout`,
    request_parameter_supported: true,
  }),
  idToken: (origin) => ({ iss: origin, sub: '00u1a2b3c4D5e6F7g8h9', ver: 1, jti: 'ID.q1w2e3r4t5', amr: ['mfa', 'otp', 'pwd'], idp: '00o9z8y7x6W5v4U3t2s1', preferred_username: 'lena@birch.example', auth_time: now() - 30 }),
  userInfo: { sub: '00u1a2b3c4D5e6F7g8h9', name: 'Lena Birch', locale: 'en_US', email: 'lena@birch.example', email_verified: true, preferred_username: 'lena@birch.example', zoneinfo: 'America/Los_Angeles', groups: ['Everyone', 'engineering'] },
};

/** A custom authorization server: no scope `groups`; the claim comes with whichever scope it was tied to. */
export const oktaCustom: IdentityProduct = {
  issuer: (origin) => `${origin}/oauth2/default`,
  metadata: (origin) => ({
    ...okta.metadata(`${origin}/oauth2/default`),
    issuer: `${origin}/oauth2/default`,
    authorization_endpoint: `${origin}/oauth2/default/v1/authorize`,
    token_endpoint: `${origin}/oauth2/default/v1/token`,
    userinfo_endpoint: `${origin}/oauth2/default/v1/userinfo`,
    jwks_uri: `${origin}/oauth2/default/v1/keys`,
    scopes_supported: ['openid', 'profile', 'email', 'address', 'phone', 'offline_access', 'device_sso'],
  }),
  idToken: (origin) => ({ ...okta.idToken(origin), iss: `${origin}/oauth2/default`, name: 'Lena Birch', email: 'lena@birch.example', email_verified: true, groups: ['Everyone', 'engineering'] }),
};

const entraMetadata = (origin: string, tenant: string, issuer: string) => ({
  issuer: `${origin}/${issuer}/v2.0`,
  authorization_endpoint: `${origin}/${tenant}/oauth2/v2.0/authorize`,
  token_endpoint: `${origin}/${tenant}/oauth2/v2.0/token`,
  jwks_uri: `${origin}/${tenant}/discovery/v2.0/keys`,
  userinfo_endpoint: `${origin}/oidc/userinfo`,
  device_authorization_endpoint: `${origin}/${tenant}/oauth2/v2.0/devicecode`,
  end_session_endpoint: `${origin}/${tenant}/oauth2/v2.0/logout`,
  token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt', 'client_secret_basic', 'self_signed_tls_client_auth'],
  response_modes_supported: ['query', 'fragment', 'form_post'],
  subject_types_supported: ['pairwise'],
  id_token_signing_alg_values_supported: ['RS256'],
  response_types_supported: ['code', 'id_token', 'code id_token', 'id_token token'],
  scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
  request_uri_parameter_supported: false,
  http_logout_supported: true,
  frontchannel_logout_supported: true,
  claims_supported: ['sub', 'iss', 'cloud_instance_name', 'cloud_instance_host_name', 'cloud_graph_host_name', 'msgraph_host', 'aud', 'exp', 'iat', 'auth_time', 'acr', 'nonce', 'preferred_username', 'name', 'tid', 'ver', 'at_hash', 'c_hash', 'email'],
  tenant_region_scope: 'EU',
  cloud_instance_name: 'microsoftonline.com',
});
const entraToken = (origin: string, tenant: string) => ({
  iss: `${origin}/${tenant}/v2.0`,
  name: 'Lena Birch',
  oid: OBJECT_ID,
  preferred_username: 'lena@birch.example',
  email: 'lena@birch.example',
  rh: '1.AXoA',
  sub: 'pA1rW1seSubjectOfThisApplicationOnly',
  tid: tenant,
  uti: 'aBcDeFgHiJkLmNoPqRsTuV',
  ver: '2.0',
  groups: ['engineering', '5d0c1f2e-3b4a-4958-8776-a5b4c3d2e1f0'],
  roles: ['Notes.Operator'],
});

/** One tenant; group object ids and app roles in the ID token, no `amr`, no `auth_time`, no `email_verified`. */
export const entra: IdentityProduct = {
  issuer: (origin) => `${origin}/${TENANT}/v2.0`,
  metadata: (origin) => entraMetadata(origin, TENANT, TENANT),
  idToken: (origin) => entraToken(origin, TENANT),
};

/** The endpoint that tenants share: its metadata names a template where an issuer would be. */
export const entraOrganizations: IdentityProduct = {
  issuer: (origin) => `${origin}/organizations/v2.0`,
  metadata: (origin) => entraMetadata(origin, 'organizations', '{tenantid}'),
  idToken: (origin) => entraToken(origin, TENANT),
};
/** More groups than fit into a token: named, to be fetched from Graph. */
export const entraOverage = { groups: undefined, _claim_names: { groups: 'src1' }, _claim_sources: { src1: { endpoint: `https://graph.microsoft.com/v1.0/users/${OBJECT_ID}/getMemberObjects` } } };

/** A work account: the hosted domain, and no word of groups. */
export const google: IdentityProduct = {
  issuer: (origin) => origin,
  metadata: (origin) => ({
    issuer: origin,
    authorization_endpoint: `${origin}/o/oauth2/v2/auth`,
    device_authorization_endpoint: `${origin}/device/code`,
    token_endpoint: `${origin}/token`,
    userinfo_endpoint: `${origin}/v1/userinfo`,
    revocation_endpoint: `${origin}/revoke`,
    jwks_uri: `${origin}/oauth2/v3/certs`,
    response_types_supported: ['code', 'token', 'id_token', 'code token', 'code id_token', 'token id_token', 'code token id_token', 'none'],
    response_modes_supported: ['query', 'fragment', 'form_post'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    scopes_supported: ['openid', 'email', 'profile'],
    token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
    claims_supported: ['aud', 'email', 'email_verified', 'exp', 'family_name', 'given_name', 'iat', 'iss', 'name', 'picture', 'sub'],
    code_challenge_methods_supported: ['plain', 'S256'],
    grant_types_supported: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code', 'urn:ietf:params:oauth:grant-type:jwt-bearer'],
  }),
  idToken: (origin) => ({ iss: origin, azp: 'sallyport', sub: '104729130817283940561', hd: 'birch.example', email: 'lena@birch.example', email_verified: true, name: 'Lena Birch', picture: 'https://lh3.example/a/x=s96-c', given_name: 'Lena', family_name: 'Birch' }),
};

/** An issuer that ends in a slash; everything of one's own is a namespaced claim. */
export const auth0: IdentityProduct = {
  issuer: (origin) => `${origin}/`,
  metadata: (origin) => ({
    issuer: `${origin}/`,
    authorization_endpoint: `${origin}/authorize`,
    token_endpoint: `${origin}/oauth/token`,
    device_authorization_endpoint: `${origin}/oauth/device/code`,
    userinfo_endpoint: `${origin}/userinfo`,
    mfa_challenge_endpoint: `${origin}/mfa/challenge`,
    jwks_uri: `${origin}/.well-known/jwks.json`,
    registration_endpoint: `${origin}/oidc/register`,
    revocation_endpoint: `${origin}/oauth/revoke`,
    scopes_supported: ['openid', 'profile', 'offline_access', 'name', 'given_name', 'family_name', 'nickname', 'email', 'email_verified', 'picture', 'created_at', 'identities', 'phone', 'address'],
    response_types_supported: ['code', 'token', 'id_token', 'code token', 'code id_token', 'token id_token', 'code token id_token'],
    code_challenge_methods_supported: ['S256', 'plain'],
    response_modes_supported: ['query', 'fragment', 'form_post'],
    subject_types_supported: ['public'],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
    claims_supported: ['aud', 'auth_time', 'created_at', 'email', 'email_verified', 'exp', 'family_name', 'given_name', 'iat', 'identities', 'iss', 'name', 'nickname', 'phone_number', 'picture', 'sub'],
    id_token_signing_alg_values_supported: ['HS256', 'RS256', 'PS256'],
    end_session_endpoint: `${origin}/oidc/logout`,
  }),
  idToken: (origin) => ({ iss: `${origin}/`, sub: 'auth0|64b0c1d2e3f4a5b6c7d8e9f0', nickname: 'lena', name: 'Lena Birch', picture: 'https://s.example/avatar.png', updated_at: '2026-11-20T08:15:30.000Z', email: 'lena@birch.example', email_verified: true, sid: 'a1b2c3d4', 'https://birch.example/groups': ['engineering'], 'https://birch.example/roles': ['operator'] }),
};

/** Realm roles and group paths, once their mappers add them to the ID token; `iss` in the answer (RFC 9207). */
export const keycloak: IdentityProduct = {
  issuer: (origin) => `${origin}/realms/birch`,
  metadata: (origin) => {
    const realm = `${origin}/realms/birch`;
    return {
      issuer: realm,
      authorization_endpoint: `${realm}/protocol/openid-connect/auth`,
      token_endpoint: `${realm}/protocol/openid-connect/token`,
      introspection_endpoint: `${realm}/protocol/openid-connect/token/introspect`,
      userinfo_endpoint: `${realm}/protocol/openid-connect/userinfo`,
      end_session_endpoint: `${realm}/protocol/openid-connect/logout`,
      jwks_uri: `${realm}/protocol/openid-connect/certs`,
      grant_types_supported: ['authorization_code', 'client_credentials', 'implicit', 'password', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
      acr_values_supported: ['0', '1'],
      response_types_supported: ['code', 'none', 'id_token', 'token', 'id_token token', 'code id_token', 'code token', 'code id_token token'],
      subject_types_supported: ['public', 'pairwise'],
      id_token_signing_alg_values_supported: ['PS384', 'RS384', 'EdDSA', 'ES384', 'HS256', 'HS512', 'ES256', 'RS256', 'HS384', 'ES512', 'PS256', 'PS512', 'RS512'],
      token_endpoint_auth_methods_supported: ['private_key_jwt', 'client_secret_basic', 'client_secret_post', 'tls_client_auth', 'client_secret_jwt'],
      claims_supported: ['aud', 'sub', 'iss', 'auth_time', 'name', 'given_name', 'family_name', 'preferred_username', 'email', 'acr'],
      scopes_supported: ['openid', 'profile', 'email', 'roles', 'offline_access', 'acr', 'basic', 'web-origins', 'microprofile-jwt', 'address', 'phone', 'organization'],
      code_challenge_methods_supported: ['plain', 'S256'],
      authorization_response_iss_parameter_supported: true,
    };
  },
  idToken: (origin) => ({
    iss: `${origin}/realms/birch`,
    jti: '0b6b5e34-1111-4222-8333-444455556666',
    sub: 'f7c3e2d1-aaaa-4bbb-8ccc-ddddeeeeffff',
    typ: 'ID',
    azp: 'sallyport',
    sid: '9d8c7b6a-0000-4111-8222-333344445555',
    auth_time: now() - 20,
    acr: '1',
    email_verified: true,
    realm_access: { roles: ['default-roles-birch', 'operator'] },
    resource_access: { 'notes.app': { roles: ['editor'] }, account: { roles: ['view-profile'] } },
    name: 'Lena Birch',
    groups: ['/engineering', '/engineering/platform'],
    preferred_username: 'lena',
    email: 'lena@birch.example',
  }),
};
