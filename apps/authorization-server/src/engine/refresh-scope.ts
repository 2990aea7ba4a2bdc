import type { Provider, TokenEndpointGrantContext } from 'oidc-provider';
import type { EngineDecisions } from './engine.js';

/**
 * A refresh that repeats the scopes of its authorization request (RFC 6749 section 6) is for what was granted of them:
 * what the authorization dropped is dropped here too. That is what means nothing here, and what the human's roles did
 * not give. A scope in use here (or an ID token) that the authorization never asked for stays, and is refused: a
 * refresh widens nothing.
 */
export async function dropScopesNotGranted(
  ctx: TokenEndpointGrantContext,
  {
    provider,
    resource,
    decisions,
  }: { provider: Provider; resource: string; decisions: Pick<EngineDecisions, 'isKnownScope'> },
): Promise<void> {
  const { params, client } = ctx.oidc;
  const { scope, refresh_token: presented } = params;
  if (typeof scope !== 'string' || typeof presented !== 'string') return;
  const token = await provider.RefreshToken.find(presented, { ignoreExpiration: true });
  if (token?.clientId !== client.clientId || token.grantId === undefined) return; // it is refused, whatever it asks for
  const grant = await provider.Grant.find(token.grantId);
  const isMeant = (one: string) => one === 'openid' || decisions.isKnownScope(one);
  const rejected = new Set(grant?.getRejectedResourceScope(resource).split(' '));
  const isAsked = (one: string) => token.scopes.has(one) || (isMeant(one) && !rejected.has(one));
  const asked = scope.split(' ').filter(isAsked);
  params['scope'] = asked.length > 0 ? asked.join(' ') : undefined;
}
