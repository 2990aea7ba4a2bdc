import { AsyncLocalStorage } from 'node:async_hooks';
import { createHash } from 'node:crypto';
import type { AgentRegistration } from '@sallyport/authorization';
import type { Clock } from '@sallyport/kernel';
import { decodeJwt, errors as joseErrors } from 'jose';
import {
  errors,
  Provider,
  type Client,
  type Configuration,
  type KoaContextWithOIDC,
  type TokenEndpointGrantContext,
} from 'oidc-provider';
import { checkDpopReplay, checkDpopRequired, validateDpop } from 'oidc-provider/lib/helpers/grants.js';
import type { ArtifactStore } from '../storage/artifact-store.js';
import { registeredBy } from './client-metadata.js';

/**
 * Everything that leans on how oidc-provider 9.13.3 works inside rather than on what it documents. When the pinned
 * version changes, look here first. The integration tests cover each function.
 */

/**
 * Its own look-up-then-save lets two concurrent uses of one `jti` through; ours is a single insert (S8).
 * Once per HTTP request: a refresh that lost a race is handled again from the start, with the proof it came with.
 */
export function atomicReplayDetection(provider: Provider, store: ArtifactStore, clock: Clock): void {
  const claimed = new WeakMap<object, Set<string>>();
  provider.ReplayDetection.unique = async (iss: string, jti: string, exp: number) => {
    const ctx = Provider.ctx;
    const id = createHash('sha256')
      .update(JSON.stringify([iss, jti]))
      .digest('base64url');
    if (ctx && claimed.get(ctx)?.has(id)) return true;
    const unique = await store.putOnce(
      'ReplayDetection',
      id,
      { iss },
      { expiresInSeconds: Math.max(1, exp - Math.floor(clock() / 1000)) },
    );
    if (ctx && unique) claimed.set(ctx, (claimed.get(ctx) ?? new Set()).add(id));
    // Told as what it is (RFC 9449 section 5): for an `invalid_grant` a client would throw its refresh token away.
    if (ctx && !unique && jtiOf(ctx.get('DPoP')) === jti)
      throw new errors.InvalidDpopProof('the proof was used before');
    return unique;
  };
}

/** The `jti` of a proof whose signature has been checked. */
function jtiOf(proof: string): string | undefined {
  try {
    return decodeJwt(proof).jti;
  } catch (error) {
    if (error instanceof joseErrors.JWTInvalid) return undefined; // no proof came
    throw error;
  }
}

/**
 * The thumbprint of the key a token request proves (RFC 9449), checked once per request however often it is asked for.
 * What is issued must be bound to it.
 * @throws what the engine answers a bad proof with
 */
export async function provenKey(ctx: KoaContextWithOIDC): Promise<string | undefined> {
  return (await validateDpop(ctx.oidc.provider, ctx as TokenEndpointGrantContext))?.thumbprint;
}

/**
 * The same, for a grant of our own and before it does anything: uses the proof up, if one came. A client that is to
 * have bound tokens only is refused without.
 */
export async function useProof(ctx: TokenEndpointGrantContext): Promise<string | undefined> {
  const { provider, client } = ctx.oidc;
  const proof = await validateDpop(provider, ctx);
  checkDpopRequired(provider, ctx, proof);
  await checkDpopReplay(provider, ctx, proof, client.clientId);
  return proof?.thumbprint;
}

/** What we put around parts of the engine. */
export interface Wrappers {
  /** Called for each refresh, with the engine's own handling of it. */
  readonly refresh: (ctx: TokenEndpointGrantContext, builtIn: () => Promise<void>) => Promise<void>;
  /** Called for whatever is answered at a redirect URI, with the engine's own redirect. */
  readonly answer: (
    ctx: KoaContextWithOIDC,
    redirectUri: string,
    parameters: AnswerParameters,
    builtIn: () => void,
  ) => void | Promise<void>;
}
export type AnswerParameters = Readonly<Record<string, string | undefined>>;

/**
 * The engine registers its own grants and ways to answer through its public methods while it is constructed: the only
 * moment at which a built-in one can be wrapped rather than written anew. Of the ways to answer there is one, the query
 * (OAuth 2.1 section 4.1.2), also for an error about another.
 */
export function wrappedProvider(issuer: string, configuration: Configuration, { refresh, answer }: Wrappers): Provider {
  class WrappedProvider extends Provider {
    override registerGrantType<P extends object>(
      name: string,
      handler: (ctx: TokenEndpointGrantContext<P>) => void | Promise<void>,
      ...rest: [params?: Names, duplicates?: Names]
    ): void {
      super.registerGrantType<P>(
        name,
        name === 'refresh_token' ? (ctx) => refresh(ctx, async () => handler(ctx)) : handler,
        ...rest,
      );
    }

    override registerResponseMode(name: string): void {
      super.registerResponseMode(name, (ctx, redirectUri, parameters) => {
        const answered = Object.fromEntries(Object.entries(parameters).map(([key, value]) => [key, String(value)]));
        return answer(ctx, redirectUri, answered, () => {
          ctx.status = 303;
          ctx.redirect(answerUrl(redirectUri, answered));
        });
      });
    }
  }
  return new WrappedProvider(issuer, configuration);
}

export function answerUrl(redirectUri: string, parameters: AnswerParameters): string {
  const url = new URL(redirectUri);
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) url.searchParams.set(name, value);
  return url.href;
}
type Names = string | readonly string[] | ReadonlySet<string> | undefined;

/**
 * The one method through which every endpoint says which client a request names, before that client has proven
 * anything.
 * @param check called then; what it throws is the answer
 */
export function whenClientIsNamed(provider: Provider, check: (ctx: KoaContextWithOIDC, client: Client) => void): void {
  const { prototype } = provider.OIDCContext;
  const { entity } = prototype;
  prototype.entity = function checked(
    this: KoaContextWithOIDC['oidc'] & { readonly ctx: KoaContextWithOIDC },
    ...[key, value]: Parameters<typeof entity>
  ) {
    entity.call(this, key, value);
    if (key === 'Client' && this.client) check(this.ctx, this.client);
  };
}

/**
 * The one method by which a client is looked up, in storage or at the URL it is named by.
 * @param on.before called within a request; what it throws is the answer, as is what `unknown` throws of one not found
 * @param on.failed says what is thrown instead, in a request or outside
 */
export function whenClientIsSought(
  provider: Provider,
  on: {
    before: (ctx: KoaContextWithOIDC, clientId: string) => Promise<void>;
    unknown: (ctx: KoaContextWithOIDC, clientId: string) => void;
    failed: (ctx: KoaContextWithOIDC | undefined, clientId: string, error: unknown) => Promise<unknown>;
  },
): void {
  const { Client: clients } = provider;
  const find = clients.find.bind(clients);
  clients.find = async (clientId: unknown) => {
    // A client that names itself only in its assertion is looked up by the `sub` there, whatever that is.
    if (typeof clientId !== 'string') return undefined;
    const ctx = Provider.ctx;
    if (ctx) await on.before(ctx, clientId);
    const client = await find(clientId).catch(async (error: unknown) => {
      throw await on.failed(ctx, clientId, error);
    });
    if (!client && ctx) on.unknown(ctx, clientId);
    return client;
  };
}

/**
 * The one place where every endpoint keeps the parameters of a request, wherever they came from.
 * @param change called once for each set of them, before the engine looks at it
 */
export function whenParametersArrive(provider: Provider, change: (parameters: Record<string, unknown>) => void): void {
  const kept = new WeakMap<object, Record<string, unknown>>();
  Object.defineProperty(provider.OIDCContext.prototype, 'params', {
    configurable: true,
    get(this: object) {
      return kept.get(this);
    },
    set(this: object, parameters: Record<string, unknown> | undefined) {
      if (parameters === undefined) {
        kept.delete(this);
        return;
      }
      change(parameters);
      kept.set(this, parameters);
    },
  });
}

const visitors = new AsyncLocalStorage<string>();

/** Runs what looks a client up outside of a request to the engine; `addressOf` is the visitor's meanwhile. */
export const onBehalfOf = <T>(address: string, work: () => Promise<T>): Promise<T> => visitors.run(address, work);

/** The address of the visitor for whom something is fetched; a fetch is charged to it (S32). */
export const addressOf = (ctx: Pick<KoaContextWithOIDC, 'ip'> | undefined): string =>
  ctx?.ip ?? visitors.getStore() ?? '';

/** Makes codes of either kind and refresh tokens in our own way. @param make returns at least 256 random bits */
export function makeTokensWith(provider: Provider, make: () => string): void {
  for (const { prototype } of [provider.AuthorizationCode, provider.RefreshToken, provider.DeviceCode])
    Object.defineProperty(prototype, 'generateTokenId', { value: make });
}

export function toRegistration(client: Client): AgentRegistration {
  return {
    clientId: client.clientId,
    clientName: client.clientName,
    clientUri: client.clientUri,
    redirectUris: client.redirectUris ?? [],
    authMethod: client.tokenEndpointAuthMethod ?? 'none',
    registeredBy: registeredBy(client.clientId),
  };
}
