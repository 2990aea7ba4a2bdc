import { createHash } from 'node:crypto';
import type { ConfigurationSnapshot } from '@sallyport/configuration';
import type { Database } from '@sallyport/database';
import { constantTimeEqual, type Clock } from '@sallyport/kernel';
import { durationSeconds } from '@sallyport/policy';
import type { RegistrationRules } from '../engine/engine.js';
import type { ArtifactStore } from './artifact-store.js';

/**
 * What agents that register themselves (RFC 7591) may do and leave behind. A registration expires unless a token is issued
 * to it in time, from when on it stays; beyond a number of them, the oldest that was never used makes room.
 */
export class DynamicRegistrations implements RegistrationRules {
  readonly #configuration: { snapshot(): ConfigurationSnapshot };
  readonly #database: Database;
  readonly #store: ArtifactStore;
  readonly #clock: Clock;

  constructor({ configuration, database, store, clock }: { configuration: { snapshot(): ConfigurationSnapshot }; database: Database; store: ArtifactStore; clock: Clock }) {
    this.#configuration = configuration;
    this.#database = database;
    this.#store = store;
    this.#clock = clock;
  }

  get mode(): RegistrationRules['mode'] {
    return this.#rules()?.mode ?? 'off';
  }

  get redirectHosts(): readonly string[] {
    return this.#rules()?.redirectHosts ?? [];
  }

  get unusedForSeconds(): number {
    return Math.max(3_600, durationSeconds(this.#rules()?.unusedFor ?? '7d') ?? 0);
  }

  /** Counted by one statement: of any number of replicas, no more succeed than the token is good for. */
  async useToken(presented: string): Promise<string | undefined> {
    const digest = createHash('sha256').update(presented).digest('hex');
    const token = this.#rules()?.initialAccessTokens?.find(({ sha256 }) => constantTimeEqual(sha256, digest));
    if (!token || Date.parse(token.expiresAt) <= this.#clock()) return undefined;
    const counted = await this.#database.$executeRaw`
      INSERT INTO "InitialAccessTokenUse" ("digest", "uses", "expiresAt") VALUES (${digest}, 1, ${new Date(token.expiresAt)})
      ON CONFLICT ("digest") DO UPDATE SET "uses" = "InitialAccessTokenUse"."uses" + 1, "expiresAt" = EXCLUDED."expiresAt" WHERE "InitialAccessTokenUse"."uses" < ${token.uses}`;
    return counted === 1 ? digest : undefined;
  }

  async giveBack(use: string): Promise<void> {
    await this.#database.initialAccessTokenUse.update({ where: { digest: use }, data: { uses: { decrement: 1 } } });
  }

  async makeRoom(): Promise<boolean> {
    const excess = (await this.#database.oidcArtifact.count({ where: { kind: 'Client' } })) - (this.#rules()?.most ?? 10_000) + 1;
    if (excess <= 0) return true;
    const removed = await this.#database.$executeRaw`
      DELETE FROM "OidcArtifact" WHERE "kind" = 'Client' AND "idDigest" IN (
        SELECT "idDigest" FROM "OidcArtifact" WHERE "kind" = 'Client' AND "expiresAt" IS NOT NULL ORDER BY "expiresAt" LIMIT ${excess})`;
    return removed >= excess;
  }

  async used(clientId: string): Promise<void> {
    await this.#store.keep('Client', clientId);
  }

  #rules() {
    return this.#configuration.snapshot().get('ClientRegistration', 'default')?.spec.dynamic;
  }
}
