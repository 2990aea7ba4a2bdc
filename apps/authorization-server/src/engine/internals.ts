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
import { CONFIDENTIAL_METHODS, JWT_BEARER, registeredBy } from './client-metadata.js';

/**
 * What leans on how oidc-provider 9.13.3 works inside rather than on what it documents. Look here first when the pinned
 * version changes; the integration tests cover each.
 */

/**
 * Its own look-up-then-save lets two concurrent uses of one `jti` through; ours is a single insert (security rule S8).
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

/** Of a proof whose signature has been checked. */
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
 * The same, for a grant of our own and before it does anything: uses the proof up, if one came. A client that is to have
 * bound tokens only is refused without.
 */
export async function useProof(ctx: TokenEndpointGrantContext): Promise<string | undefined> {
  const { provider, client } = ctx.oidc;
  const proof = await validateDpop(provider, ctx);
  checkDpopRequired(provider, ctx, proof);
  await checkDpopReplay(provider, ctx, proof, client.clientId);
  return proof?.thumbprint;
}

/** What goes round a part of the engine. */
export interface Wrappers {
  /** Called for each refresh, with the engine's own handling of it. */
  readonly refresh: (ctx: TokenEndpointGrantContext, builtIn: () => Promise<void>) => Promise<void>;
  /** Called for whatever is answered at a redirect URI, with the engine's own redirect. */
  readonly answer: (
    ctx: KoaContextWithOIDC,
    redirectUri: string,
    parameters: AnswerParameters,
    builtIn: () => void,
  ) => void;
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
        answer(ctx, redirectUri, answered, () => {
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
 * The one method through which every endpoint says which client a request names, before that client has proven anything.
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
 * @param check called before, within a request; what it throws is the answer, as is what `unknown` throws of one not found
 */
export function whenClientIsSought(
  provider: Provider,
  check: (ctx: KoaContextWithOIDC, clientId: string) => Promise<void>,
  unknown: (ctx: KoaContextWithOIDC, clientId: string) => void,
): void {
  const { Client: clients } = provider;
  const find = clients.find.bind(clients);
  clients.find = async (clientId: unknown) => {
    // A client that names itself only in its assertion is looked up by the `sub` there, whatever that is.
    if (typeof clientId !== 'string') return undefined;
    const ctx = Provider.ctx;
    if (ctx) await check(ctx, clientId);
    const client = await find(clientId);
    if (!client && ctx) unknown(ctx, clientId);
    return client;
  };
}

/** What the engine gives to agents to come back with. @param make 256 random bits at least */
export function makeTokensWith(provider: Provider, make: () => string): void {
  for (const { prototype } of [provider.AuthorizationCode, provider.RefreshToken])
    Object.defineProperty(prototype, 'generateTokenId', { value: make });
}

/** What it publishes about itself, less what we do not offer and with our own key set. */
export function describeMetadata(
  body: unknown,
  facts: { issuer: string; registration: boolean; documents: boolean; assertions: boolean; scopes: readonly string[] },
): Record<string, unknown> {
  const published: Record<string, unknown> = { ...(body as Record<string, unknown>) };
  for (const absent of ['claims_supported', 'claims_parameter_supported']) delete published[absent];
  if (!facts.registration) delete published['registration_endpoint'];
  const { grant_types_supported: grants } = published;
  if (!facts.assertions && Array.isArray(grants))
    published['grant_types_supported'] = grants.filter((grant) => grant !== JWT_BEARER);
  return {
    ...published,
    issuer: facts.issuer,
    jwks_uri: `${facts.issuer}/jwks`,
    end_session_endpoint: `${facts.issuer}/session/end`,
    scopes_supported: ['openid', ...facts.scopes],
    response_modes_supported: ['query'],
    // What it says of the token endpoint it does here too, but for the clients that cannot authenticate.
    introspection_endpoint_auth_methods_supported: CONFIDENTIAL_METHODS,
    client_id_metadata_document_supported: facts.documents,
    ...(facts.assertions
      ? { authorization_grant_profiles_supported: ['urn:ietf:params:oauth:grant-profile:id-jag'] }
      : {}),
  };
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
