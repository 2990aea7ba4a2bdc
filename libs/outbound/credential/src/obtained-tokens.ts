import { BoundedMap, type Clock, SingleFlight } from '@sallyport/kernel';
import type { RequestSigning } from '@sallyport/messages';
import { MAX_LEASE_SECONDS, type GrantedLease, type ProviderLease, type ProviderRefusal } from './provider-lease.js';

interface Token {
  readonly shown: Pick<GrantedLease, 'headers' | 'signings'>;
  /** Milliseconds since the epoch, as is `expiresAt`. */
  readonly obtainedAt: number;
  readonly expiresAt: number;
}
export type Obtained =
  | {
      readonly type: 'token';
      readonly accessToken: string;
      /** Milliseconds since the epoch; `null`: it was not said. */ readonly expiresAt: number | null;
    }
  /** A key that requests are signed with, in place of a token. */
  | {
      readonly type: 'signing';
      readonly signing: RequestSigning;
      /** Milliseconds since the epoch. */ readonly expiresAt: number;
    }
  | {
      readonly type: 'failed';
      readonly pauseMs: number;
      /** Not because of this caller: nobody's token is asked for meanwhile. */ readonly forAll?: boolean;
    }
  | (ProviderRefusal & {
      /** Not asked for again for so long; not at all remembered without. */ readonly pauseMs?: number;
    });

export interface TokenKey {
  /** Server, provider and what else a token depends on that no user is part of. */
  readonly configured: string;
  /** Whose it is; empty for everybody's. */
  readonly holder: string;
}

const MAX_HELD = 10_000;
/** Kept this long when the answer does not say how long it lives. */
const UNSAID_LIFETIME_MS = 300_000;
/** Renewed when less than this is left, of a short life a fifth. */
const RENEW_BEFORE_MS = 60_000;
const LAST_USE_MS = 5_000;
/** A server that rejects token after token gets a new one once in this time. */
const FORCED_PAUSE_MS = 60_000;
const MALFORMED_PAUSE_MS = 60_000;

type Answer =
  | ({ readonly type: 'token' } & Token)
  | { readonly type: 'failed'; readonly until: number }
  | ProviderRefusal;

/**
 * Access tokens that are obtained when they are needed and stay in memory until near their expiry. Callers that come
 * together share one request. After a refusal the provider is left alone for a while. A token that is due for renewal
 * serves on while its provider is away.
 */
export class ObtainedTokens {
  readonly #clock: Clock;
  readonly #tokens = new BoundedMap<string, Token>(MAX_HELD);
  readonly #noes = new BoundedMap<string, { readonly until: number; readonly refusal: ProviderRefusal | undefined }>(
    MAX_HELD,
  );
  readonly #asking = new SingleFlight<string, Answer>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * @param limits.rejectedRevision of the lease that the server answered 401 to
   * @param limits.notAfter seconds since the epoch: no lease is good for longer
   */
  async lease(
    { configured, holder }: TokenKey,
    limits: { readonly rejectedRevision?: number | undefined; readonly notAfter?: number | undefined },
    obtain: () => Promise<Obtained>,
  ): Promise<ProviderLease | ProviderRefusal> {
    const key = `${configured} ${holder}`;
    const token = this.#tokens.get(key);
    const now = this.#clock();
    const { rejectedRevision, notAfter = Number.POSITIVE_INFINITY } = limits;
    const rejected = token !== undefined && rejectedRevision !== undefined && rejectedRevision >= token.obtainedAt;
    if (token && rejected && now - token.obtainedAt < FORCED_PAUSE_MS)
      return unavailable(FORCED_PAUSE_MS - (now - token.obtainedAt));
    if (token && !rejected && token.expiresAt - now > marginOf(token)) return grant(token, now, notAfter);
    const answer =
      this.#saidNo(key, now) ??
      this.#saidNo(configured, now) ??
      (await this.#asking.run(key, () => this.#obtain(key, configured, obtain)));
    const after = this.#clock();
    if (answer.type === 'refused') return answer;
    if (answer.type === 'token') return grant(answer, after, notAfter);
    return token && !rejected && token.expiresAt - after > LAST_USE_MS
      ? grant(token, after, notAfter)
      : unavailable(answer.until - after);
  }

  #saidNo(key: string, now: number): Answer | undefined {
    const no = this.#noes.get(key);
    if (!no || no.until <= now) return undefined;
    return no.refusal ?? { type: 'failed', until: no.until };
  }

  async #obtain(key: string, configured: string, obtain: () => Promise<Obtained>): Promise<Answer> {
    const askedAt = this.#clock();
    const obtained = await obtain();
    const now = this.#clock();
    switch (obtained.type) {
      case 'token': {
        // Shorter ones, or with other characters, are no bearer token (RFC 6750 section 2.1) and could not be found in
        // an answer.
        if (!/^[\x21-\x7E]{8,}$/.test(obtained.accessToken)) return this.#remember(key, now + MALFORMED_PAUSE_MS);
        return this.#keep(key, {
          shown: { headers: { authorization: `Bearer ${obtained.accessToken}` } },
          obtainedAt: now,
          expiresAt: obtained.expiresAt ?? askedAt + UNSAID_LIFETIME_MS,
        });
      }
      case 'signing':
        return this.#keep(key, {
          shown: { headers: {}, signings: [obtained.signing] },
          obtainedAt: now,
          expiresAt: obtained.expiresAt,
        });
      case 'failed':
        return this.#remember(obtained.forAll === true ? configured : key, now + obtained.pauseMs);
      case 'refused': {
        const { pauseMs, ...refusal } = obtained;
        if (pauseMs !== undefined) this.#remember(key, now + pauseMs, refusal);
        return refusal;
      }
    }
  }

  #keep(key: string, token: Token): Answer {
    this.#tokens.set(key, token);
    return { type: 'token', ...token };
  }

  #remember(key: string, until: number, refusal?: ProviderRefusal): Answer {
    this.#noes.set(key, { until, refusal });
    return { type: 'failed', until };
  }
}

const marginOf = ({ obtainedAt, expiresAt }: Token) => Math.min(RENEW_BEFORE_MS, (expiresAt - obtainedAt) / 5);
const unavailable = (ms: number): ProviderLease => ({
  type: 'provider_unavailable',
  retryAfterSeconds: Math.max(1, Math.ceil(ms / 1000)),
});

/** Its revision is when it was obtained: a lease of an older token can be told from one of this. */
function grant({ shown, obtainedAt, expiresAt }: Token, now: number, notAfter: number): GrantedLease | ProviderLease {
  const left = Math.floor((expiresAt - now) / 1000);
  if (left < 1) return unavailable(LAST_USE_MS);
  const expiresInSeconds = Math.min(MAX_LEASE_SECONDS, left, Math.max(1, Math.floor(notAfter - now / 1000)));
  return { type: 'granted', ...shown, connectionId: null, connectionRevision: obtainedAt, expiresInSeconds };
}
