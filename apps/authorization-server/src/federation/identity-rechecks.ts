import { mapClaims } from '@sallyport/authorization';
import { LOCK_MS, whileRenewing } from '@sallyport/connection/refresh';
import type { ConfigurationSnapshot } from '@sallyport/configuration';
import { Budget, durationSeconds, isErrorOf, SingleFlight, type Clock } from '@sallyport/kernel';
import type { Logger } from '@sallyport/telemetry';
import { lifetimesOf } from '../entitlement/lifetimes.js';
import type { EndIdentitySessions } from '../lifecycle/end-identity-sessions.js';
import type { Held, IdentitySession, KeptTokens } from '../storage/identity-session.js';
import type { IdentitySessions } from '../storage/identity-sessions.js';
import type { User, Users } from '../storage/users.js';
import type { ProviderTokens } from './provider/provider-tokens.js';
import type { TrustProvider } from './provider/trust-provider.js';
import type { ProvenRefresh, RefreshResult, TrustProviders } from './trust-providers.js';

export type Recheck =
  | { readonly type: 'stands' }
  /** This agent session is over, and perhaps all of the user's sessions are. */
  | { readonly type: 'ended'; readonly reason: string }
  /** The provider could not be asked for longer than is tolerated: nothing is issued, nothing ends. */
  | { readonly type: 'unknown'; readonly reason: string };

export interface IdentityRechecksParts {
  readonly configuration: { snapshot(): ConfigurationSnapshot };
  readonly providers: TrustProviders;
  readonly identities: IdentitySessions;
  readonly users: Users;
  readonly endIdentitySessions: EndIdentitySessions;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly sleep?: (ms: number) => Promise<void>;
}

/** A provider is not asked again this soon after it answered, however often agents refresh. */
const YOUNG_MS = 10_000;
/**
 * Providers that allow a repeat allow it for half a minute and more: while it is open whether a token was spent, it is
 * asked soon again, for so long.
 */
const OPEN_MS = 2 * 60_000;
const OPEN_AGAIN_MS = 3_000;
/** Before a refusal after an unanswered question is looked at again: the first request may still be under way there. */
const SECOND_LOOK_MS = 500;
/** Pauses between attempts to store what was granted: a database that restarts is back by then. */
const STORE_AGAIN_MS = [250, 500, 1_000, 2_000, 4_000, 8_000];
const POLL_MS = 100;
const WAIT_MS = 30_000;
const BATCH = 50;
const AT_ONCE = 10;
const LINES_PER_MINUTE = 1;
/** Codes are redeemed a while after the session was written down. */
const SLACK_MS = 120_000;

/**
 * Asks identity providers whether they still let a user in, and with which groups (R84), with the refresh token of the
 * user's sign-in: when an agent refreshes, and in the background while an agent may hold a live token. One check at a
 * time per sign-in, also across replicas. The provider's next refresh token is stored before anything of the answer is
 * verified; a question that got no answer is asked again; and a refusal of a token that may have been spent without an
 * answer says nothing about the human (B3, B4).
 */
export class IdentityRechecks {
  readonly #parts: IdentityRechecksParts;
  readonly #lines: Budget;
  /** Checks under way, by sign-in. Whoever asks meanwhile waits for the same check, and not at the database. */
  readonly #underWay = new SingleFlight<string, Recheck>();

  constructor(parts: IdentityRechecksParts) {
    this.#parts = parts;
    this.#lines = new Budget(parts.clock);
  }

  /** @param identitySessionId of the agent session; undefined for a session from before sign-ins were stored */
  async recheck(user: User, identitySessionId: string | undefined): Promise<Recheck> {
    const session = identitySessionId === undefined ? undefined : await this.#parts.identities.find(identitySessionId);
    // An authorization that was under way when its sign-in ended may have begun this agent session a moment later.
    if (session?.ended) return { type: 'ended', reason: 'the sign-in ended' };
    const wanted = this.#wanted(user.trustProvider);
    if (!wanted) return { type: 'stands' };
    if (!session) return { type: 'ended', reason: 'the sign-in cannot be checked again' };
    return this.#check(session, wanted);
  }

  /**
   * What was kept of a sign-in, asked for anew where it no longer serves and the provider can be asked.
   * @returns `undefined`: nothing that serves can be had without the human; `unknown`: the provider cannot be asked now
   */
  async serving(
    session: IdentitySession,
    serves: (tokens: KeptTokens) => boolean,
  ): Promise<KeptTokens | 'unknown' | undefined> {
    const { identities } = this.#parts;
    const before = await identities.tokens(session.id);
    if (!before || serves(before)) return before;
    const wanted = this.#wanted(session.trustProvider);
    if (!wanted || before.refreshToken === undefined) return undefined;
    await this.#check((await identities.find(session.id)) ?? session, wanted, serves);
    // An answer that is on its way to somebody else is waited for, too.
    await this.#whileHeld(session.id);
    const after = await identities.tokens(session.id);
    if (!after || serves(after)) return after;
    const asked = await identities.find(session.id);
    return asked && asked.confirmedAt >= asked.askedAt ? undefined : 'unknown';
  }

  /**
   * Asks about the sign-ins that are due; to be called every few seconds, by any number of replicas. Providers are
   * asked at the same time, and several sign-ins at each: a question that hangs keeps no other waiting.
   * @returns how many were asked about
   */
  async checkDue(): Promise<number> {
    const providers = this.#parts.configuration.snapshot().all('TrustProvider');
    const asked = await Promise.all(providers.map(({ name }) => this.#checkDueAt(name)));
    return asked.reduce((sum, count) => sum + count, 0);
  }

  async #checkDueAt(trustProvider: string): Promise<number> {
    const { configuration, identities, clock } = this.#parts;
    const wanted = this.#wanted(trustProvider);
    if (!wanted) return 0;
    const ids = await identities.due(trustProvider, {
      askedBefore: new Date(clock() - wanted.everyMs),
      usedSince: new Date(clock() - lifetimesOf(configuration.snapshot()).accessToken * 1000 - SLACK_MS),
      open: { since: new Date(clock() - OPEN_MS), askedBefore: new Date(clock() - OPEN_AGAIN_MS) },
      limit: BATCH,
    });
    const waiting = ids.values();
    const checkNext = async (): Promise<void> => {
      for (const id of waiting) {
        const session = await identities.find(id);
        if (session && !session.ended) await this.#check(session, wanted);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, checkNext));
    return ids.length;
  }

  /** How often a provider's document wants it asked; undefined for never. */
  #wanted(trustProvider: string): Wanted | undefined {
    const snapshot = this.#parts.configuration.snapshot();
    const provider = snapshot.get('TrustProvider', trustProvider);
    const { recheckEvery, toleratedOutage = '1h' } = provider?.spec.session ?? {};
    if (!provider || recheckEvery === undefined) return undefined;
    const everyMs = Math.min(durationSeconds(recheckEvery) ?? 0, lifetimesOf(snapshot).accessToken) * 1000;
    return { provider, everyMs, toleratedMs: Math.max(everyMs, (durationSeconds(toleratedOutage) ?? 0) * 1000) };
  }

  async #check(session: IdentitySession, wanted: Wanted, serves?: (tokens: KeptTokens) => boolean): Promise<Recheck> {
    // Its tokens are for whom they were given out by, whatever the document of that name says today (S25).
    if (session.issuer !== wanted.provider.spec.issuer)
      return this.#end({ ids: [session.id] }, 'the sign-in was at another issuer');
    if (
      this.#parts.clock() - session.askedAt <
      (session.unansweredSince === undefined ? Math.min(wanted.everyMs, YOUNG_MS) : OPEN_AGAIN_MS)
    )
      return this.#judge(session, wanted);
    return this.#underWay.run(session.id, () => this.#askOrWait(session.id, wanted, serves));
  }

  /** @param serves what somebody else has refreshed in the meantime is not refreshed again */
  async #askOrWait(id: string, wanted: Wanted, serves?: (tokens: KeptTokens) => boolean): Promise<Recheck> {
    const { identities } = this.#parts;
    const held = await identities.take(id, LOCK_MS);
    if (!held) return this.#afterOther(id, wanted);
    try {
      if (held.tokens && serves?.(held.tokens)) return await this.#judgeAnew(id, wanted);
      return (
        (await whileRenewing(
          () => identities.renew(held, LOCK_MS),
          () => this.#ask(held, wanted),
        )) ?? (await this.#judgeAnew(id, wanted))
      );
    } finally {
      // A failure here must not hide what happened: the hold ends by its own time.
      await identities.release(held).catch(() => undefined);
    }
  }

  /** @returns undefined when there is no answer, or none that counts any more */
  async #ask(held: Held, { provider, toleratedMs }: Wanted): Promise<Recheck | undefined> {
    const { identities, clock } = this.#parts;
    const { session, tokens } = held;
    if (tokens?.refreshToken === undefined) {
      if (clock() - session.confirmedAt <= toleratedMs) return { type: 'stands' };
      return this.#end(
        { ids: [session.id] },
        tokens?.isRefreshTokenLost === true
          ? 'an answer of the identity provider was lost, and with it what it is asked again with'
          : 'the identity provider gave nothing to ask it again with',
      );
    }
    const { answer, wasOpen } = await this.#spend(held, provider, tokens.refreshToken);
    if (!answer || answer.type === 'unanswered') return undefined;
    if (answer.type === 'refused' && answer.error === 'invalid_grant' && wasOpen)
      return this.#forget(held, provider, tokens);
    // Of a hold that was lost meanwhile nothing is believed: another replica used the same token.
    if (answer.type === 'refused')
      return (await identities.stillHolds(held))
        ? this.#end({ userId: session.userId }, `refused by the identity provider: ${answer.error}`)
        : undefined;
    const next = { ...tokens, refreshToken: answer.refreshToken ?? tokens.refreshToken };
    const kept = await this.#persistently(
      async () => (await identities.keep(held, next)) ?? identities.keepLate(held, next),
    );
    return kept ? this.#learn(kept, next, provider, answer.prove) : undefined;
  }

  /**
   * Sends a refresh token, and once more where no answer came: many providers repeat theirs for a while.
   * @returns `wasOpen`: it may have been spent by an earlier request
   */
  async #spend(
    held: Held,
    provider: TrustProvider,
    refreshToken: string,
  ): Promise<{ readonly answer: RefreshResult | undefined; readonly wasOpen: boolean }> {
    const { identities, providers, logger, clock } = this.#parts;
    let wasOpen = held.session.unansweredSince !== undefined;
    const attempt = async (): Promise<RefreshResult | undefined> => {
      if (!(await identities.sending(held))) return undefined;
      const answer = await this.#orNothing(provider, () =>
        providers.refresh(provider, refreshToken, held.session.subject),
      );
      if (!answer && !wasOpen) await identities.unsent(held);
      if (answer?.type === 'unanswered')
        logger.warn(
          { err: answer.cause, trustProvider: provider.name },
          'an identity provider left a question about a sign-in unanswered',
        );
      return answer;
    };
    const startedAt = clock();
    let answer = await attempt();
    if (answer?.type === 'unanswered') {
      wasOpen = true;
      // One that keeps us waiting is left to the background: an agent waits for this.
      if (clock() - startedAt < OPEN_AGAIN_MS) answer = await attempt();
    }
    if (answer?.type === 'refused' && answer.error === 'invalid_grant' && wasOpen) {
      await this.#sleep(SECOND_LOOK_MS);
      answer = await attempt();
    }
    return { answer, wasOpen };
  }

  /**
   * Its token was spent by a question that nobody heard the answer of. Whether the human may still come in is unknown,
   * and cannot be asked again: as for a provider that gives nothing to ask with, the sign-in is believed as long as an
   * outage is tolerated.
   */
  async #forget(
    held: Held,
    provider: TrustProvider,
    { refreshToken: _spent, ...others }: KeptTokens,
  ): Promise<undefined> {
    this.#parts.logger.warn(
      { trustProvider: provider.name, identitySession: held.session.id },
      'an answer of an identity provider was lost with its refresh token: the sign-in cannot be checked again',
    );
    await this.#persistently(() => this.#parts.identities.keep(held, { ...others, isRefreshTokenLost: true }));
  }

  /** @param kept what the provider granted, stored already */
  async #learn(
    kept: Held,
    tokens: KeptTokens,
    provider: TrustProvider,
    prove: () => Promise<ProvenRefresh>,
  ): Promise<Recheck | undefined> {
    const { identities, users } = this.#parts;
    const { session } = kept;
    let holding: Held | undefined = kept;
    const proven = await this.#orNothing(provider, prove);
    if (!proven) return undefined;
    const all = {
      ...keptTokens(provider, { ...proven.tokens, refreshToken: tokens.refreshToken }, tokens),
      authentication: tokens.authentication,
    };
    if (all.accessToken !== undefined || all.idToken !== tokens.idToken)
      holding = await this.#persistently(() => identities.keep(kept, all));
    if (!holding) return undefined;
    const said = await this.#orNothing(provider, async () => (await proven.claims()) ?? ('silent' as const));
    if (!said) return undefined;
    if (said !== 'silent') {
      if (said.type === 'refused')
        return this.#end({ userId: session.userId }, `refused by the identity provider: ${said.error}`);
      const user = await users.find(session.userId);
      const mapped = mapClaims(provider, {
        idToken: { ...tokens.authentication, ...said.claims.idToken },
        userInfo: said.claims.userInfo,
      });
      if (!mapped.accepted)
        return this.#end({ userId: session.userId }, `refused by the identity provider's claims: ${mapped.reason}`);
      if (mapped.identity.subject !== user?.subject || mapped.identity.issuer !== user.issuer)
        return this.#end({ userId: session.userId }, 'the identity provider names somebody else');
      await users.confirmed(
        session.userId,
        said.isPartial
          ? { ...mapped.identity, email: mapped.identity.email ?? user.email, name: mapped.identity.name ?? user.name }
          : mapped.identity,
      );
    }
    return (await identities.confirm(holding)) ? { type: 'stands' } : undefined;
  }

  /**
   * What a provider granted exists nowhere else until it is stored: a database that restarts meanwhile is waited for.
   */
  async #persistently<T>(write: () => Promise<T>): Promise<T> {
    for (const pause of STORE_AGAIN_MS) {
      try {
        return await write();
      } catch (err) {
        this.#parts.logger.warn({ err }, 'what an identity provider granted could not be stored yet');
        await this.#sleep(pause);
      }
    }
    return write();
  }

  async #sleep(ms: number): Promise<void> {
    await (this.#parts.sleep ?? ((wait) => new Promise((resolve) => setTimeout(resolve, wait))))(ms);
  }

  /** A provider that fails, or sends something else than an answer, has said nothing about the user. */
  async #orNothing<T>(provider: TrustProvider, ask: () => Promise<T>): Promise<T | undefined> {
    try {
      return await ask();
    } catch (err) {
      if (!isErrorOf(err, 'trust_provider_')) throw err;
      // Away for one it is away for all, and that has a line of its own.
      const isSaid = err.code === 'trust_provider_unavailable' && this.#lines.take(provider.name, LINES_PER_MINUTE);
      if (!isSaid)
        this.#parts.logger.warn({ err, trustProvider: provider.name }, 'an identity provider could not be asked again');
      return undefined;
    }
  }

  async #afterOther(id: string, wanted: Wanted): Promise<Recheck> {
    await this.#whileHeld(id);
    return this.#judgeAnew(id, wanted);
  }

  async #whileHeld(id: string): Promise<void> {
    for (let waited = 0; waited < WAIT_MS && (await this.#parts.identities.isHeld(id)); waited += POLL_MS)
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }

  async #judgeAnew(id: string, wanted: Wanted): Promise<Recheck> {
    const session = await this.#parts.identities.find(id);
    return session && !session.ended ? this.#judge(session, wanted) : { type: 'ended', reason: 'the sign-in ended' };
  }

  #judge(session: IdentitySession, { toleratedMs }: Wanted): Recheck {
    if (this.#parts.clock() - session.confirmedAt <= toleratedMs) return { type: 'stands' };
    return { type: 'unknown', reason: 'the identity provider cannot be asked for too long' };
  }

  async #end(scope: Parameters<EndIdentitySessions>[0], reason: string): Promise<Recheck> {
    await this.#parts.endIdentitySessions(scope, reason);
    return { type: 'ended', reason };
  }
}

interface Wanted {
  readonly provider: TrustProvider;
  readonly everyMs: number;
  readonly toleratedMs: number;
}

/** The tokens that the document lets us keep. A provider that sends no next refresh token means the last one. */
export function keptTokens(
  { spec: { session } }: TrustProvider,
  { refreshToken, accessToken, idToken, accessExpiresAt }: ProviderTokens,
  before?: KeptTokens,
): Omit<KeptTokens, 'authentication'> {
  const kept = {
    refreshToken: session?.recheckEvery === undefined ? undefined : (refreshToken ?? before?.refreshToken),
    accessToken: session?.keepTokens ? accessToken : undefined,
    accessExpiresAt: session?.keepTokens ? accessExpiresAt : undefined,
    idToken: session?.keepTokens || session?.signOutAtProvider ? (idToken ?? before?.idToken) : undefined,
  };
  return Object.fromEntries(Object.entries(kept).filter(([, value]) => value !== undefined));
}
