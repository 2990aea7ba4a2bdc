import { errors, type Configuration } from 'oidc-provider';
import type { EngineDecisions } from '../engine.js';
import { defaultResourceOf, mayHaveResource, type Resources } from '../resources.js';
import type { signingKeyOf } from '../signing-key.js';
import type { TokenAdmission } from '../token-admission.js';

export interface ResourceRules {
  readonly resources: Resources;
  readonly signing: ReturnType<typeof signingKeyOf>;
  readonly decisions: Pick<EngineDecisions, 'lifetimes' | 'scopesOfRoles'>;
  readonly admission: TokenAdmission;
}

/** What an access token says (RFC 9068): the scopes and claims that its request was admitted to. */
export function scopesAndClaims(admission: TokenAdmission) {
  return {
    scopes: ['openid', 'offline_access'],
    extraTokenClaims: (ctx) => {
      const admitted = admission.admitted(ctx);
      return admitted && { ...admitted.claims };
    },
    formats: {
      customizers: {
        jwt: (ctx, token, jwt) => {
          jwt.payload['scope'] ??= '';
          if (token.kind === 'ClientCredentials') jwt.payload['sub'] = admission.subjectOf(ctx)?.userId;
        },
      },
    },
  } satisfies Configuration;
}

/**
 * Resource indicators (RFC 8707): every agent's token is for the gateway and nothing else (R16), every administrator's
 * for the API and nothing else.
 */
export function resourceIndicators({ resources, signing, decisions, admission }: ResourceRules) {
  return {
    enabled: true,
    // An agent of MCP 2025-03-26 knows no RFC 8707 and names no resource: it means the one there is.
    defaultResource: (_ctx, client, several) => {
      const resource = defaultResourceOf(client, resources);
      if (resource !== undefined && several !== undefined)
        throw new errors.InvalidTarget('exactly one resource parameter is taken');
      return resource;
    },
    useGrantedResource: () => true,
    getResourceServerInfo: async (ctx, requested, client) => {
      if (!mayHaveResource(client, requested, resources)) throw new errors.InvalidTarget();
      const isForApi = requested === resources.api;
      if (ctx.oidc.params?.['grant_type'] === 'client_credentials')
        await admission.admitMachine(ctx, client, isForApi ? 'api' : 'gateway');
      // What an administrator may is no scope: it is asked of the configuration at each request.
      const scopes = isForApi ? [] : (admission.admitted(ctx)?.scopes ?? decisions.scopesOfRoles());
      return resourceServer(requested, [...scopes], { signing, decisions });
    },
  } satisfies NonNullable<Configuration['features']>['resourceIndicators'];
}

/** A resource, as the engine needs to know it in order to issue a token for it. */
export function resourceServer(
  resource: string,
  scopes: readonly string[],
  { signing, decisions }: Pick<ResourceRules, 'signing' | 'decisions'>,
) {
  return {
    scope: scopes.join(' '),
    audience: resource,
    accessTokenFormat: 'jwt' as const,
    accessTokenTTL: decisions.lifetimes().accessToken,
    jwt: { sign: signing },
  };
}
