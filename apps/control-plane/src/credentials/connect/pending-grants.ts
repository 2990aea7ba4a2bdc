import { CLIENT_AUTHENTICATIONS } from '@sallyport/oauth';
import { createHash, randomBytes } from 'node:crypto';
import { Prisma, type Database } from '@sallyport/database';
import type { Clock } from '@sallyport/kernel';
import type { Sealer } from '@sallyport/keys';
import { sealedColumn } from '@sallyport/vault';
import { z } from 'zod';
import { AskingAgent } from './connect-ticket.js';

export const CONNECT_FLOW_PURPOSE = 'connect-flow';
const PURPOSE = CONNECT_FLOW_PURPOSE;
export const connectFlowColumn = sealedColumn(
  'ConnectFlow',
  PURPOSE,
  z.object({ stateDigest: z.string() }),
  ({ stateDigest }) => stateDigest,
);
const LIFETIME_MS = 10 * 60 * 1000;
/** Of the flows under way, when it is looked for one that did not come back. */
const LOOKED_AT = 20;

/** What is remembered between sending a browser to a server's authorization endpoint and its return. */
const PendingGrant = z.object({
  v: z.literal(2),
  sessionDigest: z.string(),
  /** `null`: everybody's, on the link of an administrator. */
  userId: z.string().nullable(),
  agent: AskingAgent.nullable(),
  /** When the link was made, milliseconds since the epoch. */
  ticketIssuedAt: z.int(),
  server: z.string(),
  credentialProvider: z.string(),
  pins: z.object({ serverUrl: z.string(), serverResource: z.string().nullable(), providerDigest: z.string() }),
  issuer: z.string(),
  issuerAnnounced: z.boolean(),
  tokenEndpoint: z.string(),
  /** Where the grant is refreshed, if not there. */
  refreshEndpoint: z.string().optional(),
  revocationEndpoint: z.string().nullable(),
  resource: z.string(),
  oauthClientId: z.string(),
  authentication: z.enum(CLIENT_AUTHENTICATIONS),
  /** `null`: without PKCE. */
  codeVerifier: z.string().nullable(),
  scopes: z.array(z.string()),
  /** What came of it, where the user is asked whether it is the account they meant (security rule S23). */
  obtained: z
    .object({
      tokens: z.object({
        accessToken: z.string(),
        refreshToken: z.string().nullable(),
        expiresAt: z.number().nullable(),
        scopes: z.array(z.string()).nullable(),
      }),
      account: z.object({ id: z.string(), name: z.string() }).optional(),
    })
    .optional(),
});
export type PendingGrant = z.infer<typeof PendingGrant>;

const digest = (state: string) => createHash('sha256').update(state).digest('base64url');

/** `state` leads to its grant once: taking it removes it, in one statement (S8). */
export class PendingGrants {
  readonly #database: Database;
  readonly #sealer: Sealer;
  readonly #clock: Clock;

  constructor({ database, sealer, clock }: { database: Database; sealer: Sealer; clock: Clock }) {
    this.#database = database;
    this.#sealer = sealer;
    this.#clock = clock;
  }

  newState(): string {
    return randomBytes(32).toString('base64url');
  }

  async keep(state: string, grant: PendingGrant): Promise<void> {
    const stateDigest = digest(state);
    const now = this.#clock();
    await this.#database.connectFlow.deleteMany({ where: { expiresAt: { lte: new Date(now) } } });
    await this.#database.connectFlow.create({
      data: {
        stateDigest,
        sealed: Buffer.from(this.#sealer.seal(PURPOSE, JSON.stringify(PendingGrant.parse(grant)), stateDigest)),
        expiresAt: new Date(now + LIFETIME_MS),
      },
    });
  }

  /**
   * Whether a browser that was sent there for this client lately has not come back. An authorization server that does
   * not know a client shows a page of its own.
   */
  async hasUnreturned({ issuer, clientId }: { readonly issuer: string; readonly clientId: string }): Promise<boolean> {
    const rows = await this.#database.connectFlow.findMany({
      where: { expiresAt: { gt: new Date(this.#clock()) } },
      orderBy: { expiresAt: 'desc' },
      take: LOOKED_AT,
    });
    return rows.some((row) => {
      const pending = this.#open(row);
      return (
        pending !== undefined &&
        pending.obtained === undefined &&
        pending.issuer === issuer &&
        pending.oauthClientId === clientId
      );
    });
  }

  async take(state: string): Promise<PendingGrant | undefined> {
    const stateDigest = digest(state);
    try {
      const row = await this.#database.connectFlow.delete({ where: { stateDigest } });
      if (row.expiresAt.getTime() <= this.#clock()) return undefined;
      return this.#open(row);
    } catch (error) {
      // none, or taken already
      if (error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2025') return undefined;
      throw error;
    }
  }

  /** `undefined`: of an earlier version. */
  #open({
    stateDigest,
    sealed,
  }: {
    readonly stateDigest: string;
    readonly sealed: Uint8Array;
  }): PendingGrant | undefined {
    return PendingGrant.safeParse(JSON.parse(this.#sealer.open(PURPOSE, sealed, stateDigest).toString())).data;
  }
}
