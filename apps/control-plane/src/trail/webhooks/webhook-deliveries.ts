import type { AuditEvent } from '@sallyport/audit';
import { WEBHOOK_EVENTS, type ConfigurationSnapshot } from '@sallyport/configuration';
import type { Database, Statement } from '@sallyport/database';

export interface WebhookDelivery {
  readonly webhook: string;
  readonly eventId: string;
  readonly body: string;
  /** This one included. */
  readonly attempts: number;
}

const GIVES_UP_AFTER_SECONDS = 24 * 60 * 60;
/** Longer than an attempt takes; then it is anybody's again. */
const ATTEMPT_SECONDS = 60;
const told: ReadonlySet<string> = new Set(WEBHOOK_EVENTS);

const ADDITION = `
  INSERT INTO "WebhookDelivery" (webhook, "eventId", body, "givesUpAt")
  SELECT d.webhook, d."eventId", d.body, now() + make_interval(secs => $1)
  FROM jsonb_to_recordset($2::jsonb) AS d(webhook text, "eventId" text, body text)
  WHERE NOT EXISTS (SELECT 1 FROM "Event" e WHERE e.id = d."eventId")
  ON CONFLICT DO NOTHING`;

/** What is stored for which webhook of one batch of events, in the same transaction as the events themselves. */
export function deliveriesOf(
  events: readonly AuditEvent[],
  snapshot: Pick<ConfigurationSnapshot, 'all'>,
): Omit<WebhookDelivery, 'attempts'>[] {
  const worthTelling = events.filter(({ type }) => told.has(type));
  if (worthTelling.length === 0) return [];
  return snapshot
    .all('Webhook')
    .flatMap(({ name, spec }) =>
      worthTelling
        .filter(({ type }) => spec.events.some((one) => one === type))
        .map((event) => ({ webhook: name, eventId: event.id, body: JSON.stringify(bodyOf(event)) })),
    );
}

function bodyOf({ type, at, userId, server, detail }: AuditEvent): object {
  return {
    type,
    timestamp: new Date(at).toISOString(),
    data: { ...(userId === undefined ? {} : { userId }), ...(server === undefined ? {} : { server }), ...detail },
  };
}

/**
 * Events on their way to webhooks, in PostgreSQL. A claimed delivery belongs to one control plane until that counts as
 * dead.
 */
export class WebhookDeliveries {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * A statement for the transaction that stores the events. An event that comes again adds nothing while its delivery
   * is under way.
   */
  addition(deliveries: readonly Omit<WebhookDelivery, 'attempts'>[]): Statement {
    return { text: ADDITION, values: [GIVES_UP_AFTER_SECONDS, JSON.stringify(deliveries)] };
  }

  /** Those that something is due for. */
  async dueWebhooks(): Promise<readonly string[]> {
    const rows = await this.#database.$queryRaw<
      { webhook: string }[]
    >`SELECT DISTINCT webhook FROM "WebhookDelivery" WHERE "dueAt" <= now()`;
    return rows.map(({ webhook }) => webhook);
  }

  async claim(webhook: string, limit: number): Promise<WebhookDelivery[]> {
    return this.#database.$queryRaw<WebhookDelivery[]>`
      UPDATE "WebhookDelivery" w SET attempts = w.attempts + 1,
        "dueAt" = now() + make_interval(secs => ${ATTEMPT_SECONDS})
      FROM (SELECT webhook, "eventId" FROM "WebhookDelivery" WHERE webhook = ${webhook} AND "dueAt" <= now()
        ORDER BY "dueAt" LIMIT ${limit} FOR UPDATE SKIP LOCKED) due
      WHERE w.webhook = due.webhook AND w."eventId" = due."eventId"
      RETURNING w.webhook, w."eventId", w.body, w.attempts`;
  }

  async done({ webhook, eventId }: WebhookDelivery): Promise<void> {
    await this.#database.webhookDelivery.deleteMany({ where: { webhook, eventId } });
  }

  /** @returns false when it is given up, and gone. */
  async again({ webhook, eventId }: WebhookDelivery, inMs: number): Promise<boolean> {
    const given = await this.#database.$executeRaw`
      DELETE FROM "WebhookDelivery" WHERE webhook = ${webhook} AND "eventId" = ${eventId} AND "givesUpAt" <= now()`;
    if (given > 0) return false;
    await this.#database.$executeRaw`
      UPDATE "WebhookDelivery" SET "dueAt" = now() + make_interval(secs => ${inMs / 1000})
      WHERE webhook = ${webhook} AND "eventId" = ${eventId}`;
    return true;
  }
}
