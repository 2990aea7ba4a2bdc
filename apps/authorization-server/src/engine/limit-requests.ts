import { createHash } from 'node:crypto';
import { errors, type Client, type KoaContextWithOIDC, type Provider } from 'oidc-provider';
import { COMMON_LIMIT } from '../limits/refusal.js';
import type { EngineDecisions } from './engine.js';
import { isFirstParty } from './client-metadata.js';
import type { OwnTokens } from './own-tokens.js';
import { DEVICE_AUTHORIZATION_PATH } from './device-paths.js';
import { errorOf, isConfidential } from './structured-tokens.js';

type Limits = EngineDecisions['limits'];
type Group = Parameters<Limits['admitUnproven']>[0];
type Refusal = NonNullable<ReturnType<Limits['admitUnproven']>>;
type Context = Parameters<Parameters<Provider['use']>[0]>[0];

const GROUPS: Readonly<Record<string, Group>> = {
  '/authorize': 'authorize',
  '/par': 'authorize',
  [DEVICE_AUTHORIZATION_PATH]: 'authorize',
  '/token': 'token',
  '/register': 'register',
  '/revoke': 'status',
  '/introspect': 'status',
};
const ERROR = 'temporarily_unavailable';

/** Says whether it was the client's own requests that were too many. */
export const wordsFor = ({ isCommon }: { readonly isCommon?: boolean }): string =>
  isCommon ? COMMON_LIMIT : 'too many requests: try again later';

/** RFC 6585 section 4, or 503 where others sent them, in the words of RFC 6749 section 4.1.2.1. */
export class TooManyRequests extends errors.OIDCProviderError {
  /** @param ctx undefined outside a request to the engine, where nobody is answered with this */
  constructor(ctx: Pick<KoaContextWithOIDC, 'set'> | undefined, { retryAfterSeconds, isCommon = false }: Refusal) {
    super(isCommon ? 503 : 429, ERROR);
    this.expose = true;
    this.error_description = wordsFor({ isCommon });
    ctx?.set('Retry-After', String(retryAfterSeconds));
  }
}

/**
 * How a request says who it is from, before anything is looked up for it. A code, a refresh token and a signed-in
 * browser are known for ours at a glance; a secret and an assertion are not, but checking them is all they make us do.
 */
type Claim =
  | { readonly by: 'token'; readonly digest: string }
  | { readonly by: 'secret'; readonly digest: string }
  | { readonly by: 'assertion' | 'access-token' | 'browser' }
  | { readonly by: 'nothing' };

/** Decides who is charged for a request and who is refused (S32). Made once per engine. */
export class RequestAdmission {
  readonly #limits: Limits;
  readonly #ownTokens: OwnTokens;
  readonly #liveToken: EngineDecisions['liveToken'];
  readonly #isWorkload: EngineDecisions['isWorkload'];
  /** What each request claimed, so that asking twice gives the same result. */
  readonly #claims = new WeakMap<object, Promise<Claim>>();

  constructor(
    { limits, liveToken, isWorkload }: Pick<EngineDecisions, 'limits' | 'liveToken' | 'isWorkload'>,
    ownTokens: OwnTokens,
  ) {
    this.#limits = limits;
    this.#ownTokens = ownTokens;
    this.#liveToken = liveToken;
    this.#isWorkload = isWorkload;
  }

  /**
   * Before a client is looked up by the id that a request names: what was wrong with the request itself is refused by
   * then, and cost nothing.
   * @throws TooManyRequests
   */
  async clientSought(ctx: KoaContextWithOIDC, clientId: string): Promise<void> {
    const group = GROUPS[ctx.path];
    if (group === undefined || !ctx.oidc.params) return;
    let admitted = this.#claims.get(ctx);
    if (!admitted) this.#claims.set(ctx, (admitted = this.#admit(ctx, group, clientId)));
    await admitted;
  }

  /**
   * As soon as the engine has found the client; only ever charged to one that authenticated.
   * @throws TooManyRequests when that client has spent its share
   */
  clientFound(ctx: KoaContextWithOIDC, client: Client): void {
    const group = GROUPS[ctx.path];
    if (group === undefined || group === 'register' || !isLimited(client) || !isConfidential(client)) return;
    const refusal = this.#limits.clientSpent(group, client.clientId);
    if (refusal) throw new TooManyRequests(ctx, refusal);
  }

  /** Around a request: what it proved to be is charged once that is known. */
  readonly middleware: Parameters<Provider['use']>[0] = async (ctx, next) => {
    const group = GROUPS[ctx.path];
    if (group === undefined || ctx.method === 'OPTIONS') return next();
    await next();
    const client = (ctx['oidc'] as KoaContextWithOIDC['oidc'] | undefined)?.client;
    const claim = await this.#claims.get(ctx)?.catch(() => undefined);
    if (claim && client) this.#charge(ctx, group, client, claim);
  };

  async #admit(ctx: KoaContextWithOIDC, group: Group, clientId: string): Promise<Claim> {
    const claim = await this.#claimOf(ctx, clientId);
    const refusal = this.#refusal(ctx, group, clientId, claim);
    if (refusal) throw new TooManyRequests(ctx, refusal);
    return claim;
  }

  #refusal(ctx: KoaContextWithOIDC, group: Group, clientId: string, claim: Claim): Refusal | undefined {
    switch (claim.by) {
      case 'token':
        return this.#limits.admitToken(claim.digest);
      case 'secret':
        return this.#limits.secretRefused(clientId, ctx.ip, claim.digest);
      case 'assertion':
      case 'access-token':
      case 'browser':
        return undefined;
      case 'nothing':
        return this.#limits.admitUnproven(group, ctx.ip);
    }
  }

  async #claimOf(ctx: KoaContextWithOIDC, clientId: string): Promise<Claim> {
    const params = ctx.oidc.params ?? {};
    if (ctx.path === '/authorize') return { by: ctx.oidc.session?.accountId === undefined ? 'nothing' : 'browser' };
    const secret = params['client_secret'] ?? (ctx.get('authorization') || undefined);
    if (params['client_assertion'] !== undefined || (typeof secret === 'string' && this.#isWorkload(clientId)))
      return { by: 'assertion' };
    if (typeof secret === 'string') return { by: 'secret', digest: digestOf(clientId, secret) };
    const token = params['refresh_token'] ?? params['code'] ?? params['device_code'] ?? params['token'];
    if (this.#ownTokens.isOurs(token)) return { by: 'token', digest: digestOf(token) };
    // RFC 7009 section 2.1: a public client proves nothing else than the token.
    if (ctx.path === '/revoke' && typeof token === 'string' && (await this.#liveToken(token))?.clientId === clientId)
      return { by: 'access-token' };
    return { by: 'nothing' };
  }

  #charge(ctx: Context, group: Group, client: Client, claim: Claim): void {
    const hasAuthenticated =
      isConfidential(client) &&
      claim.by !== 'nothing' &&
      ctx.path !== '/authorize' &&
      !UNPROVEN.has(String(errorOf(ctx.body)));
    if (claim.by === 'secret') this.#limits.secretTried(client.clientId, ctx.ip, claim.digest, hasAuthenticated);
    if (hasAuthenticated && isLimited(client) && !isRefusal(ctx.status))
      this.#limits.chargeClient(group, client.clientId);
    if (claim.by === 'nothing') this.#limits.chargeUnproven(group);
  }
}

/** The control plane's pages are one client for all of their users, and share no budget. */
const isLimited = (client: Client): boolean => !isFirstParty(client);
const isRefusal = (status: number): boolean => status === 429 || status === 503;

/** Errors that come before a client has authenticated, and guesses in the name of one that cannot. */
const UNPROVEN = new Set(['invalid_client', 'invalid_request', 'invalid_client_metadata']);

/** What a budget remembers is a digest and no secret. */
const digestOf = (...values: string[]): string =>
  createHash('sha256').update(JSON.stringify(values)).digest('base64url');
