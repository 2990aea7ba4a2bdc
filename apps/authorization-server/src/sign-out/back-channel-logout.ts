import { Budget, type Clock } from '@sallyport/kernel';
import type { Logger } from '@sallyport/telemetry';
import type { IssuerKeys } from '@sallyport/access-token/published-keys';
import type { TrustProvider } from '../federation/provider/trust-provider.js';
import type { TrustProviders } from '../federation/trust-providers.js';
import type { EndIdentitySessions } from '../lifecycle/end-identity-sessions.js';
import type { NoteEvent } from '@sallyport/trail';
import type { ArtifactStore } from '../storage/artifact-store.js';
import type { IdentitySessions } from '../storage/identity-sessions.js';
import { LOGOUT_TOKEN_MAX_AGE, verifyLogoutToken } from './verify-logout-token.js';

const SEEN = 'LogoutToken';
const MAX_TOKEN = 16 * 1024;
const LINES_PER_MINUTE = 30;

export interface BackChannelLogoutParts {
  readonly providers: TrustProviders;
  readonly identities: IdentitySessions;
  readonly store: ArtifactStore;
  readonly endIdentitySessions: EndIdentitySessions;
  readonly record: NoteEvent;
  readonly keys: IssuerKeys;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Identity providers say that a session of theirs is over; everything that came of it here ends with it. */
export class BackChannelLogout {
  readonly #parts: BackChannelLogoutParts;
  readonly #lines: Budget;

  constructor(parts: BackChannelLogoutParts) {
    this.#parts = parts;
    this.#lines = new Budget(parts.clock);
  }

  /**
   * @returns whether the token was one; a token that names nobody here is one too
   * @throws SallyportError `trust_provider_unavailable`, or KeysUnavailable when the provider's keys cannot be had:
   *   nothing ended, and the same token may come again
   */
  async receive(provider: TrustProvider, token: unknown): Promise<boolean> {
    const { providers, identities, store, keys, endIdentitySessions, record, clock } = this.#parts;
    if (typeof token !== 'string' || token.length > MAX_TOKEN) return false;
    const { issuer, clientId } = provider.spec;
    const { jwksUri, algorithms } = await providers.signatureSource(provider);
    const verdict = await verifyLogoutToken(token, {
      issuer,
      clientId,
      algorithms,
      keys: keys.of({ issuer, jwksUri, keys: undefined, isSpiffeBundle: false }),
      now: clock(),
    });
    if (!verdict.valid) {
      this.#warn({ trustProvider: provider.name, reason: verdict.reason }, 'a logout token was refused');
      return false;
    }
    const { jti, sub, sid } = verdict;
    const id = JSON.stringify([issuer, jti]);
    if (!(await store.putOnce(SEEN, id, {}, { expiresInSeconds: 2 * LOGOUT_TOKEN_MAX_AGE }))) {
      this.#warn({ trustProvider: provider.name }, 'a logout token came again');
      return false;
    }
    try {
      const named = await identities.namedBy(provider.name, issuer, { sub, sid });
      await endIdentitySessions({ ids: named.map((session) => session.id) }, 'the identity provider ended the session');
      for (const { userId } of named)
        record({
          type: 'user.signed_out',
          userId,
          trustProvider: provider.name,
          reason: 'the identity provider ended the session',
        });
    } catch (error) {
      await store.destroy(SEEN, id);
      throw error;
    }
    return true;
  }

  /** Anybody can send what is none: a flood of it does not fill the log. */
  #warn(about: { readonly trustProvider: string; readonly reason?: string }, message: string): void {
    if (!this.#lines.take(about.trustProvider, LINES_PER_MINUTE)) this.#parts.logger.warn(about, message);
  }
}
