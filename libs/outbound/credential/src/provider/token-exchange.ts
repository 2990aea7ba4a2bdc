import type { CredentialProviderOf } from '@sallyport/configuration';
import type { SignInExchangeOutcome } from '@sallyport/messages';
import type { ConfiguredTarget } from '../connection/connection-pins.js';
import type { ExchangeWish } from '../exchange/ask-for-exchange.js';
import type { DerivedTokensContext } from './derived-tokens.js';
import type { Obtained } from './obtained-tokens.js';

/** With why there is no token, for the trail. */
export interface Attempt {
  readonly obtained: Obtained;
  readonly reason: string | null;
}

/** A no will not be another one a moment later; an authorization server may be back. */
export const REFUSED_PAUSE_MS = 60_000;
export const AWAY_PAUSE_MS = 5_000;

/** `token-exchange`: the authorization server exchanges what the user signed in with, and hands over what it got (RFC 8693). */
export async function obtainByExchange(
  {
    wish,
    target,
    spec,
  }: { wish: ExchangeWish; target: ConfiguredTarget; spec: CredentialProviderOf<'token-exchange'> },
  { exchange, actorToken }: Pick<DerivedTokensContext, 'exchange' | 'actorToken'>,
): Promise<Attempt> {
  let actor: string | undefined;
  if (spec.actorToken) {
    actor = await actorToken(wish.clientId, spec.trustProvider);
    if (actor === undefined) return { obtained: { type: 'failed', pauseMs: AWAY_PAUSE_MS }, reason: 'no_signing_key' };
  }
  const outcome = await exchange({ ...wish, ...(actor === undefined ? {} : { actorToken: actor }) });
  if (outcome?.type !== 'exchanged') return withoutToken(outcome, target);
  return { obtained: { type: 'token', accessToken: outcome.token, expiresAt: outcome.expiresAt }, reason: null };
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
      const message = messages[outcome.reason]?.(server.spec.title ?? server.name);
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
