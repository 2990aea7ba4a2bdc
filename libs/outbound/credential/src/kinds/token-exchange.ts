import type { CredentialProviderOf } from '@sallyport/configuration';
import type { CredentialRequest } from '../credential-request.js';
import { AWAY_PAUSE_MS, withoutToken, type DerivedTokens, type Obtain } from '../derived-tokens.js';
import type { ProviderLease, ProviderRefusal } from '../provider-lease.js';

type TokenExchangeProvider = CredentialProviderOf<'token-exchange'>;

export interface TokenExchangeLeaseContext {
  readonly derivedTokens: Pick<DerivedTokens, 'lease'>;
}

/**
 * `token-exchange`: our authorization server exchanges what the user signed in with, and hands over the token (RFC
 * 8693).
 */
export async function leaseByTokenExchange(
  request: CredentialRequest,
  spec: TokenExchangeProvider,
  { derivedTokens }: TokenExchangeLeaseContext,
): Promise<ProviderLease | ProviderRefusal> {
  return derivedTokens.lease(request, spec, obtainByExchange(request, spec));
}

const obtainByExchange =
  ({ target }: CredentialRequest, spec: TokenExchangeProvider): Obtain =>
  async (requested, { exchange, actorToken }) => {
    let actor: string | undefined;
    if (spec.actorToken) {
      actor = await actorToken(requested.clientId, spec.trustProvider);
      if (actor === undefined)
        return { obtained: { type: 'failed', pauseMs: AWAY_PAUSE_MS }, reason: 'no_signing_key' };
    }
    const outcome = await exchange({ ...requested, ...(actor === undefined ? {} : { actorToken: actor }) });
    if (outcome?.type !== 'exchanged') return withoutToken(outcome, target);
    return { obtained: { type: 'token', accessToken: outcome.token, expiresAt: outcome.expiresAt }, reason: null };
  };
