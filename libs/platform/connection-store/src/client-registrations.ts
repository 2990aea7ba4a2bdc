import type { ClientRegistration } from '@sallyport/oauth/registration';
import type { OAuthClient } from '@sallyport/oauth';
import type { Vault } from '@sallyport/connection';
import type { Database } from '@sallyport/database';
import { openRegistrations, sealRegistration } from './stored-registration.js';

/** The most registrations at one issuer. A new one comes with more scopes, a new address of ours, or a secret's end. */
const MAX_KEPT = 64;

/** The registrations that a read found. The next write succeeds only if they are still the same. */
export interface SeenRegistrations {
  /** The newest first: users connect with it. The others serve the grants that were made with them. */
  readonly registrations: readonly ClientRegistration[];
  readonly sealed: Uint8Array<ArrayBuffer> | null;
}

/**
 * Our registrations at other authorization servers (RFC 7591), one row an issuer. The key of our client metadata
 * document is here too, under the document's URL.
 */
export class ClientRegistrations {
  readonly #rows: Database['downstreamRegistration'];
  readonly #vault: Vault;

  constructor({
    database,
    vault,
  }: {
    readonly database: Pick<Database, 'downstreamRegistration'>;
    readonly vault: Vault;
  }) {
    this.#rows = database.downstreamRegistration;
    this.#vault = vault;
  }

  async read(issuer: string): Promise<SeenRegistrations> {
    const row = await this.#rows.findUnique({ where: { issuer } });
    return row
      ? { registrations: openRegistrations(this.#vault, row), sealed: row.sealed }
      : { registrations: [], sealed: null };
  }

  /**
   * Adds a registration as the newest and drops those that have expired.
   * @param now milliseconds since the epoch
   * @returns false when somebody else wrote since
   */
  async add(
    registration: ClientRegistration,
    { registrations, sealed }: SeenRegistrations,
    now: number,
  ): Promise<boolean> {
    const good = registrations.filter(({ expiresAt }) => expiresAt === null || expiresAt > now);
    return this.#write(registration.issuer, sealed, [registration, ...good.slice(0, MAX_KEPT - 1)]);
  }

  /**
   * Removes a registration; with the newest, all of the issuer. The next user who connects makes us register again.
   * @returns false when it is gone already, or somebody else wrote since
   */
  async drop({ issuer, clientId }: Pick<OAuthClient, 'issuer' | 'clientId'>): Promise<boolean> {
    const { registrations, sealed } = await this.read(issuer);
    const at = registrations.findIndex((registration) => registration.clientId === clientId);
    if (at === -1 || sealed === null) return false;
    if (at > 0) return this.#write(issuer, sealed, registrations.toSpliced(at, 1));
    return (await this.#rows.deleteMany({ where: { issuer, sealed } })).count === 1;
  }

  /** The newest registration at each authorization server, without our client metadata document. */
  async list(): Promise<(ClientRegistration & { readonly createdAt: Date })[]> {
    const rows = await this.#rows.findMany({ orderBy: { issuer: 'asc' } });
    return rows
      .flatMap((row) =>
        openRegistrations(this.#vault, row)
          .slice(0, 1)
          .map((newest) => ({ ...newest, createdAt: row.createdAt })),
      )
      .filter(({ clientKey }) => clientKey === undefined);
  }

  async #write(
    issuer: string,
    seen: Uint8Array<ArrayBuffer> | null,
    registrations: readonly ClientRegistration[],
  ): Promise<boolean> {
    const [newest, ...earlier] = registrations;
    if (!newest) return false;
    const sealed = Buffer.from(sealRegistration(this.#vault, newest, earlier));
    const { count } = seen
      ? await this.#rows.updateMany({ where: { issuer, sealed: seen }, data: { sealed } })
      : await this.#rows.createMany({ data: [{ issuer, sealed }], skipDuplicates: true });
    return count === 1;
  }
}
