import { readEnvironment, variable } from '@sallyport/config';
import { z } from 'zod';

/** Everything the gateway is told. Paths name files; URLs are what agents use, never what a Host header says. */
export interface GatewayConfig {
  /** This replica's enrolled name; also its subject on the event stream. */
  readonly replica: string;
  readonly listen: { readonly host: string; readonly port: number };
  readonly gatewayUrl: string;
  readonly issuer: string;
  /** Where the authorization server's keys are; reachable from here. */
  readonly jwksUrl: string;
  readonly trustedProxies: readonly string[];
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
  readonly spoolMaxBytes: number;
  readonly stalenessBoundMs: number;
  readonly maxBodyBytes: number;
  readonly listTimeoutMs: number;
  readonly leaseTimeoutMs: number;
  /** PEM texts of private authorities servers may use. */
  readonly extraCertificateAuthorities: readonly string[];
}

const MEBIBYTE = 1024 * 1024;

export const GatewayEnvironment = z.object({
  SALLYPORT_GATEWAY_NAME: z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'must be lower-case letters, digits and single hyphens').default('gateway-1').describe('Enrolled name of this replica.'),
  SALLYPORT_GATEWAY_HOST: z.string().default('127.0.0.1').describe('Address to listen on.'),
  SALLYPORT_GATEWAY_PORT: variable.port().default(7400).describe('Port to listen on.'),
  SALLYPORT_GATEWAY_URL: variable.origin().describe('Origin agents reach the gateway under; its resource identifier is this with /mcp.'),
  SALLYPORT_ISSUER: variable.origin().describe('Issuer of the tokens agents bring: the authorization server.'),
  SALLYPORT_JWKS_URL: variable.url('http:', 'https:').optional().describe("The authorization server's key set; the issuer's /jwks unless given."),
  SALLYPORT_TRUSTED_PROXIES: variable.list().default([]).describe('Addresses or CIDR ranges whose forwarded headers count.'),
  SALLYPORT_ALLOWED_ORIGINS: variable.list().default([]).describe('Origins of browser applications that may call /mcp.'),
  SALLYPORT_CONFIGURATION_PUBLIC_KEY_FILE: variable.path().describe('Public key configuration is verified with (JWK).'),
  SALLYPORT_LEASE_PUBLIC_KEY_FILE: variable.path().describe("Public key agents' tokens are sealed to in lease requests (JWK)."),
  SALLYPORT_LEASE_SIGNING_PUBLIC_KEY_FILE: variable.path().describe('Public key lease answers are verified with (JWK).'),
  SALLYPORT_GATEWAY_KEY_FILE: variable.path().describe("This replica's enrolled private key (JWK)."),
  SALLYPORT_GATEWAY_STATE_KEY_FILES: variable.list().describe('Key files for sealed sessions and request state, the current one first.'),
  SALLYPORT_SPOOL_DIR: variable.path().describe('Directory for events on their way out; one per replica.'),
  SALLYPORT_SPOOL_MAX_MEBIBYTES: variable.wholeNumber(1, 1_048_576).default(512).describe('Room for events that cannot be shipped; at the bound calls are refused.'),
  SALLYPORT_STALENESS_BOUND: variable.duration().pipe(z.number().min(10_000, 'must be at least 10s').max(3_600_000, 'must be at most 1h')).default(300_000).describe('How old the newest sign of life of the control plane may be before the gateway refuses to serve.'),
  SALLYPORT_MAX_BODY_KIBIBYTES: variable.wholeNumber(1, 65_536).default(4_096).describe('Largest request body.'),
  SALLYPORT_LIST_TIMEOUT: variable.duration().default(5_000).describe('How long a list waits for one server.'),
  SALLYPORT_LEASE_TIMEOUT: variable.duration().default(5_000).describe('How long a call waits for a credential.'),
});

/** @throws SallyportError `configuration_invalid` */
export function readGatewayConfig(env: Readonly<Record<string, string | undefined>>): GatewayConfig {
  const read = readEnvironment(GatewayEnvironment, env, { prefix: 'SALLYPORT_' });
  return {
    replica: read.SALLYPORT_GATEWAY_NAME,
    listen: { host: read.SALLYPORT_GATEWAY_HOST, port: read.SALLYPORT_GATEWAY_PORT },
    gatewayUrl: read.SALLYPORT_GATEWAY_URL,
    issuer: read.SALLYPORT_ISSUER,
    jwksUrl: read.SALLYPORT_JWKS_URL ?? `${read.SALLYPORT_ISSUER}/jwks`,
    trustedProxies: read.SALLYPORT_TRUSTED_PROXIES,
    allowedOrigins: read.SALLYPORT_ALLOWED_ORIGINS,
    keys: {
      configurationPublicKey: read.SALLYPORT_CONFIGURATION_PUBLIC_KEY_FILE,
      leasePublicKey: read.SALLYPORT_LEASE_PUBLIC_KEY_FILE,
      leaseSigningPublicKey: read.SALLYPORT_LEASE_SIGNING_PUBLIC_KEY_FILE,
      replicaKey: read.SALLYPORT_GATEWAY_KEY_FILE,
      gatewayState: read.SALLYPORT_GATEWAY_STATE_KEY_FILES,
    },
    spoolDirectory: read.SALLYPORT_SPOOL_DIR,
    spoolMaxBytes: read.SALLYPORT_SPOOL_MAX_MEBIBYTES * MEBIBYTE,
    stalenessBoundMs: read.SALLYPORT_STALENESS_BOUND,
    maxBodyBytes: read.SALLYPORT_MAX_BODY_KIBIBYTES * 1024,
    listTimeoutMs: read.SALLYPORT_LIST_TIMEOUT,
    leaseTimeoutMs: read.SALLYPORT_LEASE_TIMEOUT,
    extraCertificateAuthorities: [],
  };
}
