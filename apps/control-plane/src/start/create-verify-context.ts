import { findStoredSecret, PostgresProviderHealthStore } from '@sallyport/connection-store';
import { createSafeFetch, tellingProxy } from '@sallyport/safe-fetch';
import { ConnectHealthStore } from '../credentials/connect/connect-health-store.js';
import type { StatusContext } from '../status/read-status.js';
import type { VerifyContext } from '../verify/context.js';
import type { Foundation } from './foundation.js';
import type { ConfigurationParts } from './open-configuration.js';

const USER_AGENT = 'sallyport-verify';
/** A person waits. */
const TIMEOUT_MS = 5_000;

/** What the checks of `GET /v1/verify` look at, with the connections of administration. */
export function createVerifyContext(
  { config, logger, databases, vault, enrolled }: Foundation,
  { newestKnown, publisher }: ConfigurationParts,
  status: StatusContext,
): VerifyContext {
  const { administration: database } = databases;
  const { extraCertificateAuthorities, issuer, jwksUrl, gatewayUrl, publicUrl } = config;
  const shared = { userAgent: USER_AGENT, timeoutMs: TIMEOUT_MS, extraCertificateAuthorities };
  return {
    ...status,
    config,
    documents: newestKnown,
    publisher,
    enrolled,
    database,
    providerHealth: new PostgresProviderHealthStore(database),
    connectHealth: new ConnectHealthStore(database),
    findSecret: (name) => findStoredSecret(database, vault.sealer, name),
    outbound: createSafeFetch({
      ...shared,
      proxy: tellingProxy(config.proxy, logger),
      allow: () => newestKnown().get('OutboundNetwork', 'default')?.spec.allow ?? [],
    }),
    own: createSafeFetch({
      ...shared,
      allow: [issuer, jwksUrl, gatewayUrl, publicUrl].map((url) => ({
        host: new URL(url).hostname,
        http: url.startsWith('http:'),
      })),
    }),
    logger,
  };
}
