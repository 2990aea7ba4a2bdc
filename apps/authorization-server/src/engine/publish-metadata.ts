import type { Provider } from 'oidc-provider';
import { CONFIDENTIAL_METHODS, JWT_BEARER } from './client-metadata.js';
import type { EngineDecisions } from './engine.js';

type Metadata = Record<string, unknown>;
type Decisions = Pick<EngineDecisions, 'registration' | 'documents' | 'acceptsAssertions' | 'scopesOfRoles'>;

/** The engine's metadata (RFC 8414), corrected: less what is off now, and with what is ours. */
export function publishMetadata(issuer: string, decisions: Decisions): Parameters<Provider['use']>[0] {
  return async (ctx, next) => {
    await next();
    if (ctx.path.startsWith('/.well-known/') && ctx.status === 200)
      ctx.body = describe(ctx.body as Metadata, issuer, decisions);
  };
}

function describe(described: Metadata, issuer: string, decisions: Decisions): Metadata {
  const published = { ...described };
  const hasAssertions = decisions.acceptsAssertions();
  for (const absent of ['claims_supported', 'claims_parameter_supported']) delete published[absent];
  if (decisions.registration.mode === 'off') delete published['registration_endpoint'];
  const { grant_types_supported: grants } = published;
  if (!hasAssertions && Array.isArray(grants))
    published['grant_types_supported'] = grants.filter((grant) => grant !== JWT_BEARER);
  return {
    ...published,
    issuer,
    jwks_uri: `${issuer}/jwks`,
    end_session_endpoint: `${issuer}/session/end`,
    scopes_supported: ['openid', ...decisions.scopesOfRoles()],
    response_modes_supported: ['query'],
    // Clients authenticate here as at the token endpoint. Those that cannot authenticate get nothing here.
    introspection_endpoint_auth_methods_supported: CONFIDENTIAL_METHODS,
    client_id_metadata_document_supported: decisions.documents().enabled,
    ...(hasAssertions ? { authorization_grant_profiles_supported: [ID_JAG_PROFILE] } : {}),
  };
}

/** Identity assertion authorization grants (ID-JAG). */
const ID_JAG_PROFILE = 'urn:ietf:params:oauth:grant-profile:id-jag';
