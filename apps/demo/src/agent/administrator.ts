import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createAdminClient, type AdminClient } from '@sallyport/admin-api';
import { SallyportError, Secret } from '@sallyport/kernel';
import { z } from 'zod';
import { START } from './config.js';

/** An event of the trail, as far as the demonstration prints it. */
export const TrailEvent = z.looseObject({
  sequence: z.number(),
  type: z.string(),
  at: z.number(),
  userId: z.string().nullish(),
  clientId: z.string().nullish(),
  agentName: z.string().nullish(),
  server: z.string().nullish(),
  tool: z.string().nullish(),
  detail: z
    .looseObject({
      method: z.string().optional(),
      target: z.string().optional(),
      decision: z.string().optional(),
      reason: z.string().optional(),
      policies: z
        .looseObject({ clientToGateway: z.string().nullish(), gatewayToServer: z.string().nullish() })
        .optional(),
    })
    .nullish(),
});
export type TrailEvent = z.infer<typeof TrailEvent>;

/** An administrator: revokes agents and reads the trail with the administrator's token. */
export class Administrator {
  readonly #client: AdminClient;

  private constructor(client: AdminClient) {
    this.#client = client;
  }

  /** @throws {SallyportError} `admin_token_missing` */
  static async fromDataDir(controlPlaneUrl: string, dataDir: string): Promise<Administrator> {
    const path = join(dataDir, 'admin-token');
    try {
      const token = new Secret((await readFile(path, 'utf8')).trim());
      return new Administrator(createAdminClient({ url: controlPlaneUrl, token }));
    } catch (cause) {
      throw new SallyportError(
        'admin_token_missing',
        `Cannot read the administrator's token ${path}. Start the system (${START}), or name its data ` +
          'directory with --data-dir.',
        { cause },
      );
    }
  }

  /** Ends everything that one agent may do, for each of its users. */
  async revokeAgent(clientId: string, reason: string): Promise<void> {
    await this.#client.revoke({ body: { agent: clientId, reason } });
  }

  /** Events after `sequence`, oldest first; one page. */
  async eventsAfter(sequence: number): Promise<TrailEvent[]> {
    const { events } = await this.#client.listEvents({ query: { after: String(sequence), limit: '500' } });
    return z.array(TrailEvent).parse(events);
  }

  /** The sequence of the newest event; 0 when there is none. */
  async lastSequence(): Promise<number> {
    const { events } = await this.#client.listEvents({ query: { limit: '1' } });
    return events[0]?.sequence ?? 0;
  }
}
