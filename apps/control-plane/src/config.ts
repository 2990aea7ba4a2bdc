import { readFileSync } from 'node:fs';
import { readEnvironment, variable } from '@sallyport/config';
import type { Declaration } from '@sallyport/declaration';
import { SallyportError, Secret } from '@sallyport/kernel';
import { proxyOf, readCertificateAuthorities, type OutboundProxy } from '@sallyport/safe-fetch';
import { certificateFilesOf, processVariables, tlsVariables } from '@sallyport/process';
import type { CertificateFiles } from '@sallyport/http';
import { vaultSettings, vaultVariables, type KeyServiceSettings } from '@sallyport/vault';
import { z } from 'zod';
import { DECLARATIVE_SET } from './configuration/apply-declarative-file.js';

export interface ControlPlaneConfig {
  /** Public origin of this process: connect pages, admin API. */
  readonly publicUrl: string;
  readonly gatewayUrl: string;
  /** Origin of the authorization server, byte for byte the `iss` of its tokens. */
  readonly issuer: string;
  /** Where the authorization server publishes its keys, as this process reaches it. */
  readonly jwksUrl: string;
  readonly host: string;
  readonly port: number;
  readonly databaseUrl: Secret;
  readonly adminToken: Secret;
  /** The documents of its set are made to be exactly what this file says, at each start; `null`: there is none. */
  readonly declarativeFile: string | null;
  /** The set that owns the documents of the declarative file; `file` unless said. */
  readonly declarativeSet?: string;
  /** What stands in it, where that was read already. */
  readonly declaration?: Declaration | undefined;
  /** What becomes of its text before it is read. */
  readonly amendDeclaration?: (text: string) => string;
  /** Where `{ env: NAME }` in the declarative file is looked up. */
  readonly secretVariables: Readonly<Record<string, string | undefined>>;
  readonly keys: {
    readonly masterKeyFile: string | null;
    readonly kms?: KeyServiceSettings;
    readonly configurationSigningKeyFile: string;
    readonly leaseKeyFile: string;
    readonly leaseSigningKeyFile: string;
    /** Directory of `<replica>.pub.jwk`: the gateways that may ask for leases. */
    readonly enrolledGateways: string;
  };
  /** The name its own events are stored under. */
  readonly replica: string;
  /** Names authorization servers publish events under: a session ends on their word, and on nobody else's. */
  readonly authorizationServers: readonly string[];
  readonly stalenessBoundMs: number;
  readonly heartbeatIntervalMs: number;
  /** How long events of the trail are kept; 90 days unless said. */
  readonly eventRetentionMs?: number;
  /** The folder for files of log streams; without one there are none. */
  readonly logStreamDirectory?: string | null;
  /** How often what is older is looked for; a minute unless said. */
  readonly forgettingIntervalMs?: number;
  /** How often a look is taken for providers that have yet to revoke what was removed here; 5 s unless said. */
  readonly revocationIntervalMs?: number;
  /** How often the files that secrets were read from are looked at; 10 s unless said. */
  readonly secretFilesIntervalMs?: number;
  readonly maxConnections: number;
  readonly trustedProxies: readonly string[];
  /** Where TLS ends at this listener; a proxy ends it, or nobody does, without them. */
  readonly certificateFiles?: CertificateFiles | undefined;
  /** PEM of private authorities that servers and their authorization servers may use. */
  readonly extraCertificateAuthorities: readonly string[];
  /**
   * The proxy toward servers, their authorization servers and log streams. Our own authorization server is always
   * called directly.
   */
  readonly proxy?: OutboundProxy | undefined;
  /** What only a look at how the deployment is set up needs to know. */
  readonly deployment?: {
    readonly adminTokenFile: string;
    readonly healthHost: string;
    readonly busServers: readonly string[];
    readonly busHasKey: boolean;
  };
}

const DAY_MS = 86_400_000;
export const EVENT_RETENTION_MS = 90 * DAY_MS;

/**
 * How long events are kept unless configured, a quarter of a year: long enough to look into what happened, short enough
 * to be no archive of people.
 */
export const eventRetention = () =>
  variable
    .duration()
    .pipe(
      z
        .number()
        .min(DAY_MS, 'must be at least 1d')
        .max(36_500 * DAY_MS, 'must be at most 36500d'),
    )
    .default(EVENT_RETENTION_MS)
    .describe(
      'How long events of the trail are kept at least, such as `90d`; older ones are removed for good, month by month',
    );

/** The environment of the process; `standalone` builds the same configuration itself. */
export const ControlPlaneEnvironment = z.strictObject({
  ...processVariables({ replica: 'control-plane', healthPort: 7492 }),
  SALLYPORT_CONTROL_PLANE_URL: variable
    .origin()
    .default('http://127.0.0.1:7402')
    .describe('Public origin of this process: connect pages and admin API'),
  SALLYPORT_GATEWAY_URL: variable
    .origin()
    .default('http://127.0.0.1:7400')
    .describe('Public origin of the gateway; `<origin>/mcp` is the audience of every token'),
  SALLYPORT_ISSUER: variable
    .origin()
    .default('http://127.0.0.1:7401')
    .describe('Public origin of the authorization server'),
  SALLYPORT_JWKS_URL: variable
    .url('http:', 'https:')
    .optional()
    .describe('Where to fetch the keys of the authorization server, if not at `<issuer>/jwks`'),
  SALLYPORT_HOST: z.string().min(1).default('127.0.0.1').describe('Address to listen on'),
  SALLYPORT_PORT: variable.port().default(7402),
  ...tlsVariables(),
  SALLYPORT_AUTHORIZATION_SERVERS: variable
    .list()
    .pipe(z.array(z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/)).min(1))
    .default(['authorization-server'])
    .describe('Names authorization servers publish events under; the sessions they report as ended are revoked'),
  DATABASE_URL: variable
    .url('postgresql:', 'postgres:')
    .transform((url) => new Secret(url))
    .describe('PostgreSQL'),
  SALLYPORT_ADMIN_TOKEN_FILE: variable.path().describe('Holds the token of the admin API, at least 32 characters'),
  SALLYPORT_CONFIGURATION_FILE: variable.path().optional().describe('Declarative file that is applied at each start'),
  SALLYPORT_CONFIGURATION_SET: z
    .string()
    .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'must be lower-case letters, digits and single hyphens')
    .max(64)
    .default(DECLARATIVE_SET)
    .describe('The set that owns the documents of the declarative file: no other writer changes them by accident'),
  ...vaultVariables(),
  SALLYPORT_CONFIGURATION_SIGNING_KEY_FILE: variable.path().describe('configuration-signing.jwk'),
  SALLYPORT_LEASE_KEY_FILE: variable.path().describe('lease.jwk: what gateways seal tokens to'),
  SALLYPORT_LEASE_SIGNING_KEY_FILE: variable.path().describe('lease-signing.jwk'),
  SALLYPORT_ENROLLED_GATEWAYS: variable
    .path()
    .describe('Directory of `<replica>.pub.jwk`: the gateways that may ask for leases'),
  SALLYPORT_STALENESS_BOUND: variable
    .duration()
    .default(300_000)
    .describe('How old the configuration may become before leases are refused'),
  SALLYPORT_MAX_CONNECTIONS: variable
    .wholeNumber(64, 1_000_000)
    .default(10_000)
    .describe('Open connections; one address, unless it is a listed proxy, may hold as many as are free'),
  SALLYPORT_EVENT_RETENTION: eventRetention(),
  SALLYPORT_LOG_STREAM_DIRECTORY: variable
    .path()
    .optional()
    .describe('The folder in which log streams of kind `file` write; without it they write nowhere'),
  SALLYPORT_TRUSTED_PROXIES: variable.list().default([]),
  SALLYPORT_CA_FILES: variable.list().default([]).describe('PEM files of private certificate authorities'),
});
export type ControlPlaneEnvironment = z.infer<typeof ControlPlaneEnvironment>;

/** Known before the rest: the file names the variables that hold secrets. */
export function declarativeFileOf(env: Readonly<Record<string, string | undefined>>): string | undefined {
  return env['SALLYPORT_CONFIGURATION_FILE'] || undefined;
}

/** @throws SallyportError `admin_token_invalid` */
export function readAdminToken(file: string): Secret {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
    throw new SallyportError('admin_token_invalid', `The administrator token file ${file} cannot be read (${code}).`, {
      cause,
    });
  }
  if (!/^[\x21-\x7e]{32,}$/.test(text))
    throw new SallyportError(
      'admin_token_invalid',
      `The administrator token file ${file} must hold at least 32 characters, in one line and without blanks.`,
    );
  return new Secret(text);
}

/**
 * @param secretVariables names that the declarative file reads its secrets from: these are not settings.
 * @throws SallyportError `configuration_invalid`
 */
export function readControlPlaneEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  secretVariables: readonly string[] = [],
): ControlPlaneEnvironment {
  const settings = Object.fromEntries(Object.entries(env).filter(([name]) => !secretVariables.includes(name)));
  return readEnvironment(ControlPlaneEnvironment, settings, { prefix: 'SALLYPORT_' });
}

/** @param parts what files hold and what is secret: not in the environment itself. */
export function controlPlaneConfig(
  environment: ControlPlaneEnvironment,
  parts: Pick<ControlPlaneConfig, 'adminToken' | 'secretVariables' | 'declaration'>,
): ControlPlaneConfig {
  return {
    publicUrl: environment.SALLYPORT_CONTROL_PLANE_URL,
    gatewayUrl: environment.SALLYPORT_GATEWAY_URL,
    issuer: environment.SALLYPORT_ISSUER,
    jwksUrl: environment.SALLYPORT_JWKS_URL ?? `${environment.SALLYPORT_ISSUER}/jwks`,
    host: environment.SALLYPORT_HOST,
    port: environment.SALLYPORT_PORT,
    databaseUrl: environment.DATABASE_URL,
    ...parts,
    declarativeFile: environment.SALLYPORT_CONFIGURATION_FILE ?? null,
    declarativeSet: environment.SALLYPORT_CONFIGURATION_SET,
    keys: {
      ...vaultSettings(environment, readCertificateAuthorities(environment.SALLYPORT_CA_FILES), proxyOf(environment)),
      configurationSigningKeyFile: environment.SALLYPORT_CONFIGURATION_SIGNING_KEY_FILE,
      leaseKeyFile: environment.SALLYPORT_LEASE_KEY_FILE,
      leaseSigningKeyFile: environment.SALLYPORT_LEASE_SIGNING_KEY_FILE,
      enrolledGateways: environment.SALLYPORT_ENROLLED_GATEWAYS,
    },
    replica: environment.SALLYPORT_REPLICA,
    authorizationServers: environment.SALLYPORT_AUTHORIZATION_SERVERS,
    stalenessBoundMs: environment.SALLYPORT_STALENESS_BOUND,
    heartbeatIntervalMs: 1_000,
    maxConnections: environment.SALLYPORT_MAX_CONNECTIONS,
    eventRetentionMs: environment.SALLYPORT_EVENT_RETENTION,
    logStreamDirectory: environment.SALLYPORT_LOG_STREAM_DIRECTORY ?? null,
    trustedProxies: environment.SALLYPORT_TRUSTED_PROXIES,
    certificateFiles: certificateFilesOf(environment),
    extraCertificateAuthorities: readCertificateAuthorities(environment.SALLYPORT_CA_FILES),
    proxy: proxyOf(environment),
    deployment: {
      adminTokenFile: environment.SALLYPORT_ADMIN_TOKEN_FILE,
      healthHost: environment.SALLYPORT_HEALTH_HOST,
      busServers: environment.NATS_URL,
      busHasKey: environment.SALLYPORT_NATS_SEED_FILE !== undefined,
    },
  };
}
