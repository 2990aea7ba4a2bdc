import { readEnvironment, variable } from '@sallyport/config';
import { SallyportError, type Secret } from '@sallyport/kernel';
import type { QueueBackendOptions } from '@sallyport/queue';
import { z } from 'zod';

export interface TokenRefreshWorkerConfig {
  readonly databaseUrl: Secret;
  readonly queue: Omit<Extract<QueueBackendOptions, { kind: 'postgres' }>, 'onProblem'> | Omit<Extract<QueueBackendOptions, { kind: 'redis' }>, 'onProblem'>;
  readonly masterKeyFile: string;
  /** The pinned public key of the configuration log. */
  readonly configurationVerifyKeyFile: string;
  /** The name events are published under. */
  readonly replica: string;
  readonly stalenessBoundMs: number;
  /** How often what is due is looked for; 5 s by default. */
  readonly tickIntervalMs?: number;
  /** PEM of private authorities that servers' authorization servers may use. */
  readonly extraCertificateAuthorities: readonly string[];
}

/** The environment of the process; `standalone` builds the same configuration itself. */
export const TokenRefreshWorkerEnvironment = z.strictObject({
  SALLYPORT_HEALTH_HOST: z.string().min(1).default('127.0.0.1'),
  SALLYPORT_HEALTH_PORT: variable.port().default(7493),
  SALLYPORT_LOG_LEVEL: variable.logLevel().default('info'),
  SALLYPORT_REPLICA: z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/).default('token-refresh-worker').describe('Name events are published under'),
  DATABASE_URL: variable.url('postgresql:', 'postgres:').describe('PostgreSQL'),
  NATS_URL: variable.list().describe('NATS servers, comma-separated'),
  SALLYPORT_NATS_SEED_FILE: variable.path().optional().describe('The nkey seed of this process'),
  REDIS_URL: variable.url('redis:', 'rediss:').optional().describe('Redis for jobs; without it they are kept in PostgreSQL'),
  SALLYPORT_MASTER_KEY_FILE: variable.path(),
  SALLYPORT_CONFIGURATION_PUBLIC_KEY_FILE: variable.path().describe('configuration-signing.pub.jwk'),
  SALLYPORT_STALENESS_BOUND: variable.duration().default(300_000).describe('How old the configuration may become before nothing is refreshed'),
  SALLYPORT_TICK_INTERVAL: variable.duration().default(5_000).describe('How often what is due is looked for'),
  SALLYPORT_CA_FILES: variable.list().default([]).describe('PEM files of private certificate authorities'),
});
export type TokenRefreshWorkerEnvironment = z.infer<typeof TokenRefreshWorkerEnvironment>;

/** @throws SallyportError `configuration_invalid` */
export function readTokenRefreshWorkerEnvironment(env: Readonly<Record<string, string | undefined>> = process.env): TokenRefreshWorkerEnvironment {
  const environment = readEnvironment(TokenRefreshWorkerEnvironment, env, { prefix: 'SALLYPORT_' });
  if (environment.NATS_URL.length === 0) throw new SallyportError('configuration_invalid', 'NATS_URL names no server.');
  return environment;
}

/** @param extraCertificateAuthorities the contents of the files named in the environment. */
export function tokenRefreshWorkerConfig(environment: TokenRefreshWorkerEnvironment, parts: { databaseUrl: Secret; extraCertificateAuthorities: readonly string[] }): TokenRefreshWorkerConfig {
  return {
    databaseUrl: parts.databaseUrl,
    queue: environment.REDIS_URL === undefined ? { kind: 'postgres', databaseUrl: parts.databaseUrl.reveal() } : { kind: 'redis', redisUrl: environment.REDIS_URL },
    masterKeyFile: environment.SALLYPORT_MASTER_KEY_FILE,
    configurationVerifyKeyFile: environment.SALLYPORT_CONFIGURATION_PUBLIC_KEY_FILE,
    replica: environment.SALLYPORT_REPLICA,
    stalenessBoundMs: environment.SALLYPORT_STALENESS_BOUND,
    tickIntervalMs: environment.SALLYPORT_TICK_INTERVAL,
    extraCertificateAuthorities: parts.extraCertificateAuthorities,
  };
}
