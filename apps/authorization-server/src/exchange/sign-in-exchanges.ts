import {
  configuredClient,
  exchangeParameters,
  exchangeQuirks,
  readExchange,
  receiveToken,
  requestToken,
  subjectTokenOf,
  type ExchangeResult,
  type ExchangingProvider,
  type OutboundFetch,
} from '@sallyport/oauth';
import { configuredTarget, pinsOf, type ConfiguredTarget } from '@sallyport/connection';
import type { ConfigurationSnapshot } from '@sallyport/configuration';
import { hasCode, isErrorOf, type Clock, type Secret } from '@sallyport/kernel';
import type { SignInExchangeOutcome, SignInExchangeRequest } from '@sallyport/messages';
import { decodeJwt } from 'jose';
import type { IdentityRechecks } from '../federation/identity-rechecks.js';
import type { TrustProvider } from '../federation/provider/trust-provider.js';
import type { TrustProviders } from '../federation/trust-providers.js';
import type { EndSession } from '../lifecycle/end-session.js';
import type { AgentSessions } from '../storage/agent-sessions.js';
import type { IdentitySession, KeptTokens } from '../storage/identity-session.js';
import type { IdentitySessions } from '../storage/identity-sessions.js';

export interface SignInExchangesParts {
  readonly configuration: { snapshot(): ConfigurationSnapshot };
  readonly sessions: AgentSessions;
  readonly identities: IdentitySessions;
  readonly rechecks: Pick<IdentityRechecks, 'serving'>;
  readonly providers: TrustProviders;
  readonly endSession: EndSession;
  readonly secret: (name: string) => Promise<Secret | undefined>;
  readonly fetch: OutboundFetch;
  readonly clock: Clock;
}

type Refused = Extract<SignInExchangeOutcome, { type: 'refused' }>;
interface Subject {
  readonly identity: IdentitySession;
  readonly provider: TrustProvider;
}

/** A token that expires sooner than this may be expired by the time the provider reads it. */
const MARGIN_MS = 30_000;
/** A user who signed in more recently than this is not asked to sign in again: that would never end. */
const JUST_SIGNED_IN_MS = 120_000;
const SOON_MS = 1_000;
const AWAY_MS = 10_000;

/**
 * Exchanges what a human signed in with at their identity provider for a token of one server (R51). The sign-in's own
 * tokens go to the configured endpoint and nowhere else: who asks gets what came back, and cannot choose where it is
 * made.
 */
export class SignInExchanges {
  readonly #parts: SignInExchangesParts;

  constructor(parts: SignInExchangesParts) {
    this.#parts = parts;
  }

  async exchange(request: SignInExchangeRequest): Promise<SignInExchangeOutcome> {
    const snapshot = this.#parts.configuration.snapshot();
    const target = configuredTarget(snapshot, request);
    // One of the two has a configuration the other has not got yet; on one of them nothing is sent anywhere (S20).
    if (!target || JSON.stringify(pinsOf(target)) !== JSON.stringify(request.pins))
      return { type: 'unavailable', retryAfterMs: SOON_MS, fault: false, error: 'configuration' };
    const { spec } = target.provider;
    if (spec.type !== 'token-exchange' && spec.type !== 'id-jag') return refused('session');
    const subject = await this.#subjectOf(request, spec, snapshot);
    if ('type' in subject) return subject;
    const first = await this.#exchangeOther(undefined, { request, target, spec, ...subject });
    // It may have been revoked before its time: the next one of the same sign-in need not be (RFC 6749 section 5.2).
    const isWorn =
      first.result.type === 'sign_in_required' && first.result.error === 'invalid_grant' && first.token !== undefined;
    const { result } = isWorn ? await this.#exchangeOther(first.token, { request, target, spec, ...subject }) : first;
    return result.type === 'sign_in_required' ? this.#signInAgain(request, subject.identity, result.error) : result;
  }

  /** @param worn a token that the provider refused */
  async #exchangeOther(
    worn: string | undefined,
    asked: Subject & { request: SignInExchangeRequest; target: ConfiguredTarget; spec: ExchangingProvider },
  ): Promise<{ readonly token?: string; readonly result: ExchangeResult }> {
    const { identity, spec } = asked;
    const serves = (tokens: KeptTokens) => ![undefined, worn].includes(this.#tokenOf(tokens, spec));
    const kept = await this.#parts.rechecks.serving(identity, serves);
    if (kept === 'unknown')
      return { result: { type: 'unavailable', retryAfterMs: AWAY_MS, fault: false, error: 'identity_provider_away' } };
    const token = kept && this.#tokenOf(kept, spec);
    if (token === undefined)
      return { result: { type: 'sign_in_required', error: worn === undefined ? 'no_token' : 'invalid_grant' } };
    return { token, result: await this.#ask({ ...asked, token }) };
  }

  /**
   * The sign-in the agent session came from: live, of this user and of nobody else, at the provider the document means
   * (R34).
   */
  async #subjectOf(
    { sid, userId, clientId }: SignInExchangeRequest,
    spec: ExchangingProvider,
    snapshot: ConfigurationSnapshot,
  ): Promise<Subject | Refused> {
    const { sessions, identities } = this.#parts;
    const session = await sessions.find(sid);
    if (!session || session.ended || session.userId !== userId || session.clientId !== clientId)
      return refused('session');
    if (snapshot.revocations.isRevoked({ userId, clientId, sid, issuedAt: session.createdAt }))
      return refused('session');
    const identity =
      session.identitySessionId === undefined ? undefined : await identities.find(session.identitySessionId);
    if (!identity || identity.ended || identity.userId !== userId) return refused('session');
    const provider = snapshot.get('TrustProvider', spec.trustProvider);
    if (!provider || identity.trustProvider !== provider.name || identity.issuer !== provider.spec.issuer)
      return refused('trust_provider');
    return provider.spec.session?.keepTokens === true ? { identity, provider } : refused('tokens_not_kept');
  }

  #tokenOf({ accessToken, accessExpiresAt, idToken }: KeptTokens, spec: ExchangingProvider): string | undefined {
    const isAccessToken = subjectTokenOf(spec) === 'access_token';
    const token = isAccessToken ? accessToken : idToken;
    if (token === undefined) return undefined;
    const expiresAt = isAccessToken ? accessExpiresAt : (decodeJwt(token).exp ?? 0) * 1000;
    return expiresAt === undefined || expiresAt - this.#parts.clock() > MARGIN_MS ? token : undefined;
  }

  async #ask({
    target,
    spec,
    provider,
    token,
    request,
  }: {
    target: ConfiguredTarget;
    spec: ExchangingProvider;
    provider: TrustProvider;
    token: string;
    request: SignInExchangeRequest;
  }): Promise<ExchangeResult> {
    const { providers, fetch, secret, clock } = this.#parts;
    const resource =
      (spec.type === 'id-jag' ? request.resource : undefined) ?? target.server.spec.resource ?? target.server.spec.url;
    const parameters = exchangeParameters(spec, { subjectToken: token, actorToken: request.actorToken, resource });
    const about = { now: clock(), quirks: exchangeQuirks(spec) };
    try {
      if (spec.type === 'id-jag' || spec.client === undefined)
        return readExchange(
          await receiveToken(() => providers.requestToken(provider, parameters, spec.tokenEndpoint), about),
          spec,
          resource,
        );
      const tokenEndpoint = spec.tokenEndpoint ?? (await providers.tokenEndpoint(provider));
      const client = await configuredClient(
        { provider: target.provider.name, client: spec.client, issuer: new URL(tokenEndpoint).origin },
        secret,
      );
      if (!client) return { type: 'unavailable', retryAfterMs: AWAY_MS, fault: true, error: 'secret_missing' };
      return readExchange(await requestToken({ tokenEndpoint, client, parameters, ...about }, fetch), spec, resource);
    } catch (error) {
      // The message of the error may be long; its code is all that goes into the trail (S30).
      if (isErrorOf(error, 'trust_provider_') || hasCode(error, 'client_key_invalid'))
        return { type: 'unavailable', retryAfterMs: AWAY_MS, fault: true, error: error.code };
      throw error;
    }
  }

  /**
   * Their agent comes back with a new sign-in: its session ends, and the browser starts afresh. Whoever signed in just
   * now is not asked again.
   */
  async #signInAgain(
    { sid }: SignInExchangeRequest,
    identity: IdentitySession,
    error: string,
  ): Promise<SignInExchangeOutcome> {
    if (this.#parts.clock() - identity.createdAt < JUST_SIGNED_IN_MS)
      return { type: 'refused', reason: error === 'no_token' ? 'tokens_not_kept' : 'user_refused', error };
    await this.#parts.identities.endInItsBrowser(identity.id);
    await this.#parts.endSession(sid, 'a server needs a new sign-in at the identity provider');
    return { type: 'sign_in_required' };
  }
}

const refused = (reason: Refused['reason']): Refused => ({ type: 'refused', reason });
