import type { Provider } from 'oidc-provider';
import type { EngineDecisions } from './engine.js';
import { wordsFor } from './limit-requests.js';

/**
 * R18: registration can be off, ask for an initial access token (RFC 7591 section 3), and keeps only so many
 * registrations.
 */
export function guardRegistration({
  registration,
  limits,
}: Pick<EngineDecisions, 'registration' | 'limits'>): Parameters<Provider['use']>[0] {
  return async (ctx, next) => {
    if (ctx.method !== 'POST' || ctx.path !== '/register') return next();
    const refuse = (status: number, error: string, description: string) => {
      ctx.status = status;
      ctx.set('Cache-Control', 'no-store');
      ctx.body = { error, error_description: description };
    };
    if (registration.mode === 'off') return refuse(403, 'access_denied', 'dynamic client registration is switched off');
    const presented = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(ctx.get('authorization'))?.[1];
    const use =
      registration.mode === 'gated' && presented !== undefined ? await registration.useToken(presented) : undefined;
    if (registration.mode === 'gated' && use === undefined) {
      ctx.set('WWW-Authenticate', 'Bearer error="invalid_token"');
      return refuse(401, 'invalid_token', 'registration needs an initial access token');
    }
    // Whoever was given an initial access token may use it, whatever others send (S32).
    const refusal = use === undefined ? limits.admitUnproven('register', ctx.ip) : undefined;
    if (refusal) {
      ctx.set('Retry-After', String(refusal.retryAfterSeconds));
      return refuse(refusal.isCommon === true ? 503 : 429, 'temporarily_unavailable', wordsFor(refusal));
    }
    const { unused } = await registration.makeRoom();
    if (unused > 0) limits.registrationsFull();
    await next();
    if (ctx.status === 201) {
      if (use === undefined) limits.chargeUnproven('register');
    } else if (use !== undefined) await registration.giveBack(use);
  };
}
