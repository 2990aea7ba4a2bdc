import { availableParallelism } from 'node:os';
import { readEnvironment, variable } from '@sallyport/config';
import { proxyOf, proxyVariables, readCertificateAuthorities, type OutboundProxy } from '@sallyport/safe-fetch';
import { certificateFilesOf, processVariables, tlsVariables } from '@sallyport/process';
import type { CertificateFiles } from '@sallyport/http';
import { z } from 'zod';
import { leftSpoolDirectories, spoolDirectoryOf } from './worker-spools.js';

/** Everything the gateway is told. Paths name files; URLs are what agents use, never what a Host header says. */
export interface GatewayConfig {
  /** This replica's enrolled name; also its subject on the event stream. */
  readonly replica: string;
  /** The number of this process where several are one replica. */
  readonly worker?: number | undefined;
  readonly listen: { readonly host: string; readonly port: number };
  readonly gatewayUrl: string;
  readonly issuer: string;
  /** Where the authorization server's keys are; reachable from here. */
  readonly jwksUrl: string;
  readonly trustedProxies: readonly string[];
  /** Where TLS ends at this listener; a proxy ends it, or nobody does, without them. */
  readonly certificateFiles?: CertificateFiles | undefined;
  /** Origins of browser applications that may call `/mcp`. */
  readonly allowedOrigins: readonly string[];
  readonly keys: {
    readonly configurationPublicKey: string;
    readonly leasePublicKey: string;
    readonly leaseSigningPublicKey: string;
    readonly replicaKey: string;
    /** The current one first. */
    readonly gatewayState: readonly string[];
  };
  readonly spoolDirectory: string;
  /** Whose records this process takes over: nobody else writes there. */
  readonly leftSpoolDirectories?: readonly string[];
  readonly spoolMaxBytes: number;
  readonly stalenessBoundMs: number;
  readonly maxBodyBytes: number;
  /** Of requests and answers in memory: of one user, and of all together. */
  readonly maxUserBytes: number;
  readonly maxBytesInFlight: number;
  readonly maxConnections: number;
  readonly maxAnswerBytes: number;
  /** Whether calls of which everything is remembered take the short-cut (decision 0049). */
  readonly isWarmPathOn: boolean;
  readonly listTimeoutMs: number;
  /** Characters of JSON in one page of a list. */
  readonly listPageLength: number;
  readonly leaseTimeoutMs: number;
  /** PEM texts of private authorities servers may use. */
  readonly extraCertificateAuthorities: readonly string[];
  /** Between us and servers; never between us and the authorization server's keys. */
  readonly proxy?: OutboundProxy | undefined;
}

const MEBIBYTE = 1024 * 1024;

/** What a gateway is told besides who and where it is: the same settings for `npm start`. */
export const gatewayTuning = {
  SALLYPORT_SPOOL_MAX_MEBIBYTES: variable
    .wholeNumber(1, 1_048_576)
    .default(512)
    .describe(
      'Room for events that cannot be shipped and for calls in flight, 8 KiB each; when it is used up calls ' +
        'are refused before they are sent',
    ),
  SALLYPORT_STALENESS_BOUND: variable
    .duration()
    .pipe(z.number().min(10_000, 'must be at least 10s').max(3_600_000, 'must be at most 1h'))
    .default(300_000)
    .describe('How old the configuration may become before calls are refused'),
  SALLYPORT_MAX_BODY_KIBIBYTES: variable.wholeNumber(1, 65_536).default(4_096).describe('Largest request body'),
  SALLYPORT_MAX_USER_MEBIBYTES: variable
    .wholeNumber(1, 65_536)
    .default(64)
    .describe(
      'Bytes of requests and answers of one user that may be in memory at a time; what is more is refused ' +
        'with 429. At least 16 more than the largest request',
    ),
  SALLYPORT_MAX_IN_FLIGHT_MEBIBYTES: variable
    .wholeNumber(2, 1_048_576)
    .default(512)
    .describe('The same of all users together, refused with 503. No user may hold more than is free'),
  SALLYPORT_MAX_CONNECTIONS: variable
    .wholeNumber(64, 1_000_000)
    .default(10_000)
    .describe('Open connections; one address, unless it is a listed proxy, may hold as many as are free'),
  SALLYPORT_MAX_ANSWER_MEBIBYTES: variable
    .wholeNumber(16, 16_384)
    .default(128)
    .describe(
      'Largest answer of a server. What makes one larger than 16 must be long texts, which are passed on as they come',
    ),
  SALLYPORT_GATEWAY_WARM: variable
    .onOrOff()
    .default('on')
    .describe('The short-cut for calls of which everything is remembered; off only to look for a fault in it'),
  SALLYPORT_LIST_TIMEOUT: variable
    .duration()
    .default(5_000)
    .describe('How long a list waits for one server; reading it goes on, and later lists and calls have it'),
  SALLYPORT_LIST_PAGE_KIBIBYTES: variable
    .wholeNumber(16, 16_384)
    .default(1_024)
    .describe('Size of one page of a list; what is beyond it is on the next page'),
  SALLYPORT_LEASE_TIMEOUT: variable.duration().default(5_000).describe('How long a call waits for a credential'),
  SALLYPORT_TRUSTED_PROXIES: variable
    .list()
    .default([])
    .describe('Addresses or CIDR ranges whose forwarded headers count'),
  SALLYPORT_ALLOWED_ORIGINS: variable
    .list()
    .default([])
    .describe('Origins of browser applications that may call `/mcp`'),
  SALLYPORT_CA_FILES: variable.list().default([]).describe('PEM files of private certificate authorities'),
  ...proxyVariables(),
};

export const GatewayEnvironment = z.object({
  ...processVariables({ replica: 'gateway-1', healthPort: 7490 }),
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
    .describe(
      'Where to fetch the keys of the authorization server, if not at `<issuer>/jwks`; its metadata, for ' +
        'agents of 2025-03-26, is asked for at the same origin',
    ),
  SALLYPORT_GATEWAY_WORKERS: z
    .string()
    .regex(/^(auto|[1-9]|[1-5]\d|6[0-4])$/, 'must be a whole number from 1 to 64, or auto')
    .transform((text) => (text === 'auto' ? text : Number(text)))
    .default(1)
    .describe(
      'Processes of this replica, which share its port, name and key; `auto` starts one for each core this container ' +
        'may use. Every limit below is for each of them',
    ),
  SALLYPORT_HOST: z.string().min(1).default('127.0.0.1').describe('Address to listen on'),
  SALLYPORT_PORT: variable.port().default(7400),
  ...tlsVariables(),
  SALLYPORT_CONFIGURATION_PUBLIC_KEY_FILE: variable.path().describe('configuration-signing.pub.jwk'),
  SALLYPORT_LEASE_PUBLIC_KEY_FILE: variable.path().describe('lease.pub.jwk: what tokens are sealed to'),
  SALLYPORT_LEASE_SIGNING_PUBLIC_KEY_FILE: variable.path().describe('lease-signing.pub.jwk'),
  SALLYPORT_GATEWAY_KEY_FILE: variable.path().describe('`<replica>.jwk`: the enrolled private key of this replica'),
  SALLYPORT_GATEWAY_STATE_KEY_FILES: variable
    .list()
    .pipe(z.array(z.string()).min(1, 'must name a file'))
    .describe('gateway-state.key, shared by all replicas; a retired one may follow'),
  SALLYPORT_SPOOL_DIR: variable
    .path()
    .describe(
      'Where events wait until they are shipped; one directory per replica, with one below for each worker of several',
    ),
  ...gatewayTuning,
});
export type GatewayEnvironment = z.infer<typeof GatewayEnvironment>;
export type GatewayTuning = Pick<GatewayEnvironment, keyof typeof gatewayTuning>;

/** @throws SallyportError `configuration_invalid` */
export function readGatewayEnvironment(env: Readonly<Record<string, string | undefined>>): GatewayEnvironment {
  return readEnvironment(GatewayEnvironment, env, { prefix: 'SALLYPORT_' });
}

/** How many processes the replica is to be. */
export const gatewayWorkers = ({ SALLYPORT_GATEWAY_WORKERS: workers }: GatewayEnvironment): number =>
  workers === 'auto' ? availableParallelism() : workers;

/**
 * @param number of this process where several are the replica
 * @throws SallyportError `configuration_invalid` for a certificate file that cannot be read.
 */
export function gatewayConfig(environment: GatewayEnvironment, number?: number): GatewayConfig {
  const worker = number === undefined ? undefined : { number, of: gatewayWorkers(environment) };
  return {
    replica: environment.SALLYPORT_REPLICA,
    worker: number,
    listen: { host: environment.SALLYPORT_HOST, port: environment.SALLYPORT_PORT },
    certificateFiles: certificateFilesOf(environment),
    gatewayUrl: environment.SALLYPORT_GATEWAY_URL,
    issuer: environment.SALLYPORT_ISSUER,
    jwksUrl: environment.SALLYPORT_JWKS_URL ?? `${environment.SALLYPORT_ISSUER}/jwks`,
    keys: {
      configurationPublicKey: environment.SALLYPORT_CONFIGURATION_PUBLIC_KEY_FILE,
      leasePublicKey: environment.SALLYPORT_LEASE_PUBLIC_KEY_FILE,
      leaseSigningPublicKey: environment.SALLYPORT_LEASE_SIGNING_PUBLIC_KEY_FILE,
      replicaKey: environment.SALLYPORT_GATEWAY_KEY_FILE,
      gatewayState: environment.SALLYPORT_GATEWAY_STATE_KEY_FILES,
    },
    spoolDirectory: spoolDirectoryOf(environment.SALLYPORT_SPOOL_DIR, worker),
    leftSpoolDirectories: leftSpoolDirectories(environment.SALLYPORT_SPOOL_DIR, worker),
    ...tunedBy(environment),
  };
}

/** @throws SallyportError `configuration_invalid` for a certificate file that cannot be read. */
export function tunedBy(
  environment: GatewayTuning,
): Omit<GatewayConfig, 'replica' | 'listen' | 'gatewayUrl' | 'issuer' | 'jwksUrl' | 'keys' | 'spoolDirectory'> {
  return {
    trustedProxies: environment.SALLYPORT_TRUSTED_PROXIES,
    allowedOrigins: environment.SALLYPORT_ALLOWED_ORIGINS,
    spoolMaxBytes: environment.SALLYPORT_SPOOL_MAX_MEBIBYTES * MEBIBYTE,
    stalenessBoundMs: environment.SALLYPORT_STALENESS_BOUND,
    maxBodyBytes: environment.SALLYPORT_MAX_BODY_KIBIBYTES * 1024,
    maxUserBytes: environment.SALLYPORT_MAX_USER_MEBIBYTES * MEBIBYTE,
    maxBytesInFlight: environment.SALLYPORT_MAX_IN_FLIGHT_MEBIBYTES * MEBIBYTE,
    maxConnections: environment.SALLYPORT_MAX_CONNECTIONS,
    maxAnswerBytes: environment.SALLYPORT_MAX_ANSWER_MEBIBYTES * MEBIBYTE,
    isWarmPathOn: environment.SALLYPORT_GATEWAY_WARM === 'on',
    listTimeoutMs: environment.SALLYPORT_LIST_TIMEOUT,
    listPageLength: environment.SALLYPORT_LIST_PAGE_KIBIBYTES * 1024,
    leaseTimeoutMs: environment.SALLYPORT_LEASE_TIMEOUT,
    proxy: proxyOf(environment),
    extraCertificateAuthorities: readCertificateAuthorities(environment.SALLYPORT_CA_FILES),
  };
}
