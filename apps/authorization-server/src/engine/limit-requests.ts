import { errors, type Client, type KoaContextWithOIDC, type Provider } from 'oidc-provider';
import type { EngineDecisions, RenderError } from './engine.js';
import { CONTROL_PLANE_CLIENT_ID } from './client-metadata.js';
import { errorOf, isConfidential } from './structured-tokens.js';

type Limits = EngineDecisions['limits'];
type Group = Parameters<Limits['admit']>[0];
type Context = Parameters<Parameters<Provider['use']>[0]>[0];

const GROUPS: Readonly<Record<string, Group>> = { '/authorize': 'authorize', '/par': 'authorize', '/token': 'token', '/register': 'register', '/revoke': 'status', '/introspect': 'status' };
const ERROR = 'temporarily_unavailable';
const DESCRIPTION = 'too many requests: try again later';

/** RFC 6585 section 4, in the words of RFC 6749 section 4.1.2.1; at the authorization endpoint the agent is told by redirect. */
export class TooManyRequests extends errors.OIDCProviderError {
  /** @param ctx undefined outside a request to the engine, where nobody is answered with this */
  constructor(ctx: Pick<KoaContextWithOIDC, 'set'> | undefined, { retryAfterSeconds }: { readonly retryAfterSeconds: number }) {
    super(429, ERROR);
    this.error_description = DESCRIPTION;
    ctx?.set('Retry-After', String(retryAfterSeconds));
  }
}

/** The first of all: what all requests together may cost, before any is read; and who this one is charged to, once that is known. */
export function limitRequests(limits: Limits, renderError: RenderError): Parameters<Provider['use']>[0] {
  return async (ctx, next) => {
    const group = GROUPS[ctx.path];
    if (group === undefined || ctx.method === 'OPTIONS') return next();
    const refusal = limits.admit(group);
    if (refusal) {
      answer(ctx, refusal, renderError);
      return;
    }
    await next();
    const oidc: KoaContextWithOIDC['oidc'] | undefined = ctx['oidc'];
    const client = oidc?.client;
    if (client && isLimited(client) && isCharged(ctx, client)) limits.chargeClient(group, client.clientId);
  };
}

/**
 * As soon as the engine knows which client a request names.
 * @throws TooManyRequests when that client has spent its share
 */
export function refuseSpentClient(limits: Limits, ctx: KoaContextWithOIDC, client: Client): void {
  const group = GROUPS[ctx.path];
  if (group === undefined || group === 'register' || !isLimited(client)) return;
  const refusal = limits.clientSpent(group, client.clientId);
  if (refusal) throw new TooManyRequests(ctx, refusal);
}

/** Our own pages are one client for everybody who works here. */
const isLimited = (client: Client): boolean => client.clientId !== CONTROL_PLANE_CLIENT_ID;

/** What anybody may have sent is not charged: errors that come before a client has authenticated, and guesses in the name of one that cannot. */
const UNPROVEN = new Set(['invalid_client', 'invalid_request', 'invalid_client_metadata']);

function isCharged(ctx: Context, client: Client): boolean {
  if (ctx.status === 429) return false;
  if (ctx.path === '/authorize') return true;
  if (isConfidential(client)) return !UNPROVEN.has(String(errorOf(ctx.body)));
  return ctx.path === '/par' || (ctx.path === '/token' && ctx.status === 200);
}

function answer(ctx: Context, { retryAfterSeconds }: { readonly retryAfterSeconds: number }, renderError: RenderError): void {
  ctx.status = 429;
  ctx.set('Retry-After', String(retryAfterSeconds));
  ctx.set('Cache-Control', 'no-store');
  const error = { error: ERROR, error_description: DESCRIPTION };
  if (ctx.path !== '/authorize') {
    ctx.body = error;
    return;
  }
  const { html, contentSecurityPolicy } = renderError(error);
  ctx.type = 'html';
  ctx.set('Content-Security-Policy', contentSecurityPolicy);
  ctx.body = html;
}
