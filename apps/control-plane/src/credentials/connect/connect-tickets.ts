import { createHash, randomBytes } from 'node:crypto';
import type { Database } from '@sallyport/database';
import { hasCode, type Clock } from '@sallyport/kernel';
import type { Sealer } from '@sallyport/keys';
import { sealedColumn } from '@sallyport/vault';
import { z } from 'zod';
import { ConnectTicket, type ConnectWish } from './connect-ticket.js';

const PURPOSE = 'connect-ticket';
export const connectTicketColumn = sealedColumn(
  'ConnectTicket',
  PURPOSE,
  z.object({ handleDigest: z.string() }),
  ({ handleDigest }) => handleDigest,
);

const LIFETIME_MS = 15 * 60_000;
/** A link that is given again is good for so long at least. */
const FRESH_MS = 5 * 60_000;
/** For so long after its end it can be said of a link that it expired. */
const REMEMBERED_MS = 24 * 3_600_000;
/**
 * How many links one user has through one agent, and through all agents. The oldest make room, so that one agent costs
 * the others no link.
 */
const MOST_PER_AGENT = 64;
const MOST_PER_USER = 1_024;
/** 24 characters that say nothing. */
const HANDLE_BYTES = 18;
const HANDLE = /^[A-Za-z0-9_-]{24}$/;

const Sealed = z.object({ handle: z.string(), ticket: ConnectTicket });

export interface IssuedTicket {
  /** What of it stands in a link. */
  readonly handle: string;
  readonly ticket: ConnectTicket;
}
export type FoundTicket =
  | { readonly type: 'valid'; readonly ticket: ConnectTicket }
  | { readonly type: 'expired' }
  | { readonly type: 'invalid' };

export interface ConnectTicketsParts {
  readonly database: Pick<Database, 'connectTicket' | '$executeRaw'>;
  readonly sealer: Sealer;
  readonly clock: Clock;
  /** A link of before a revocation is not given again. */
  readonly isRevoked: (ticket: ConnectTicket) => boolean;
}

/**
 * Links to the connect page. A link holds a short handle, we its digest and, sealed, what it is for: who may follow it
 * is decided by that, and not by who holds it (security rules S16, S23).
 */
export class ConnectTickets {
  readonly #parts: ConnectTicketsParts;

  constructor(parts: ConnectTicketsParts) {
    this.#parts = parts;
  }

  /** The same link for the same wish, while it is fresh: whoever asks often fills nothing. */
  async issue(wish: ConnectWish): Promise<IssuedTicket> {
    const { database, clock, isRevoked } = this.#parts;
    const now = clock();
    const wishDigest = digest(
      JSON.stringify([
        wish.userId,
        wish.agent,
        wish.server,
        wish.credentialProvider,
        wish.replaces,
        wish.scopes ?? null,
      ]),
    );
    const row = await database.connectTicket.findFirst({
      where: { wishDigest, expiresAt: { gt: new Date(now + FRESH_MS) } },
      orderBy: { expiresAt: 'desc' },
    });
    const known = row && this.#open(row);
    if (known && !isRevoked(known.ticket)) return known;
    const issued: IssuedTicket = {
      handle: randomBytes(HANDLE_BYTES).toString('base64url'),
      ticket: { ...wish, issuedAt: now },
    };
    await this.#makeRoom(wish, now);
    await this.#keep(issued, wishDigest);
    return issued;
  }

  async find(handle: string): Promise<FoundTicket> {
    if (!HANDLE.test(handle)) return { type: 'invalid' };
    const row = await this.#parts.database.connectTicket.findUnique({ where: { handleDigest: digest(handle) } });
    const found = row && this.#open(row);
    if (!row || !found) return { type: 'invalid' };
    return row.expiresAt.getTime() <= this.#parts.clock()
      ? { type: 'expired' }
      : { type: 'valid', ticket: found.ticket };
  }

  async #keep(issued: IssuedTicket, wishDigest: string): Promise<void> {
    const { database, sealer } = this.#parts;
    const { handle, ticket } = issued;
    const handleDigest = digest(handle);
    const sealed = Buffer.from(sealer.seal(PURPOSE, JSON.stringify(Sealed.parse(issued)), handleDigest));
    const expiresAt = new Date(ticket.issuedAt + LIFETIME_MS);
    await database.connectTicket.create({
      data: {
        handleDigest,
        wishDigest,
        userId: ticket.userId,
        clientId: ticket.agent?.clientId ?? null,
        sealed,
        expiresAt,
      },
    });
  }

  async #makeRoom({ userId, agent }: ConnectWish, now: number): Promise<void> {
    const { database } = this.#parts;
    await database.connectTicket.deleteMany({ where: { expiresAt: { lte: new Date(now - REMEMBERED_MS) } } });
    await database.$executeRaw`
      DELETE FROM "ConnectTicket" WHERE "handleDigest" IN (
        SELECT "handleDigest" FROM "ConnectTicket"
        WHERE "userId" = ${userId} AND "clientId" IS NOT DISTINCT FROM ${agent?.clientId ?? null}
        ORDER BY "expiresAt" DESC OFFSET ${MOST_PER_AGENT - 1})`;
    await database.$executeRaw`
      DELETE FROM "ConnectTicket" WHERE "handleDigest" IN (
        SELECT "handleDigest" FROM "ConnectTicket" WHERE "userId" = ${userId}
        ORDER BY "expiresAt" DESC OFFSET ${MOST_PER_USER - 1})`;
  }

  /** `undefined`: another version or another row wrote it, or its key is lost. The link then counts as none. */
  #open({
    handleDigest,
    sealed,
  }: {
    readonly handleDigest: string;
    readonly sealed: Uint8Array;
  }): IssuedTicket | undefined {
    try {
      return Sealed.safeParse(JSON.parse(this.#parts.sealer.open(PURPOSE, sealed, handleDigest).toString())).data;
    } catch (error) {
      // The sealer's words for a value that is not to be opened here.
      if (hasCode(error, 'sealed_value_invalid', 'sealed_key_unknown')) return undefined;
      throw error;
    }
  }
}

const digest = (text: string): string => createHash('sha256').update(text).digest('base64url');
