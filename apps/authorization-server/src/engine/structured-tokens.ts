import type { Client, KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { EngineDecisions } from './engine.js';

export const INTROSPECTION_PATH = '/introspect';
export const REVOCATION_PATH = '/revoke';

/**
 * Something that can keep a secret or a key. Introspection is for these only: RFC 7662 section 2.1 asks for
 * authorization.
 */
export const isConfidential = (client: Client): boolean => client.tokenEndpointAuthMethod !== 'none';

/**
 * Introspection (RFC 7662) and revocation (RFC 7009) of our access tokens. The engine knows only what it stored and
 * refuses a JWT with `unsupported_token_type`, which it does after the client has authenticated: from there on the
 * answer is ours. Whoever may not know about a token is told what is said of one that never was.
 */
export function answerForAccessTokens({
  liveToken,
  liveTokenFor,
  endSession,
}: Pick<EngineDecisions, 'liveToken' | 'liveTokenFor' | 'endSession'>): Parameters<Provider['use']>[0] {
  return async (ctx, next) => {
    await next();
    if (ctx.method !== 'POST' || (ctx.path !== INTROSPECTION_PATH && ctx.path !== REVOCATION_PATH)) return;
    const oidc: KoaContextWithOIDC['oidc'] | undefined = ctx['oidc'];
    const refused = ctx.status === 400 && errorOf(ctx.body) === 'unsupported_token_type';
    const client = ctx.status === 200 || refused ? oidc?.client : undefined;
    const token = oidc?.params?.['token'];
    if (!client || typeof token !== 'string') return;

    if (ctx.path === INTROSPECTION_PATH && !isConfidential(client)) {
      ctx.status = 401;
      ctx.body = { error: 'invalid_client', error_description: 'introspection needs a client that authenticates' };
      return;
    }
    if (!refused) return;
    const live = await liveToken(token);
    const own = live?.clientId === client.clientId ? live : undefined;
    ctx.status = 200;
    if (ctx.path === INTROSPECTION_PATH) {
      const claims = own?.claims ?? (await liveTokenFor(client.clientId, token));
      ctx.body = claims
        ? { active: true, token_type: claims['cnf'] === undefined ? 'Bearer' : 'DPoP', ...claims }
        : { active: false };
      return;
    }
    // RFC 7009 section 2.1: what one access token stands for is its agent session, and nothing less can be revoked at
    // the gateway.
    if (own) await endSession(own.sid, 'revoked by the agent');
    ctx.body = '';
  };
}

/** RFC 6749 section 5.2 `error`, where a body has one. */
export function errorOf(body: unknown): unknown {
  return typeof body === 'object' && body !== null && 'error' in body ? body.error : undefined;
}
