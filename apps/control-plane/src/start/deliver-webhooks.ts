import { findStoredSecret } from '@sallyport/connection-store';
import { createSafeFetch, tellingProxy, type SafeFetch } from '@sallyport/safe-fetch';
import { WebhookRounds } from '../trail/webhooks/deliver-webhooks.js';
import type { Foundation } from './foundation.js';
import type { ConfigurationParts } from './open-configuration.js';

const WEBHOOK_MS = 1_000;

/** Posts events to webhooks. @returns what it posts with: behind the outbound guard */
export function deliverWebhooks(
  { config, logger, clock, scope, databases, vault }: Foundation,
  { snapshot, webhooks }: ConfigurationParts,
): SafeFetch {
  const fetch = createSafeFetch({
    userAgent: 'sallyport-webhooks',
    allow: () => snapshot().get('OutboundNetwork', 'default')?.spec.allow ?? [],
    extraCertificateAuthorities: config.extraCertificateAuthorities,
    proxy: tellingProxy(config.proxy, logger),
  });
  const failure = 'webhooks could not be delivered';
  const rounds = new WebhookRounds(
    {
      deliveries: webhooks,
      snapshot,
      findSecret: (name) => findStoredSecret(databases.trail, vault.sealer, name),
      fetch,
      clock,
      random: Math.random,
      onProblem: (problem) => logger.warn(problem, 'a webhook was not taken'),
    },
    (err) => logger.warn({ err }, failure),
  );
  scope.onClose('webhooks', () => rounds.stop());
  scope.every(WEBHOOK_MS, () => rounds.begin(), failure);
  return fetch;
}
