import { createLocalJWKSet, errors, jwtVerify, type JWTPayload } from 'jose';
import type { ConfigurationSnapshot } from '@sallyport/configuration';
import type { Clock } from '@sallyport/kernel';
import type { PublicKeys } from '../keys/public-keys.js';
import type { AgentSession, AgentSessions } from '../storage/agent-sessions.js';

/** An access token of ours that is good right now. */
export interface LiveToken {
  readonly claims: JWTPayload;
  readonly clientId: string;
  readonly sid: string;
}

/**
 * Says whether a token of ours is good now. Signature and expiry are not enough: its agent session may have ended, its
 * user or agent may be revoked. The gateway checks the same for each request; here it is said to others (RFC 7662) and
 * before a revocation (RFC 7009).
 */
export class TokenStatus {
  readonly #issuer: string;
  readonly #resources: readonly string[];
  readonly #keys: PublicKeys;
  readonly #sessions: AgentSessions;
  readonly #configuration: { snapshot(): ConfigurationSnapshot };
  readonly #clock: Clock;

  constructor(parts: {
    issuer: string;
    /** The gateway's and the API's: each token is for one of them. */
    resources: readonly string[];
    keys: PublicKeys;
    sessions: AgentSessions;
    configuration: { snapshot(): ConfigurationSnapshot };
    clock: Clock;
  }) {
    this.#issuer = parts.issuer;
    this.#resources = parts.resources;
    this.#keys = parts.keys;
    this.#sessions = parts.sessions;
    this.#configuration = parts.configuration;
    this.#clock = parts.clock;
  }

  /** @returns undefined for anything but a live access token for our gateway or API, and not what is wrong with it */
  async read(token: string): Promise<LiveToken | undefined> {
    return await this.#live(await this.#verify(token, { kidPrefix: 'at-', audience: this.#resources }));
  }

  /**
   * The same of a downstream token, for the server that it was made for. A server learns nothing about the gateway's
   * tokens or those of other servers.
   */
  async readFor(clientId: string, token: string): Promise<JWTPayload | undefined> {
    const snapshot = this.#configuration.snapshot();
    const server = snapshot.get('McpServer', snapshot.get('Agent', clientId)?.spec.introspects ?? '')?.spec;
    if (!server) return undefined;
    const live = await this.#live(
      await this.#verify(token, { kidPrefix: 'dt-', audience: [server.resource ?? server.url] }),
    );
    return live?.claims;
  }

  async grantIsLive(grantId: string): Promise<boolean> {
    const session = await this.#sessions.findByGrant(grantId);
    return session !== undefined && this.#isLive(session);
  }

  /**
   * Whether the session goes on: it did not end here, and neither it, its user, its agent nor the two together were
   * revoked (S28).
   */
  async #live(claims: JWTPayload | undefined): Promise<LiveToken | undefined> {
    const { sub, sid, client_id: clientId } = claims ?? {};
    if (!claims || typeof sid !== 'string' || typeof clientId !== 'string' || sub === undefined) return undefined;
    const session = await this.#sessions.find(sid);
    if (!session || session.clientId !== clientId || session.userId !== sub || !this.#isLive(session)) return undefined;
    return { claims, clientId, sid };
  }

  #isLive({ ended, userId, clientId, sid, createdAt }: AgentSession): boolean {
    return (
      !ended && !this.#configuration.snapshot().revocations.isRevoked({ userId, clientId, sid, issuedAt: createdAt })
    );
  }

  /** @param expected a key signs for the gateway (`at-`) or for servers (`dt-`), never for both (S6) */
  async #verify(
    token: string,
    expected: { kidPrefix: 'at-' | 'dt-'; audience: readonly string[] },
  ): Promise<JWTPayload | undefined> {
    const { revocations } = this.#configuration.snapshot();
    const keys = (await this.#keys.read()).keys.filter(
      ({ kid }) => kid.startsWith(expected.kidPrefix) && !revocations.isKeyWithdrawn(kid),
    );
    try {
      const { payload } = await jwtVerify(token, createLocalJWKSet({ keys }), {
        issuer: this.#issuer,
        audience: [...expected.audience],
        typ: 'at+jwt',
        algorithms: [...new Set(keys.map(({ alg }) => alg))],
        requiredClaims: ['exp', 'iat', 'jti', 'sub', 'client_id', 'sid'],
        currentDate: new Date(this.#clock()),
      });
      return payload;
    } catch (error) {
      if (error instanceof errors.JOSEError) return undefined;
      throw error;
    }
  }
}
