import { readEnvironment, variable } from '@sallyport/config';
import { Secret } from '@sallyport/kernel';
import { proxyOf, readCertificateAuthorities, type OutboundProxy } from '@sallyport/safe-fetch';
import { certificateFilesOf, processVariables, tlsVariables } from '@sallyport/process';
import type { CertificateFiles } from '@sallyport/http';
import { vaultSettings, vaultVariables, type KeyServiceSettings } from '@sallyport/vault';
import { z } from 'zod';

export interface AuthorizationServerConfig {
  /** Origin, byte for byte what tokens and metadata name as `iss`; no path, no trailing slash. */
  readonly issuer: string;
  /**
   * Further origins other processes reach this server under, such as a service name inside a cluster; never in what it
   * says.
   */
  readonly internalUrls?: readonly string[];
  readonly gatewayUrl: string;
  readonly controlPlaneUrl: string;
  readonly host: string;
  readonly port: number;
  readonly databaseUrl: Secret;
  readonly masterKeyFile: string | null;
  readonly kms?: KeyServiceSettings;
  /** The pinned public key of the configuration log. */
  readonly configurationVerifyKeyFile: string;
  /** The name events are published under. */
  readonly replica: string;
  readonly stalenessBoundMs: number;
  readonly maxConnections: number;
  readonly trustedProxies: readonly string[];
  /** Where TLS ends at this listener; a proxy ends it, or nobody does, without them. */
  readonly certificateFiles?: CertificateFiles | undefined;
  /** Origins of browser applications that may call `/token`, `/register` and the metadata. */
  readonly allowedOrigins: readonly string[];
  /** PEM of private authorities that identity providers and client documents may use. */
  readonly extraCertificateAuthorities: readonly string[];
  /** Between us and identity providers, client documents and key sets of others. */
  readonly proxy?: OutboundProxy | undefined;
}

/** The environment of the process; `standalone` builds the same configuration itself. */
export const AuthorizationServerEnvironment = z.strictObject({
  ...processVariables({ replica: 'authorization-server', healthPort: 7491 }),
  SALLYPORT_ISSUER: variable
    .origin()
    .default('http://127.0.0.1:7401')
    .describe('Public origin of this server, the `iss` of every token'),
  SALLYPORT_INTERNAL_URLS: variable
    .list()
    .pipe(z.array(variable.origin()))
    .default([])
    .describe('Further origins other processes reach this server under, such as a service name inside a cluster'),
  SALLYPORT_GATEWAY_URL: variable
    .origin()
    .default('http://127.0.0.1:7400')
    .describe('Public origin of the gateway; `<origin>/mcp` is the resource of every token'),
  SALLYPORT_CONTROL_PLANE_URL: variable
    .origin()
    .default('http://127.0.0.1:7402')
    .describe('Public origin of the connect and account pages'),
  SALLYPORT_HOST: z.string().min(1).default('127.0.0.1').describe('Address to listen on'),
  SALLYPORT_PORT: variable.port().default(7401),
  ...tlsVariables(),
  DATABASE_URL: variable
    .url('postgresql:', 'postgres:')
    .transform((url) => new Secret(url))
    .describe('PostgreSQL'),
  ...vaultVariables(),
  SALLYPORT_CONFIGURATION_PUBLIC_KEY_FILE: variable.path().describe('configuration-signing.pub.jwk'),
  SALLYPORT_STALENESS_BOUND: variable
    .duration()
    .default(300_000)
    .describe('How old the configuration may become before nothing is issued any more'),
  SALLYPORT_MAX_CONNECTIONS: variable
    .wholeNumber(64, 1_000_000)
    .default(10_000)
    .describe('Open connections; one address, unless it is a listed proxy, may hold as many as are free'),
  SALLYPORT_TRUSTED_PROXIES: variable.list().default([]),
  SALLYPORT_ALLOWED_ORIGINS: variable.list().default([]),
  SALLYPORT_CA_FILES: variable.list().default([]).describe('PEM files of private certificate authorities'),
});
export type AuthorizationServerEnvironment = z.infer<typeof AuthorizationServerEnvironment>;

/** @throws SallyportError `configuration_invalid` */
export function readAuthorizationServerEnvironment(
  env: Readonly<Record<string, string | undefined>>,
): AuthorizationServerEnvironment {
  return readEnvironment(AuthorizationServerEnvironment, env, { prefix: 'SALLYPORT_' });
}

export function authorizationServerConfig(environment: AuthorizationServerEnvironment): AuthorizationServerConfig {
  return {
    issuer: environment.SALLYPORT_ISSUER,
    internalUrls: environment.SALLYPORT_INTERNAL_URLS,
    gatewayUrl: environment.SALLYPORT_GATEWAY_URL,
    controlPlaneUrl: environment.SALLYPORT_CONTROL_PLANE_URL,
    host: environment.SALLYPORT_HOST,
    port: environment.SALLYPORT_PORT,
    databaseUrl: environment.DATABASE_URL,
    ...vaultSettings(environment, readCertificateAuthorities(environment.SALLYPORT_CA_FILES), proxyOf(environment)),
    configurationVerifyKeyFile: environment.SALLYPORT_CONFIGURATION_PUBLIC_KEY_FILE,
    replica: environment.SALLYPORT_REPLICA,
    stalenessBoundMs: environment.SALLYPORT_STALENESS_BOUND,
    maxConnections: environment.SALLYPORT_MAX_CONNECTIONS,
    trustedProxies: environment.SALLYPORT_TRUSTED_PROXIES,
    certificateFiles: certificateFilesOf(environment),
    allowedOrigins: environment.SALLYPORT_ALLOWED_ORIGINS,
    extraCertificateAuthorities: readCertificateAuthorities(environment.SALLYPORT_CA_FILES),
    proxy: proxyOf(environment),
  };
}
