import { createHash } from 'node:crypto';
import { POPULAR_REDIRECT_URIS } from '@sallyport/authorization';
import type { ConfigurationSnapshot } from '@sallyport/configuration';
import type { Database } from '@sallyport/database';
import { claimedName, constantTimeEqual, type Clock, durationSeconds } from '@sallyport/kernel';
import type { NewRegistration, RegistrationRules } from '../engine/engine.js';
import type { EndSession } from '../lifecycle/end-session.js';
import type { NoteEvent } from '@sallyport/trail';
import { addressKeys } from '../limits/address-keys.js';
import { grantDigestOf as digestOf } from './artifact-store.js';

const HOUR_MS = 3_600_000;
/** A registration is stored a moment before what the engine stores of it. */
const SETTLED_MS = 60_000;
const MOST = 10_000;
const MOST_PER_USER = 50;

export interface DynamicRegistrationsParts {
  readonly configuration: { snapshot(): ConfigurationSnapshot };
  readonly database: Database;
  readonly endSession: EndSession;
  readonly record: NoteEvent;
  readonly clock: Clock;
}

/**
 * What agents that register themselves (RFC 7591) may do and leave behind. Nothing of it is for good, so that nobody
 * can close the door behind them: a registration goes when no token was issued to it in time, and when no session has
 * used it for long; where there are too many, those of the network with the most unused ones make room, then the
 * longest unused; and whoever lets more of them in than one person needs, loses the one they have not used for longest.
 */
export class DynamicRegistrations implements RegistrationRules {
  readonly #parts: DynamicRegistrationsParts;

  constructor(parts: DynamicRegistrationsParts) {
    this.#parts = parts;
  }

  get mode(): RegistrationRules['mode'] {
    return this.#rules()?.mode ?? 'off';
  }

  get redirectHosts(): readonly string[] {
    const rules = this.#rules();
    return [...(rules?.redirectHosts ?? []), ...(rules?.popularAgents === true ? POPULAR_REDIRECT_URIS : [])];
  }

  get unusedForSeconds(): number {
    return Math.max(3_600, durationSeconds(this.#rules()?.unusedFor ?? '7d') ?? 0);
  }

  /** Counts in one statement, so that over all replicas no more uses succeed than the token is good for. */
  async useToken(presented: string): Promise<string | undefined> {
    const { database, clock } = this.#parts;
    const digest = createHash('sha256').update(presented).digest('hex');
    const token = this.#rules()?.initialAccessTokens?.find(({ sha256 }) => constantTimeEqual(sha256, digest));
    if (!token || Date.parse(token.expiresAt) <= clock()) return undefined;
    const counted = await database.$executeRaw`
      INSERT INTO "InitialAccessTokenUse" ("digest", "uses", "expiresAt")
        VALUES (${digest}, 1, ${new Date(token.expiresAt)})
      ON CONFLICT ("digest") DO UPDATE
        SET "uses" = "InitialAccessTokenUse"."uses" + 1, "expiresAt" = EXCLUDED."expiresAt"
        WHERE "InitialAccessTokenUse"."uses" < ${token.uses}`;
    return counted === 1 ? digest : undefined;
  }

  async giveBack(use: string): Promise<void> {
    await this.#parts.database.initialAccessTokenUse.update({
      where: { digest: use },
      data: { uses: { decrement: 1 } },
    });
  }

  async makeRoom(): Promise<{ readonly unused: number }> {
    const excess = (await this.#parts.database.dynamicRegistration.count()) - (this.#rules()?.most ?? MOST) + 1;
    if (excess <= 0) return { unused: 0 };
    const unused = await this.#removeUnused(excess);
    for (const { clientId } of await this.#longestUnused(excess - unused))
      await this.remove(clientId, 'there were too many registrations, and this one was not used for longest');
    return { unused };
  }

  async registered({ clientId, name, redirectHosts, address }: NewRegistration): Promise<void> {
    const [network] = addressKeys(address);
    const source = network?.key ?? '';
    // The name as pages show it: what the agent sent may hold characters that PostgreSQL takes for no text.
    await this.#parts.database.dynamicRegistration.create({
      data: {
        clientId,
        idDigest: digestOf(clientId),
        clientName: claimedName(name ?? '') || null,
        redirectHosts: [...redirectHosts],
        source,
        registeredAt: new Date(this.#parts.clock()),
      },
    });
  }

  /** Stores the use at most once an hour, unless the registration is new to somebody. */
  async used(clientId: string, newTo: string | undefined): Promise<void> {
    const { database, clock } = this.#parts;
    const [now, idDigest] = [new Date(clock()), digestOf(clientId)];
    const stale = new Date(newTo === undefined ? now.getTime() - HOUR_MS : now.getTime());
    // It may be from before registrations were written down.
    const written = await database.$executeRaw`
      INSERT INTO "DynamicRegistration"
        ("clientId", "idDigest", "redirectHosts", "source", "registeredAt", "lastUsedAt")
      VALUES (${clientId}, ${idDigest}, '{}', '', ${now}, ${now})
      ON CONFLICT ("clientId") DO UPDATE SET "lastUsedAt" = EXCLUDED."lastUsedAt"
        WHERE "DynamicRegistration"."lastUsedAt" IS NULL OR "DynamicRegistration"."lastUsedAt" <= ${stale}`;
    if (written === 1)
      await database.oidcArtifact.updateMany({
        where: { kind: 'Client', idDigest, expiresAt: { not: null } },
        data: { expiresAt: null },
      });
    if (newTo !== undefined) await this.#keepToShare(newTo, clientId);
  }

  /** Removes a registration and ends its sessions. @returns false when there is none */
  async remove(clientId: string, reason: string): Promise<boolean> {
    const { database, record } = this.#parts;
    const [{ count }, rows] = await database.$transaction([
      database.oidcArtifact.deleteMany({ where: { kind: 'Client', idDigest: digestOf(clientId) } }),
      database.$queryRaw<
        { clientName: string | null }[]
      >`DELETE FROM "DynamicRegistration" WHERE "clientId" = ${clientId} RETURNING "clientName"`,
    ]);
    if (count === 0 && rows.length === 0) return false;
    record({ type: 'agent.registration_removed', clientId, agentName: rows[0]?.clientName ?? undefined, reason });
    await this.#endSessions({ clientId }, reason);
    return true;
  }

  /** Removes registrations that no session uses. Any number of replicas may do so at once. */
  async keepUp(): Promise<void> {
    const { database, record, clock } = this.#parts;
    const now = clock();
    const idleFor = durationSeconds(this.#rules()?.idleFor ?? '90d') ?? 0;
    await database.$executeRaw`
      UPDATE "OidcArtifact" a SET "expiresAt" = ${new Date(now + Math.max(3_600, idleFor) * 1000)}
        WHERE a."kind" = 'Client' AND a."expiresAt" IS NULL AND NOT EXISTS (
        SELECT 1 FROM "DynamicRegistration" r JOIN "AgentSession" s ON s."clientId" = r."clientId"
          AND s."endedAt" IS NULL WHERE r."idDigest" = a."idDigest")`;
    await database.$executeRaw`
      UPDATE "OidcArtifact" a SET "expiresAt" = NULL WHERE a."kind" = 'Client' AND a."expiresAt" > ${new Date(now)}
        AND EXISTS (
        SELECT 1 FROM "DynamicRegistration" r JOIN "AgentSession" s ON s."clientId" = r."clientId"
          AND s."endedAt" IS NULL WHERE r."idDigest" = a."idDigest" AND r."lastUsedAt" IS NOT NULL)`;
    const gone = await database.$queryRaw<{ clientId: string; clientName: string | null; lastUsedAt: Date | null }[]>`
      DELETE FROM "DynamicRegistration" r WHERE r."registeredAt" < ${new Date(now - SETTLED_MS)} AND NOT EXISTS (
        SELECT 1 FROM "OidcArtifact" a WHERE a."kind" = 'Client' AND a."idDigest" = r."idDigest"
          AND (a."expiresAt" IS NULL OR a."expiresAt" > ${new Date(now)}))
      RETURNING r."clientId", r."clientName", r."lastUsedAt"`;
    // Of those nobody ever used, whoever registered them learns when they come back.
    for (const { clientId, clientName, lastUsedAt } of gone)
      if (lastUsedAt)
        record({
          type: 'agent.registration_removed',
          clientId,
          agentName: clientName ?? undefined,
          reason: 'no session used it for long',
        });
  }

  /** The network with the most unused registrations gives first, and of those the oldest. */
  async #removeUnused(limit: number): Promise<number> {
    const gone = await this.#parts.database.$queryRaw<{ idDigest: string }[]>`
      DELETE FROM "DynamicRegistration" r USING (
        SELECT "clientId" FROM (
          SELECT "clientId", "registeredAt", row_number() OVER (PARTITION BY "source"
            ORDER BY "registeredAt" DESC) AS rank
          FROM "DynamicRegistration" WHERE "lastUsedAt" IS NULL) unused
        ORDER BY rank DESC, "registeredAt" LIMIT ${limit}) going
      WHERE r."clientId" = going."clientId" AND r."lastUsedAt" IS NULL RETURNING r."idDigest"`;
    await this.#parts.database.oidcArtifact.deleteMany({
      where: { kind: 'Client', idDigest: { in: gone.map(({ idDigest }) => idDigest) } },
    });
    return gone.length;
  }

  /** Registrations without a session first. */
  async #longestUnused(limit: number): Promise<readonly { readonly clientId: string }[]> {
    if (limit <= 0) return [];
    return this.#parts.database.$queryRaw<{ clientId: string }[]>`
      SELECT r."clientId" FROM "DynamicRegistration" r
      ORDER BY EXISTS (SELECT 1 FROM "AgentSession" s WHERE s."clientId" = r."clientId"
        AND s."endedAt" IS NULL), r."lastUsedAt" NULLS FIRST LIMIT ${limit}`;
  }

  /** A registration counts for everybody who has a session of it. */
  async #keepToShare(userId: string, current: string): Promise<void> {
    const { database } = this.#parts;
    const others = (this.#rules()?.perUser ?? MOST_PER_USER) - 1;
    const tooMany = await database.$queryRaw<{ clientId: string }[]>`
      SELECT s."clientId" FROM "AgentSession" s JOIN "DynamicRegistration" r ON r."clientId" = s."clientId"
      WHERE s."userId" = ${userId} AND s."endedAt" IS NULL AND s."clientId" <> ${current}
      GROUP BY s."clientId" ORDER BY max(s."lastUsedAt") DESC, s."clientId" OFFSET ${others}`;
    const reason =
      'its user let in more agents that registered themselves than one user may, and did not use this one for longest';
    for (const { clientId } of tooMany) {
      const isShared =
        (await database.agentSession.count({ where: { clientId, endedAt: null, userId: { not: userId } } })) > 0;
      if (isShared) await this.#endSessions({ clientId, userId }, reason);
      else await this.remove(clientId, reason);
    }
  }

  async #endSessions(of: { clientId: string; userId?: string }, reason: string): Promise<void> {
    const sessions = await this.#parts.database.agentSession.findMany({
      where: { ...of, endedAt: null },
      select: { sid: true },
    });
    for (const { sid } of sessions) await this.#parts.endSession(sid, reason);
  }

  #rules() {
    return this.#parts.configuration.snapshot().get('ClientRegistration', 'default')?.spec.dynamic;
  }
}
