import type { Clock } from '@sallyport/kernel';
import type { SignInExchangeOutcome } from '@sallyport/messages';
import { pinsOf, type ConfiguredTarget } from '@sallyport/connection';
import type { RequestedExchange } from '@sallyport/lease';
import type { ExchangingProvider, OutboundFetch } from '@sallyport/oauth';
import { serverTitle } from '@sallyport/server';
import type { CredentialRequest } from './credential-request.js';
import { ObtainedTokens, type Obtained } from './obtained-tokens.js';
import type { ProviderLease, ProviderRefusal } from './provider-lease.js';

export interface DerivedTokensContext {
  readonly fetch: OutboundFetch;
  readonly clock: Clock;
  /** Asks the authorization server, which keeps what users signed in with; undefined when it takes no such request. */
  readonly exchange: (requested: RequestedExchange) => Promise<SignInExchangeOutcome | undefined>;
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

/** With why there is no token, for the trail. */
export interface Attempt {
  readonly obtained: Obtained;
  readonly reason: string | null;
}

/** A no will not be another one a moment later; an authorization server may be back. */
export const REFUSED_PAUSE_MS = 60_000;
export const AWAY_PAUSE_MS = 5_000;

/** Gets a token with what the user signed in with; each kind does it in its own way. */
export type Obtain = (exchange: RequestedExchange, context: DerivedTokensContext) => Promise<Attempt>;

/**
 * `token-exchange` and `id-jag`: a token for one server, made of what one user signed in with, for one agent session.
 * It serves no other session, server address or provider document (S20, R34).
 */
export class DerivedTokens {
  readonly #context: DerivedTokensContext;
  readonly #tokens: ObtainedTokens;

  constructor(context: DerivedTokensContext) {
    this.#context = context;
    this.#tokens = new ObtainedTokens(context.clock);
  }

  async lease(
    { caller, target, rejectedConnectionRevision: rejectedRevision }: CredentialRequest,
    { origin }: Pick<ExchangingProvider, 'origin'>,
    obtain: Obtain,
  ): Promise<ProviderLease | ProviderRefusal> {
    if (origin !== new URL(target.server.spec.url).origin) return { type: 'refused', reason: 'token_origin' };
    const configured = JSON.stringify([target.provider.name, target.server.name, pinsOf(target)]);
    const holder = JSON.stringify([caller.userId, caller.clientId, caller.sid]);
    return this.#tokens.lease({ configured, holder }, { rejectedRevision, notAfter: caller.expiresAt }, () =>
      this.#obtain(caller, target, obtain),
    );
  }

  async #obtain({ userId, clientId, sid }: DerivedCaller, target: ConfiguredTarget, obtain: Obtain): Promise<Obtained> {
    const [server, credentialProvider] = [target.server.name, target.provider.name];
    const { obtained, reason } = await obtain(
      { userId, clientId, sid, server, credentialProvider, pins: pinsOf(target) },
      this.#context,
    );
    await this.#context.onRequest({ userId, clientId, sid, server, provider: credentialProvider, reason });
    return obtained;
  }
}

/** Why the sign-in was not exchanged, and what the user can do about it. */
export function withoutToken(
  outcome: Exclude<SignInExchangeOutcome, { type: 'exchanged' }> | undefined,
  { server }: ConfiguredTarget,
): Attempt {
  if (outcome === undefined) return { obtained: { type: 'failed', pauseMs: AWAY_PAUSE_MS }, reason: 'not_taken' };
  switch (outcome.type) {
    case 'sign_in_required':
      return { obtained: { type: 'refused', reason: 'sign_in_required' }, reason: 'sign_in_required' };
    case 'refused': {
      const message = messages[outcome.reason]?.(serverTitle(server));
      return {
        obtained: {
          type: 'refused',
          reason: `exchange_${outcome.reason}`,
          pauseMs: REFUSED_PAUSE_MS,
          ...(message === undefined ? {} : { message }),
        },
        reason: outcome.error ?? outcome.reason,
      };
    }
    case 'unavailable':
      return {
        obtained: { type: 'failed', pauseMs: outcome.retryAfterMs, forAll: outcome.fault },
        reason: outcome.error,
      };
  }
}

const messages: Readonly<
  Partial<Record<Extract<SignInExchangeOutcome, { type: 'refused' }>['reason'], (server: string) => string>>
> = {
  consent_required: (server) =>
    `The identity provider wants consent before it gives access to ${server}. An administrator can give it there.`,
  user_refused: (server) =>
    `The identity provider does not give this user access to ${server}. An administrator can change that there.`,
  trust_provider: (server) => `${server} is for people who sign in at another identity provider.`,
};
