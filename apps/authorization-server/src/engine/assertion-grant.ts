import { errors, type KoaContextWithOIDC, type Provider, type TokenEndpointGrantContext } from 'oidc-provider';
import { buildTokenResponse } from 'oidc-provider/lib/helpers/grants.js';
import { JWT_BEARER } from './client-metadata.js';
import type { AssertionVerdict, EngineDecisions } from './engine.js';
import { toRegistration, useProof } from './internals.js';
import { isConfidential } from './structured-tokens.js';

interface Options {
  readonly resource: string;
  readonly decisions: Pick<EngineDecisions, 'acceptsAssertions' | 'admitAssertion'>;
  readonly resourceServer: (scopes: readonly string[]) => ConstructorParameters<Provider['ResourceServer']>[1];
  /** Told before anything is issued or refused; may refuse by throwing. */
  readonly onVerdict: (ctx: KoaContextWithOIDC, verdict: AssertionVerdict) => void;
}

/**
 * Enterprise-managed authorization: an assertion of the agent's and our common identity provider (ID-JAG) instead of a
 * browser, a sign-in and a consent. One access token, no refresh token: for the next one the provider is asked again.
 */
export function registerAssertionGrant(
  provider: Provider,
  { resource, decisions, resourceServer, onVerdict }: Options,
): void {
  provider.registerGrantType(
    JWT_BEARER,
    async (ctx: TokenEndpointGrantContext<{ assertion?: string; scope?: string; resource?: string }>) => {
      if (!decisions.acceptsAssertions()) throw new errors.UnsupportedGrantType();
      const { params, client } = ctx.oidc;
      if (!isConfidential(client))
        throw new errors.UnauthorizedClient('an assertion is taken from clients that authenticate');
      if (!params.assertion) throw new errors.InvalidRequest('assertion is required');
      if (params.resource !== undefined && params.resource !== resource) throw new errors.InvalidTarget();

      const provenKey = await useProof(ctx);
      const verdict = await decisions.admitAssertion({
        assertion: params.assertion,
        agent: toRegistration(client),
        requestedScopes: params.scope?.split(' '),
        provenKey,
        sourceIp: ctx.ip || null,
      });
      onVerdict(ctx, verdict);
      if (!verdict.admitted)
        throw verdict.error === 'invalid_target'
          ? new errors.InvalidTarget(undefined, { detail: verdict.reason })
          : new errors.InvalidGrant({ detail: verdict.reason });
      const token = new provider.AccessToken({
        client,
        accountId: verdict.userId,
        grantId: verdict.grantId,
        gty: JWT_BEARER,
      });
      token.jkt = provenKey;
      const scopes = [...verdict.scopes];
      token.resourceServer = new provider.ResourceServer(resource, resourceServer(scopes));
      token.scope = scopes.join(' ');
      ctx.oidc.entity('AccessToken', token);
      const accessToken = await token.save();
      ctx.body = buildTokenResponse(provider, {
        accessToken,
        expiresIn: token.expiration,
        scope: token.scope,
        tokenType: token.tokenType,
      });
    },
    ['assertion', 'scope', 'resource'],
  );
}
