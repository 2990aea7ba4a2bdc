import { mapClaims } from '@sallyport/authorization';
import type { ConfigurationSnapshot } from '@sallyport/configuration';
import { SallyportError, type Clock } from '@sallyport/kernel';
import { durationSeconds } from '@sallyport/policy';
import type { Logger } from '@sallyport/telemetry';
import { lifetimesOf } from '../entitlement/lifetimes.js';
import type { EndIdentitySessions } from '../lifecycle/end-identity-sessions.js';
import type { Held, IdentitySession, IdentitySessions, KeptTokens } from '../storage/identity-sessions.js';
import type { User, Users } from '../storage/users.js';
import type { ProviderTokens, TrustProvider, TrustProviders } from './trust-providers.js';

export type Standing =
  | { readonly outcome: 'stands' }
  /** This agent session is over, and perhaps all of the user's are. */
  | { readonly outcome: 'ended'; readonly reason: string }
  /** The provider could not be asked for longer than is tolerated: nothing is issued, nothing ends. */
  | { readonly outcome: 'unknown'; readonly reason: string };

export interface IdentityRechecksParts {
  readonly configuration: { snapshot(): ConfigurationSnapshot };
  readonly providers: TrustProviders;
  readonly identities: IdentitySessions;
  readonly users: Users;
  readonly endIdentitySessions: EndIdentitySessions;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** An answer this young is not asked for again, however often agents refresh. */
const YOUNG_MS = 10_000;
/** Longer than the two or three requests of one check can take. */
const HOLD_MS = 60_000;
const POLL_MS = 100;
const WAIT_MS = 30_000;
const BATCH = 50;
const AT_ONCE = 10;
/** Codes are redeemed a while after the session was written down. */
const SLACK_MS = 120_000;

/**
 * Does the identity provider still let this human in, and with which groups (R84)? Asked with the refresh token of their
 * sign-in: when an agent refreshes, and in the background while an agent may hold a live token. One check at a time per
 * sign-in, also across replicas; the provider's next refresh token is stored before anything is done with the answer.
 */
export class IdentityRechecks {
  readonly #parts: IdentityRechecksParts;
  /** By sign-in: whoever asks meanwhile waits for this one, and not each for itself at the database. */
  readonly #underWay = new Map<string, Promise<Standing>>();

  constructor(parts: IdentityRechecksParts) {
    this.#parts = parts;
  }

  /** @param identitySessionId of the agent's session; undefined for one from before sign-ins were written down */
  async standing(user: User, identitySessionId: string | undefined): Promise<Standing> {
    const session = identitySessionId === undefined ? undefined : await this.#parts.identities.find(identitySessionId);
    // An authorization that was under way when its sign-in ended may have begun this agent session a moment later.
    if (session?.ended) return { outcome: 'ended', reason: 'the sign-in ended' };
    const wanted = this.#wanted(user.trustProvider);
    if (!wanted) return { outcome: 'stands' };
    if (!session) return { outcome: 'ended', reason: 'the sign-in cannot be checked again' };
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

  /** Those that are due; to be called every few seconds, by any number of replicas. @returns how many were asked about */
  async checkDue(): Promise<number> {
    const { configuration, identities, clock } = this.#parts;
    const usedSince = new Date(clock() - lifetimesOf(configuration.snapshot()).accessToken * 1000 - SLACK_MS);
    let asked = 0;
    for (const { name } of configuration.snapshot().all('TrustProvider')) {
      const wanted = this.#wanted(name);
      if (!wanted) continue;
      const ids = await identities.due(name, {
        askedBefore: new Date(clock() - wanted.everyMs),
        usedSince,
        limit: BATCH,
      });
      for (let start = 0; start < ids.length; start += AT_ONCE) {
        await Promise.all(
          ids.slice(start, start + AT_ONCE).map(async (id) => {
            const session = await identities.find(id);
            if (session && !session.ended) await this.#check(session, wanted);
          }),
        );
      }
      asked += ids.length;
    }
    return asked;
  }

  /** What the document of a provider asks for, in milliseconds; undefined for nothing. */
  #wanted(trustProvider: string): Wanted | undefined {
    const snapshot = this.#parts.configuration.snapshot();
    const provider = snapshot.get('TrustProvider', trustProvider);
    const { recheckEvery, toleratedOutage = '1h' } = provider?.spec.session ?? {};
    if (!provider || recheckEvery === undefined) return undefined;
    const everyMs = Math.min(durationSeconds(recheckEvery) ?? 0, lifetimesOf(snapshot).accessToken) * 1000;
    return { provider, everyMs, toleratedMs: Math.max(everyMs, (durationSeconds(toleratedOutage) ?? 0) * 1000) };
  }

  async #check(session: IdentitySession, wanted: Wanted, serves?: (tokens: KeptTokens) => boolean): Promise<Standing> {
    // Its tokens are for whom they were given out by, whatever the document of that name says today (S25).
    if (session.issuer !== wanted.provider.spec.issuer)
      return this.#end({ ids: [session.id] }, 'the sign-in was at another issuer');
    if (this.#parts.clock() - session.askedAt < Math.min(wanted.everyMs, YOUNG_MS)) return this.#judge(session, wanted);
    const underWay = this.#underWay.get(session.id);
    if (underWay) return underWay;
    const check = this.#askOrWait(session.id, wanted, serves).finally(() => this.#underWay.delete(session.id));
    this.#underWay.set(session.id, check);
    return check;
  }

  /** @param serves what somebody else has refreshed in the meantime is not refreshed again */
  async #askOrWait(id: string, wanted: Wanted, serves?: (tokens: KeptTokens) => boolean): Promise<Standing> {
    const { identities } = this.#parts;
    const held = await identities.take(id, HOLD_MS);
    if (!held) return this.#afterOther(id, wanted);
    try {
      if (held.tokens && serves?.(held.tokens)) return await this.#judgeAnew(id, wanted);
      return (await this.#ask(held, wanted)) ?? (await this.#judgeAnew(id, wanted));
    } finally {
      await identities.release(held);
    }
  }

  /** @returns undefined when there is no answer, or none that counts any more */
  async #ask(held: Held, { provider, toleratedMs }: Wanted): Promise<Standing | undefined> {
    const { identities, users, providers, clock } = this.#parts;
    const { session, tokens } = held;
    if (tokens?.refreshToken === undefined) {
      if (clock() - session.confirmedAt <= toleratedMs) return { outcome: 'stands' };
      return this.#end({ ids: [session.id] }, 'the identity provider gave nothing to ask it again with');
    }
    const answer = await this.#orNothing(provider, () =>
      providers.refresh(provider, tokens.refreshToken ?? '', session.subject),
    );
    if (!answer) return undefined;
    // Of a hold that was lost meanwhile nothing is believed: another replica used the same token.
    if (answer.outcome === 'refused')
      return (await identities.stillHolds(held))
        ? this.#end({ userId: session.userId }, `refused by the identity provider: ${answer.error}`)
        : undefined;
    const kept = await identities.keep(held, {
      ...keptTokens(provider, answer.tokens, tokens),
      authentication: tokens.authentication,
    });
    if (!kept) return undefined;
    try {
      const said = await this.#orNothing(provider, async () => (await answer.claims()) ?? ('silent' as const));
      if (!said) return undefined;
      if (said !== 'silent') {
        if (said.outcome === 'refused')
          return await this.#end({ userId: session.userId }, `refused by the identity provider: ${said.error}`);
        const user = await users.find(session.userId);
        const mapped = mapClaims(provider, {
          idToken: { ...tokens.authentication, ...said.claims.idToken },
          userInfo: said.claims.userInfo,
        });
        if (!mapped.accepted)
          return await this.#end(
            { userId: session.userId },
            `refused by the identity provider's claims: ${mapped.reason}`,
          );
        if (mapped.identity.subject !== user?.subject || mapped.identity.issuer !== user.issuer)
          return await this.#end({ userId: session.userId }, 'the identity provider names somebody else');
        await users.confirmed(session.userId, mapped.identity);
      }
      return (await identities.confirm(kept)) ? { outcome: 'stands' } : undefined;
    } finally {
      await identities.release(kept);
    }
  }

  /** A provider that fails, or answers what nobody asked for, has said nothing about the human. */
  async #orNothing<T>(provider: TrustProvider, ask: () => Promise<T>): Promise<T | undefined> {
    try {
      return await ask();
    } catch (err) {
      if (!(err instanceof SallyportError) || !err.code.startsWith('trust_provider_')) throw err;
      this.#parts.logger.warn({ err, trustProvider: provider.name }, 'an identity provider could not be asked again');
      return undefined;
    }
  }

  async #afterOther(id: string, wanted: Wanted): Promise<Standing> {
    await this.#whileHeld(id);
    return this.#judgeAnew(id, wanted);
  }

  async #whileHeld(id: string): Promise<void> {
    for (let waited = 0; waited < WAIT_MS && (await this.#parts.identities.isHeld(id)); waited += POLL_MS)
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }

  async #judgeAnew(id: string, wanted: Wanted): Promise<Standing> {
    const session = await this.#parts.identities.find(id);
    return session && !session.ended ? this.#judge(session, wanted) : { outcome: 'ended', reason: 'the sign-in ended' };
  }

  #judge(session: IdentitySession, { toleratedMs }: Wanted): Standing {
    if (this.#parts.clock() - session.confirmedAt <= toleratedMs) return { outcome: 'stands' };
    return { outcome: 'unknown', reason: 'the identity provider cannot be asked for too long' };
  }

  async #end(scope: Parameters<EndIdentitySessions>[0], reason: string): Promise<Standing> {
    await this.#parts.endIdentitySessions(scope, reason);
    return { outcome: 'ended', reason };
  }
}

interface Wanted {
  readonly provider: TrustProvider;
  readonly everyMs: number;
  readonly toleratedMs: number;
}

/** What the document lets us keep; a provider that sends no next refresh token means the last one. */
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
