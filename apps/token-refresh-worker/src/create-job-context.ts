import { setTimeout as sleep } from 'node:timers/promises';
import type { ConfigurationReplica } from '@sallyport/configuration';
import {
  ClientRegistrations,
  createClientLookup,
  observeRefreshes,
  PostgresConnectionStore,
  PostgresProviderHealthStore,
} from '@sallyport/connection-store';
import { configuredTarget } from '@sallyport/connection';
import { describeDropped, describeProviderChange } from '@sallyport/connection/refresh';
import type { Database } from '@sallyport/database';
import type { Clock } from '@sallyport/kernel';
import { subjects } from '@sallyport/messages';
import type { Messaging } from '@sallyport/messaging';
import { createSafeFetch, tellingProxy } from '@sallyport/safe-fetch';
import { traceFetch } from '@sallyport/telemetry';
import type { Logger, Metrics, Tracer } from '@sallyport/telemetry';
import type { Vault } from '@sallyport/vault';
import type { TokenRefreshWorkerConfig } from './config.js';
import { ProviderSlots } from './provider-slots.js';
import type { RefreshJobContext } from './refresh-due-connections.js';

export interface JobContextParts {
  readonly config: TokenRefreshWorkerConfig;
  readonly messaging: Messaging;
  readonly logger: Logger;
  readonly metrics?: Metrics | undefined;
  readonly tracer?: Tracer | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  readonly database: Database;
  readonly vault: Vault;
  readonly configuration: ConfigurationReplica;
  readonly record: RefreshJobContext['record'];
}

/** What a refresh reads, asks and tells. */
export function createJobContext(parts: JobContextParts): RefreshJobContext {
  const { config, messaging, logger, clock, random, database, vault, configuration, record } = parts;
  const { sealer } = vault;
  const snapshot = () => configuration.snapshot();
  return {
    store: new PostgresConnectionStore(database, vault),
    providerHealth: new PostgresProviderHealthStore(database),
    slots: new ProviderSlots(),
    snapshot,
    vault: sealer,
    fetch: traceFetch(
      createSafeFetch({
        userAgent: 'sallyport-token-refresh-worker',
        allow: () => snapshot().get('OutboundNetwork', 'default')?.spec.allow ?? [],
        extraCertificateAuthorities: config.extraCertificateAuthorities,
        proxy: tellingProxy(config.proxy, logger),
      }),
      parts.tracer,
    ),
    observe: observeRefreshes(parts),
    clock,
    random,
    sleep: (ms) => sleep(ms),
    clientFor: createClientLookup({ database, vault: sealer, snapshot }),
    target: (connection) => configuredTarget(snapshot(), connection),
    record,
    ...tellOf(parts),
    // A gateway that does not hear of it finds out when its lease ends, or is rejected.
    broadcastChanged: (changed) =>
      messaging.broadcast
        .publish(subjects.credentialChanged, changed)
        .catch((err: unknown) => logger.warn({ err }, 'gateways could not be told of a new credential')),
  };
}

/** What operators and the trail are told of providers and of client registrations. */
function tellOf({
  database,
  vault,
  logger,
  record,
}: JobContextParts): Pick<RefreshJobContext, 'onProviderChange' | 'forgetRegistration'> {
  const registrations = new ClientRegistrations({ database, vault: vault.sealer });
  return {
    onProviderChange: async (change) => {
      const { credentialProvider, issuer, health } = change;
      const { reason, error, description } = health;
      logger.warn({ credentialProvider, issuer, reason, error, description }, `credential provider ${change.type}`);
      await record(describeProviderChange(change));
    },
    forgetRegistration: async (client) => {
      if (!(await registrations.drop(client))) return;
      const { issuer, clientId: oauthClientId } = client;
      logger.warn({ issuer, oauthClientId, reason: 'client_forgotten' }, 'client registration dropped');
      await record(describeDropped(client, 'client_forgotten'));
    },
  };
}
