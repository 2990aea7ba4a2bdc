import type { ConfigurationSnapshot } from '@sallyport/configuration';
import { SallyportError, type Clock, type Secret } from '@sallyport/kernel';
import { backOff } from '@sallyport/connection/refresh';
import { signWebhook } from './sign-webhook.js';
import type { WebhookDeliveries, WebhookDelivery } from './webhook-deliveries.js';

export interface WebhookContext {
  readonly deliveries: WebhookDeliveries;
  readonly snapshot: () => Pick<ConfigurationSnapshot, 'get'>;
  /** A document's secret by its stored name. */
  readonly findSecret: (name: string) => Promise<Secret | undefined>;
  /** Guarded: addresses inside only where the administrator allows them, and no redirects. */
  readonly fetch: typeof globalThis.fetch;
  readonly clock: Clock;
  readonly random: () => number;
  readonly onProblem: (problem: {
    readonly webhook: string;
    readonly reason: string;
    readonly said?: string;
    readonly isGivenUp: boolean;
  }) => void;
}

const AT_A_TIME = 10;

/**
 * Posts what is due, to each webhook by itself: one that does not answer holds up its own events and nobody else's.
 * What is not taken (any 2xx takes it) is posted again, ever more seldom, for a day.
 */
export class WebhookRounds {
  readonly #context: WebhookContext;
  readonly #onError: (error: unknown) => void;
  readonly #underWay = new Map<string, Promise<void>>();
  #stopped = false;

  constructor(context: WebhookContext, onError: (error: unknown) => void) {
    this.#context = context;
    this.#onError = onError;
  }

  /** Begins with those that nothing is under way for; to be called now and then. */
  async begin(): Promise<void> {
    for (const webhook of await this.#context.deliveries.dueWebhooks()) {
      if (this.#stopped || this.#underWay.has(webhook)) continue;
      this.#underWay.set(
        webhook,
        this.#deliverTo(webhook)
          .catch(this.#onError)
          .finally(() => this.#underWay.delete(webhook)),
      );
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#underWay.values());
  }

  async #deliverTo(webhook: string): Promise<void> {
    for (let due = 1; due > 0 && !this.#stopped;) {
      const claimed = await this.#context.deliveries.claim(webhook, AT_A_TIME);
      await Promise.all(claimed.map((delivery) => deliver(delivery, this.#context)));
      due = claimed.length;
    }
  }
}

async function deliver(delivery: WebhookDelivery, context: WebhookContext): Promise<void> {
  const { deliveries, random, onProblem } = context;
  const { webhook, attempts } = delivery;
  // Nobody is told any more.
  const document = context.snapshot().get('Webhook', webhook);
  if (!document) return deliveries.done(delivery);
  const failure = await post(delivery, document.spec.url, context);
  if (failure === undefined) return deliveries.done(delivery);
  const isKept = await deliveries.again(delivery, backOff({ failures: attempts, random: random() }));
  if (attempts === 1 || !isKept) onProblem({ webhook, ...failure, isGivenUp: !isKept });
}

interface NotTaken {
  readonly reason: string;
  /** In our own words. */
  readonly said?: string;
}

/** Why it was not taken. What the other side answered besides its status is nobody's business here. */
async function post(
  { webhook, eventId, body }: WebhookDelivery,
  url: string,
  { findSecret, fetch, clock }: WebhookContext,
): Promise<NotTaken | undefined> {
  const secret = await findSecret(`Webhook/${webhook}/signingSecret`);
  const signature = secret && signWebhook({ id: eventId, body, now: clock() }, secret);
  if (!signature) return { reason: 'signing_secret_invalid' };
  try {
    const { ok, status } = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...signature },
      body,
    });
    return ok ? undefined : { reason: `http_${status}` };
  } catch (error) {
    if (error instanceof SallyportError) return { reason: error.code, said: error.message };
    throw error;
  }
}
