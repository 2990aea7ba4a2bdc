import type { AuthorizationServerConfig } from '@sallyport/authorization-server';
import type { ControlPlaneConfig } from '@sallyport/control-plane';
import { DEMO_CLIENT_SECRET_VARIABLE, type Demo } from '@sallyport/demo';
import { tunedBy, type GatewayConfig } from '@sallyport/gateway';
import type { Secret } from '@sallyport/kernel';
import type { DeploymentKeyFiles } from '@sallyport/keys';
import type { TokenRefreshWorkerConfig } from '@sallyport/token-refresh-worker';
import type { StandaloneEnvironment } from './config.js';
import type { DataDirectory, DataDirectorySecrets } from './data-directory.js';
import { withPortsOf } from './configuration-file.js';

export const REPLICA = 'gateway-1';
/** Where MCP Inspector's page is by default (v0.14 and later): a person's own, on this machine. */
const INSPECTOR_ORIGINS = ['http://localhost:6274', 'http://127.0.0.1:6274'];

export interface Installation {
  readonly settings: StandaloneEnvironment;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly urls: { readonly gateway: string; readonly issuer: string; readonly controlPlane: string };
  readonly databaseUrl: Secret;
  readonly keys: DeploymentKeyFiles;
  readonly secrets: Pick<DataDirectorySecrets, 'adminToken' | 'adminTokenFile'>;
  readonly data: Pick<DataDirectory, 'spool' | 'logStreams'>;
  readonly declarativeFile: string | null;
  readonly demo: Demo | undefined;
  /** Of the demonstration's identity provider. */
  readonly clientSecret: Secret;
}

/** The configuration of each service, as this one installation has it. */
export function serviceConfigurations(installation: Installation) {
  const { settings, databaseUrl, keys, urls, demo } = installation;
  const tuning = tunedBy(settings);
  const { stalenessBoundMs, maxConnections, trustedProxies, extraCertificateAuthorities, proxy } = tuning;
  const shared = { stalenessBoundMs, maxConnections, trustedProxies, extraCertificateAuthorities, proxy };
  const allowedOrigins = [...tuning.allowedOrigins, ...(demo === undefined ? [] : INSPECTOR_ORIGINS)];
  const host = settings.SALLYPORT_HOST;
  const authorizationServer: AuthorizationServerConfig = {
    issuer: urls.issuer,
    gatewayUrl: urls.gateway,
    controlPlaneUrl: urls.controlPlane,
    host,
    port: settings.SALLYPORT_AUTHORIZATION_SERVER_PORT,
    databaseUrl,
    masterKeyFile: keys.master,
    configurationVerifyKeyFile: keys.configurationSigningPublic,
    replica: 'authorization-server',
    allowedOrigins,
    ...shared,
  };
  const tokenRefreshWorker: TokenRefreshWorkerConfig = {
    databaseUrl,
    queue: { kind: 'postgres', databaseUrl: databaseUrl.reveal() },
    masterKeyFile: keys.master,
    configurationVerifyKeyFile: keys.configurationSigningPublic,
    replica: 'token-refresh-worker',
    stalenessBoundMs,
    extraCertificateAuthorities,
    proxy,
  };
  const gateway: GatewayConfig = { ...gatewayOf(installation), ...tuning, allowedOrigins };
  return {
    proxy,
    controlPlane: { ...controlPlaneOf(installation), ...shared },
    authorizationServer,
    tokenRefreshWorker,
    gateway,
  };
}

function controlPlaneOf({ settings, env, urls, databaseUrl, keys, demo, ...rest }: Installation) {
  return {
    publicUrl: urls.controlPlane,
    gatewayUrl: urls.gateway,
    issuer: urls.issuer,
    jwksUrl: `${urls.issuer}/jwks`,
    host: settings.SALLYPORT_HOST,
    port: settings.SALLYPORT_CONTROL_PLANE_PORT,
    databaseUrl,
    adminToken: rest.secrets.adminToken,
    declarativeFile: rest.declarativeFile,
    ...(demo && settings.SALLYPORT_CONFIGURATION_FILE === undefined && { amendDeclaration: withPortsOf(demo.urls) }),
    secretVariables: { ...env, [DEMO_CLIENT_SECRET_VARIABLE]: rest.clientSecret.reveal() },
    keys: {
      masterKeyFile: keys.master,
      configurationSigningKeyFile: keys.configurationSigning,
      leaseKeyFile: keys.lease,
      leaseSigningKeyFile: keys.leaseSigning,
      enrolledGateways: keys.gateways,
    },
    deployment: {
      adminTokenFile: rest.secrets.adminTokenFile,
      healthHost: settings.SALLYPORT_HOST,
      busServers: [],
      busHasKey: true,
    },
    replica: 'control-plane',
    authorizationServers: ['authorization-server'],
    heartbeatIntervalMs: 1_000,
    eventRetentionMs: settings.SALLYPORT_EVENT_RETENTION,
    logStreamDirectory: rest.data.logStreams,
  } satisfies Partial<ControlPlaneConfig>;
}

function gatewayOf({ settings, urls, keys, data }: Installation) {
  return {
    replica: REPLICA,
    listen: { host: settings.SALLYPORT_HOST, port: settings.SALLYPORT_GATEWAY_PORT },
    gatewayUrl: urls.gateway,
    issuer: urls.issuer,
    jwksUrl: `${urls.issuer}/jwks`,
    keys: {
      configurationPublicKey: keys.configurationSigningPublic,
      leasePublicKey: keys.leasePublic,
      leaseSigningPublicKey: keys.leaseSigningPublic,
      replicaKey: keys.gatewayKey(REPLICA),
      gatewayState: [keys.gatewayState],
    },
    spoolDirectory: data.spool,
  } satisfies Partial<GatewayConfig>;
}
