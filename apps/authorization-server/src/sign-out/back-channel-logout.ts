import { createRemoteJWKSet, customFetch, type JWTVerifyGetKey } from 'jose';
import type { Clock } from '@sallyport/kernel';
import type { Logger } from '@sallyport/telemetry';
import type { TrustProvider, TrustProviders } from '../federation/trust-providers.js';
import type { EndIdentitySessions } from '../lifecycle/end-identity-sessions.js';
import type { RecordLifecycle } from '../lifecycle/record-lifecycle.js';
import type { ArtifactStore } from '../storage/artifact-store.js';
import type { IdentitySessions } from '../storage/identity-sessions.js';
import { LOGOUT_TOKEN_MAX_AGE, verifyLogoutToken } from './verify-logout-token.js';

const SEEN = 'LogoutToken';
const MAX_TOKEN = 16 * 1024;

export interface BackChannelLogoutParts {
  readonly providers: TrustProviders;
  readonly identities: IdentitySessions;
  readonly store: ArtifactStore;
  readonly endIdentitySessions: EndIdentitySessions;
  readonly record: RecordLifecycle;
  readonly fetch: typeof globalThis.fetch;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Identity providers say that a session of theirs is over; everything that came of it here ends with it. */
export class BackChannelLogout {
  readonly #parts: BackChannelLogoutParts;
  readonly #keys = new Map<string, JWTVerifyGetKey>();

  constructor(parts: BackChannelLogoutParts) {
    this.#parts = parts;
  }

  /**
   * @returns whether the token was one; a token that names nobody here is one too
   * @throws SallyportError `trust_provider_unavailable`, or jose's own when the provider's keys cannot be fetched: nothing ended, and the same token may come again
   */
  async receive(provider: TrustProvider, token: unknown): Promise<boolean> {
    const { providers, identities, store, endIdentitySessions, record, clock, logger } = this.#parts;
    if (typeof token !== 'string' || token.length > MAX_TOKEN) return false;
    const { issuer, clientId } = provider.spec;
    const { jwksUri, algorithms } = await providers.signatureSource(provider);
    const verdict = await verifyLogoutToken(token, { issuer, clientId, algorithms, keys: this.#keysAt(jwksUri), now: clock() });
    if (!verdict.valid) {
      logger.warn({ trustProvider: provider.name, reason: verdict.reason }, 'a logout token was refused');
      return false;
    }
    const { jti, sub, sid } = verdict;
    const id = JSON.stringify([issuer, jti]);
    if (!(await store.putOnce(SEEN, id, {}, { expiresInSeconds: 2 * LOGOUT_TOKEN_MAX_AGE }))) {
      logger.warn({ trustProvider: provider.name }, 'a logout token came again');
      return false;
    }
    try {
      const named = await identities.namedBy(provider.name, issuer, { sub, sid });
      await endIdentitySessions({ ids: named.map((session) => session.id) }, 'the identity provider ended the session');
      for (const { userId } of named) record({ type: 'user.signed_out', userId, trustProvider: provider.name, reason: 'the identity provider ended the session' });
    } catch (error) {
      await store.destroy(SEEN, id);
      throw error;
    }
    return true;
  }

  #keysAt(jwksUri: string): JWTVerifyGetKey {
    const known = this.#keys.get(jwksUri);
    if (known) return known;
    const { fetch } = this.#parts;
    const keys = createRemoteJWKSet(new URL(jwksUri), { [customFetch]: (url, init) => fetch(url, { method: init.method, headers: init.headers, redirect: 'manual', signal: init.signal }) });
    this.#keys.set(jwksUri, keys);
    return keys;
  }
}
