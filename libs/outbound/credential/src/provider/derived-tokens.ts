import type { Clock } from '@sallyport/kernel';
import type { SignInExchangeOutcome } from '@sallyport/messages';
import { pinsOf, type ConfiguredTarget } from '../connection/connection-pins.js';
import type { ExchangeWish } from '../exchange/ask-for-exchange.js';
import type { ExchangingProvider } from '../oauth/exchange-token.js';
import type { OAuthClient, OutboundFetch } from '../oauth/oauth-client.js';
import { obtainByIdJag } from './id-jag.js';
import { ObtainedTokens, type Obtained } from './obtained-tokens.js';
import type { ProviderLease, ProviderRefusal } from './provider-lease.js';
import { obtainByExchange } from './token-exchange.js';

export interface DerivedTokensContext {
  readonly fetch: OutboundFetch;
  readonly clock: Clock;
  /** Asks the authorization server, which keeps what users signed in with; undefined when it does not take the request. */
  readonly exchange: (wish: ExchangeWish) => Promise<SignInExchangeOutcome | undefined>;
  /** A token of ours that names the agent to the identity provider. */
  readonly actorToken: (clientId: string, trustProvider: string) => Promise<string | undefined>;
  /** For the trail: once per attempt. `reason`: why there is no token. */
  readonly onRequest: (
    request: DerivedCaller & { readonly server: string; readonly provider: string; readonly reason: string | null },
  ) => Promise<void>;
}

/** As the agent's verified token names them. */
export interface DerivedCaller {
  readonly userId: string;
  readonly clientId: string;
  readonly sid: string;
}

export interface DerivedWish {
  readonly caller: DerivedCaller & { /** Of the agent's token, seconds since the epoch. */ readonly expiresAt: number };
  readonly target: ConfiguredTarget;
  readonly spec: ExchangingProvider;
  /** Of `id-jag`: ours at the server's authorization server. */
  readonly client?: OAuthClient | undefined;
  readonly rejectedRevision?: number | undefined;
}

/**
 * `token-exchange` and `id-jag`: a token for one server, made of what one user signed in with, for one agent session.
 * Another session, server address or provider document finds nothing of it (S20, R34).
 */
export class DerivedTokens {
  readonly #context: DerivedTokensContext;
  readonly #tokens: ObtainedTokens;

  constructor(context: DerivedTokensContext) {
    this.#context = context;
    this.#tokens = new ObtainedTokens(context.clock);
  }

  async lease(wish: DerivedWish): Promise<ProviderLease | ProviderRefusal> {
    const { caller, target, spec, rejectedRevision } = wish;
    if (spec.origin !== new URL(target.server.spec.url).origin) return { type: 'refused', reason: 'token_origin' };
    const configured = JSON.stringify([target.provider.name, target.server.name, pinsOf(target)]);
    const holder = JSON.stringify([caller.userId, caller.clientId, caller.sid]);
    return this.#tokens.lease({ configured, holder }, { rejectedRevision, notAfter: caller.expiresAt }, () =>
      this.#obtain(wish),
    );
  }

  async #obtain({ caller: { userId, clientId, sid }, target, spec, client }: DerivedWish): Promise<Obtained> {
    const { server, provider } = target;
    const wish = {
      userId,
      clientId,
      sid,
      server: server.name,
      credentialProvider: provider.name,
      pins: pinsOf(target),
    };
    const { obtained, reason } = await (spec.type === 'id-jag'
      ? obtainByIdJag({ wish, target, spec, client }, this.#context)
      : obtainByExchange({ wish, target, spec }, this.#context));
    await this.#context.onRequest({ userId, clientId, sid, server: server.name, provider: provider.name, reason });
    return obtained;
  }
}
