import { readEnvironment, variable } from '@sallyport/config';
import { Secret } from '@sallyport/kernel';
import type { QueueBackendOptions } from '@sallyport/queue';
import { proxyOf, readCertificateAuthorities, type OutboundProxy } from '@sallyport/safe-fetch';
import { processVariables } from '@sallyport/process';
import { vaultSettings, vaultVariables, type KeyServiceSettings } from '@sallyport/vault';
import { z } from 'zod';

export interface TokenRefreshWorkerConfig {
  readonly databaseUrl: Secret;
  readonly queue:
    | Omit<Extract<QueueBackendOptions, { kind: 'postgres' }>, 'onProblem'>
    | Omit<Extract<QueueBackendOptions, { kind: 'redis' }>, 'onProblem'>;
  readonly masterKeyFile: string | null;
  readonly kms?: KeyServiceSettings;
  /** The pinned public key of the configuration log. */
  readonly configurationVerifyKeyFile: string;
  /** The name events are published under. */
  readonly replica: string;
  readonly stalenessBoundMs: number;
  /** How often what is due is looked for; 5 s by default. */
  readonly tickIntervalMs?: number;
  /** PEM of private authorities that servers' authorization servers may use. */
  readonly extraCertificateAuthorities: readonly string[];
  /** Between us and servers' authorization servers. */
  readonly proxy?: OutboundProxy | undefined;
}

/** The environment of the process; `standalone` builds the same configuration itself. */
export const TokenRefreshWorkerEnvironment = z.strictObject({
  ...processVariables({ replica: 'token-refresh-worker', healthPort: 7493 }),
  DATABASE_URL: variable
    .url('postgresql:', 'postgres:')
    .transform((url) => new Secret(url))
    .describe('PostgreSQL'),
  REDIS_URL: variable
    .url('redis:', 'rediss:')
    .optional()
    .describe('Redis for jobs; without it they are kept in PostgreSQL'),
  ...vaultVariables(),
  SALLYPORT_CONFIGURATION_PUBLIC_KEY_FILE: variable.path().describe('configuration-signing.pub.jwk'),
  SALLYPORT_STALENESS_BOUND: variable
    .duration()
    .default(300_000)
    .describe('How old the configuration may become before nothing is refreshed'),
  SALLYPORT_TICK_INTERVAL: variable.duration().default(5_000).describe('How often what is due is looked for'),
  SALLYPORT_CA_FILES: variable.list().default([]).describe('PEM files of private certificate authorities'),
});
export type TokenRefreshWorkerEnvironment = z.infer<typeof TokenRefreshWorkerEnvironment>;

/** @throws SallyportError `configuration_invalid` */
export function readTokenRefreshWorkerEnvironment(
  env: Readonly<Record<string, string | undefined>>,
): TokenRefreshWorkerEnvironment {
  return readEnvironment(TokenRefreshWorkerEnvironment, env, { prefix: 'SALLYPORT_' });
}

/** @throws SallyportError when a file of `SALLYPORT_CA_FILES` cannot be read */
export function tokenRefreshWorkerConfig(environment: TokenRefreshWorkerEnvironment): TokenRefreshWorkerConfig {
  const databaseUrl = environment.DATABASE_URL;
  return {
    databaseUrl,
    queue:
      environment.REDIS_URL === undefined
        ? { kind: 'postgres', databaseUrl: databaseUrl.reveal() }
        : { kind: 'redis', redisUrl: environment.REDIS_URL },
    ...vaultSettings(environment, readCertificateAuthorities(environment.SALLYPORT_CA_FILES), proxyOf(environment)),
    configurationVerifyKeyFile: environment.SALLYPORT_CONFIGURATION_PUBLIC_KEY_FILE,
    replica: environment.SALLYPORT_REPLICA,
    stalenessBoundMs: environment.SALLYPORT_STALENESS_BOUND,
    tickIntervalMs: environment.SALLYPORT_TICK_INTERVAL,
    extraCertificateAuthorities: readCertificateAuthorities(environment.SALLYPORT_CA_FILES),
    proxy: proxyOf(environment),
  };
}
