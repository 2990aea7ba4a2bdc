import { createHash, randomBytes } from 'node:crypto';
import { Prisma, type Database } from '@sallyport/database';
import type { Clock } from '@sallyport/kernel';
import type { Sealer } from '@sallyport/keys';
import { z } from 'zod';
import { CONNECT_FLOW_PURPOSE } from './pending-grants.js';

const LIFETIME_MS = 10 * 60 * 1000;
const Invitation = z.object({
  v: z.literal('shared'),
  server: z.string(),
  credentialProvider: z.string(),
  expiresAt: z.int(),
});
export type Invitation = z.infer<typeof Invitation>;

const digest = (token: string) => createHash('sha256').update(token).digest('base64url');

/**
 * What an administrator's link to connect a shared account stands for. A browser follows it once, and soon. The
 * database keeps a digest of it (S8).
 */
export class SharedInvitations {
  readonly #database: Pick<Database, 'connectFlow'>;
  readonly #sealer: Sealer;
  readonly #clock: Clock;

  constructor({ database, sealer, clock }: { database: Pick<Database, 'connectFlow'>; sealer: Sealer; clock: Clock }) {
    this.#database = database;
    this.#sealer = sealer;
    this.#clock = clock;
  }

  async invite(names: {
    readonly server: string;
    readonly credentialProvider: string;
  }): Promise<{ token: string; expiresAt: number }> {
    const token = randomBytes(32).toString('base64url');
    const stateDigest = digest(token);
    const expiresAt = this.#clock() + LIFETIME_MS;
    const invitation: Invitation = {
      v: 'shared',
      server: names.server,
      credentialProvider: names.credentialProvider,
      expiresAt,
    };
    await this.#database.connectFlow.create({
      data: {
        stateDigest,
        sealed: Buffer.from(this.#sealer.seal(CONNECT_FLOW_PURPOSE, JSON.stringify(invitation), stateDigest)),
        expiresAt: new Date(expiresAt),
      },
    });
    return { token, expiresAt };
  }

  /** Looks, and changes nothing. */
  async find(token: string): Promise<Invitation | undefined> {
    return this.#open(await this.#database.connectFlow.findUnique({ where: { stateDigest: digest(token) } }));
  }

  /** Of several who follow the link at once, one gets it. */
  async take(token: string): Promise<Invitation | undefined> {
    if (!(await this.find(token))) return undefined; // a flow's `state` is none, and stays
    try {
      return this.#open(await this.#database.connectFlow.delete({ where: { stateDigest: digest(token) } }));
    } catch (error) {
      if (error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2025') return undefined;
      throw error;
    }
  }

  #open(row: { stateDigest: string; sealed: Uint8Array } | null): Invitation | undefined {
    if (!row) return undefined;
    const { data } = Invitation.safeParse(
      JSON.parse(this.#sealer.open(CONNECT_FLOW_PURPOSE, row.sealed, row.stateDigest).toString()),
    );
    return data && data.expiresAt > this.#clock() ? data : undefined;
  }
}
