import type { ConfigurationSnapshot } from '@sallyport/configuration';
import { SallyportError, type Clock, type Secret } from '@sallyport/kernel';
import { backOff } from '@sallyport/refresh';
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
    readonly isGivenUp: boolean;
  }) => void;
}

const AT_A_TIME = 10;

/** Posts what is due. What is not taken (any 2xx takes it) is posted again, ever more seldom, for a day. @returns how many were due. */
export async function deliverWebhooks(context: WebhookContext): Promise<number> {
  const due = await context.deliveries.claim(AT_A_TIME);
  await Promise.all(due.map((delivery) => deliver(delivery, context)));
  return due.length;
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
  if (attempts === 1 || !isKept) onProblem({ webhook, reason: failure, isGivenUp: !isKept });
}

/** Why it was not taken. What the other side answered besides its status is nobody's business here. */
async function post(
  { webhook, eventId, body }: WebhookDelivery,
  url: string,
  { findSecret, fetch, clock }: WebhookContext,
): Promise<string | undefined> {
  const secret = await findSecret(`Webhook/${webhook}/signingSecret`);
  const signature = secret && signWebhook({ id: eventId, body, now: clock() }, secret);
  if (!signature) return 'signing_secret_invalid';
  try {
    const { ok, status } = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...signature },
      body,
    });
    return ok ? undefined : `http_${status}`;
  } catch (error) {
    if (error instanceof SallyportError) return error.code;
    throw error;
  }
}
