import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { SallyportError, Secret } from '@sallyport/kernel';

/** A line of the audit trail, as far as the demonstration prints it. */
export const TrailEvent = z.looseObject({
  sequence: z.coerce.number(),
  type: z.string(),
  at: z.union([z.string(), z.number()]),
  userId: z.string().nullish(),
  clientId: z.string().nullish(),
  agentName: z.string().nullish(),
  server: z.string().nullish(),
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
const TrailPage = z.looseObject({ events: z.array(TrailEvent) });

/** Somebody with the administrator's token: revokes, and reads the audit trail. */
export class Administrator {
  readonly #controlPlaneUrl: string;
  readonly #token: Secret;

  private constructor(controlPlaneUrl: string, token: Secret) {
    this.#controlPlaneUrl = controlPlaneUrl;
    this.#token = token;
  }

  /** Throws `admin_token_missing`. */
  static async fromDataDir(controlPlaneUrl: string, dataDir: string): Promise<Administrator> {
    const path = join(dataDir, 'admin-token');
    try {
      return new Administrator(controlPlaneUrl, new Secret((await readFile(path, 'utf8')).trim()));
    } catch (cause) {
      throw new SallyportError(
        'admin_token_missing',
        `Cannot read the administrator's token ${path}. Start the system with npm start, or name its data directory with --data-dir.`,
        { cause },
      );
    }
  }

  /** Ends everything one agent may do, for every user of it. */
  async revokeAgent(clientId: string, reason: string): Promise<void> {
    await this.#call('/v1/revocations', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ agent: clientId, reason }),
    });
  }

  /** Events after `sequence`, oldest first; one page. */
  async eventsAfter(sequence: number): Promise<TrailEvent[]> {
    return TrailPage.parse(await this.#call(`/v1/events?after=${sequence}&limit=500`)).events;
  }

  /** Sequence of the newest event there is; 0 when there is none. */
  async lastSequence(): Promise<number> {
    let last = 0;
    for (;;) {
      const newest = (await this.eventsAfter(last)).at(-1)?.sequence;
      if (newest === undefined) return last;
      last = newest;
    }
  }

  async #call(
    path: string,
    init: { method?: 'POST'; headers?: Record<string, string>; body?: string } = {},
  ): Promise<unknown> {
    const response = await fetch(`${this.#controlPlaneUrl}${path}`, {
      ...init,
      headers: { ...init.headers, authorization: `Bearer ${this.#token.reveal()}` },
    });
    const text = await response.text();
    if (!response.ok)
      throw new SallyportError(
        'demo_unexpected',
        `${init.method ?? 'GET'} ${path.split('?')[0]} at the control plane answered ${response.status}: ${text.slice(0, 300)}`,
      );
    return text === '' ? {} : JSON.parse(text);
  }
}
