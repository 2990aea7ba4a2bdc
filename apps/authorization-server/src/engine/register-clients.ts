import type { Provider } from 'oidc-provider';
import type { EngineDecisions } from './engine.js';

/** R18: registration can be off, ask for an initial access token (RFC 7591 section 3), and keeps only so many registrations. */
export function guardRegistration({ registration, limits }: Pick<EngineDecisions, 'registration' | 'limits'>): Parameters<Provider['use']>[0] {
  return async (ctx, next) => {
    if (ctx.method !== 'POST' || ctx.path !== '/register') return next();
    const refuse = (status: number, error: string, description: string) => {
      ctx.status = status;
      ctx.set('Cache-Control', 'no-store');
      ctx.body = { error, error_description: description };
    };
    if (registration.mode === 'off') return refuse(403, 'access_denied', 'dynamic client registration is switched off');
    const presented = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(ctx.get('authorization'))?.[1];
    const use = registration.mode === 'gated' && presented !== undefined ? await registration.useToken(presented) : undefined;
    if (registration.mode === 'gated' && use === undefined) {
      ctx.set('WWW-Authenticate', 'Bearer error="invalid_token"');
      return refuse(401, 'invalid_token', 'registration needs an initial access token');
    }
    if (await registration.makeRoom()) await next();
    else {
      limits.registrationsFull();
      refuse(403, 'access_denied', 'no more agents can be registered here');
    }
    if (use !== undefined && ctx.status !== 201) await registration.giveBack(use);
  };
}
