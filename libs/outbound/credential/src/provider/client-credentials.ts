import { createHash } from 'node:crypto';
import type { CredentialProviderOf } from '@sallyport/configuration';
import { BoundedMap, SallyportError, type Clock } from '@sallyport/kernel';
import { pinsOf, type ConfiguredTarget } from '../connection/connection-pins.js';
import type { OAuthClient, OutboundFetch } from '../oauth/oauth-client.js';
import { requestToken, type TokenResult } from '../oauth/request-token.js';
import { MAX_LEASE_SECONDS, type GrantedLease, type ProviderLease } from './provider-lease.js';

export type ClientCredentialsProvider = CredentialProviderOf<'client-credentials'>;

export interface ClientCredentialsContext {
  readonly fetch: OutboundFetch;
  readonly clock: Clock;
  /** For the trail: once per request to a token endpoint. `reason`: why there is no token. */
  readonly onRequest: (request: { readonly server: string; readonly provider: string; readonly reason: string | null }) => Promise<void>;
}

interface Token {
  readonly accessToken: string;
  /** Milliseconds since the epoch, as is `expiresAt`. */
  readonly obtainedAt: number;
  readonly expiresAt: number;
}
type Outcome = ({ readonly type: 'token' } & Token) | { readonly type: 'failed'; readonly until: number };
type Refusal = { readonly type: 'refused'; readonly reason: 'token_origin' | 'client_key_invalid' };

const MAX_HELD = 1_000;
/** Kept this long when the answer does not say how long it lives. */
const UNSAID_LIFETIME_MS = 300_000;
/** Renewed when less than this is left, of a short life a fifth. */
const RENEW_BEFORE_MS = 60_000;
/** A refusal will not be another one a moment later; an outage may be over. */
const REFUSED_PAUSE_MS = 60_000;
const UNAVAILABLE_PAUSE_MS = 5_000;
const MAX_PAUSE_MS = 300_000;
const LAST_USE_MS = 5_000;
/** A server that rejects token after token gets a new one once in this time. */
const FORCED_PAUSE_MS = 60_000;

/**
 * `client-credentials` (RFC 6749 section 4.4): one token for everybody, by our own client. Kept in memory until near its
 * expiry, asked for once for all who want it at a time, and not again at once after a no. What is kept belongs to one
 * provider document, server address and client secret: when one of them is another, it is not found any more (S20).
 */
export class ClientCredentialsTokens {
  readonly #context: ClientCredentialsContext;
  readonly #tokens = new BoundedMap<string, Token>(MAX_HELD);
  /** Until when a token endpoint that gave none is left alone. */
  readonly #failedUntil = new BoundedMap<string, number>(MAX_HELD);
  readonly #asking = new Map<string, Promise<Outcome | Refusal>>();

  constructor(context: ClientCredentialsContext) {
    this.#context = context;
  }

  /** @param rejectedRevision of the lease that the server answered 401 to. */
  async lease({ target, spec, client, rejectedRevision }: { target: ConfiguredTarget; spec: ClientCredentialsProvider; client: OAuthClient; rejectedRevision?: number | undefined }): Promise<ProviderLease | Refusal> {
    if (spec.origin !== new URL(target.server.spec.url).origin) return { type: 'refused', reason: 'token_origin' };
    const key = keyOf(target, client);
    const token = this.#tokens.get(key);
    const now = this.#context.clock();
    const rejected = token !== undefined && rejectedRevision !== undefined && rejectedRevision >= token.obtainedAt;
    if (token && rejected && now - token.obtainedAt < FORCED_PAUSE_MS) return unavailable(FORCED_PAUSE_MS - (now - token.obtainedAt));
    if (token && !rejected && token.expiresAt - now > marginOf(token)) return grant(token, now);
    const failedUntil = this.#failedUntil.get(key) ?? 0;
    const obtained = failedUntil > now ? ({ type: 'failed', until: failedUntil } as const) : await this.#ask(key, target, spec, client);
    const after = this.#context.clock();
    if (obtained.type === 'refused') return obtained;
    if (obtained.type === 'token') return grant(obtained, after);
    // The one that was about to be renewed serves while the token endpoint is away.
    return token && !rejected && token.expiresAt - after > LAST_USE_MS ? grant(token, after) : unavailable(obtained.until - after);
  }

  #ask(key: string, target: ConfiguredTarget, spec: ClientCredentialsProvider, client: OAuthClient): Promise<Outcome | Refusal> {
    let asking = this.#asking.get(key);
    if (!asking) {
      asking = this.#request(key, target, spec, client).finally(() => this.#asking.delete(key));
      this.#asking.set(key, asking);
    }
    return asking;
  }

  async #request(key: string, target: ConfiguredTarget, spec: ClientCredentialsProvider, client: OAuthClient): Promise<Outcome | Refusal> {
    const { fetch, clock, onRequest } = this.#context;
    const about = { server: target.server.name, provider: target.provider.name };
    let result: TokenResult;
    try {
      result = await requestToken({ tokenEndpoint: spec.tokenEndpoint, client, now: clock(), parameters: parametersOf(target, spec) }, fetch);
    } catch (error) {
      if (!(error instanceof SallyportError) || error.code !== 'client_key_invalid') throw error;
      await onRequest({ ...about, reason: error.code });
      return { type: 'refused', reason: 'client_key_invalid' };
    }
    const next = outcomeOf(result, clock());
    if (next.type === 'token') this.#tokens.set(key, next);
    else this.#failedUntil.set(key, next.until);
    await onRequest({ ...about, reason: next.type === 'token' ? null : result.type === 'refused' ? result.error : result.type });
    return next;
  }
}

/** What is kept for one meaning of the configuration; the secret counts as its digest, so that another one is tried at once. */
function keyOf(target: ConfiguredTarget, { clientSecret, clientKey }: OAuthClient): string {
  const secret = createHash('sha256').update((clientKey ?? clientSecret)?.reveal() ?? '').digest('base64url');
  return JSON.stringify([target.provider.name, target.server.name, pinsOf(target), secret]);
}

function parametersOf({ server }: ConfiguredTarget, { scopes, audience, resource, parameters }: ClientCredentialsProvider): Record<string, string> {
  return {
    ...parameters,
    grant_type: 'client_credentials',
    ...(scopes.length > 0 ? { scope: scopes.join(' ') } : {}),
    ...(audience === undefined ? {} : { audience }),
    ...(resource ? { resource: server.spec.resource ?? server.spec.url } : {}),
  };
}

function outcomeOf(result: TokenResult, now: number): Outcome {
  switch (result.type) {
    case 'granted': {
      const { accessToken, expiresAt } = result.tokens;
      // Shorter ones, or with other characters, are no bearer token (RFC 6750 section 2.1) and could not be found in an answer.
      if (!/^[\x21-\x7E]{8,}$/.test(accessToken)) return { type: 'failed', until: now + REFUSED_PAUSE_MS };
      return { type: 'token', accessToken, obtainedAt: now, expiresAt: expiresAt ?? now + UNSAID_LIFETIME_MS };
    }
    case 'refused':
      return { type: 'failed', until: now + REFUSED_PAUSE_MS };
    case 'unavailable':
      return { type: 'failed', until: now + Math.min(result.retryAfterMs ?? UNAVAILABLE_PAUSE_MS, MAX_PAUSE_MS) };
    case 'unreachable':
    case 'ambiguous':
      return { type: 'failed', until: now + UNAVAILABLE_PAUSE_MS };
  }
}

const marginOf = ({ obtainedAt, expiresAt }: Token) => Math.min(RENEW_BEFORE_MS, (expiresAt - obtainedAt) / 5);
const unavailable = (ms: number): ProviderLease => ({ type: 'provider_unavailable', retryAfterSeconds: Math.max(1, Math.ceil(ms / 1000)) });

/** Its revision is when it was obtained: a lease of an older token can be told from one of this. */
function grant({ accessToken, obtainedAt, expiresAt }: Token, now: number): GrantedLease | ProviderLease {
  const left = Math.floor((expiresAt - now) / 1000);
  if (left < 1) return unavailable(UNAVAILABLE_PAUSE_MS);
  return { type: 'granted', headers: { authorization: `Bearer ${accessToken}` }, connectionId: null, connectionRevision: obtainedAt, expiresInSeconds: Math.min(MAX_LEASE_SECONDS, left) };
}
