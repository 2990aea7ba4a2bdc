import { Secret } from '@sallyport/kernel';
import type { DeploymentKeyFiles } from '@sallyport/keys';
import { freePort } from '@sallyport/testing';
import type { ControlPlaneConfig } from '../config.js';

export const ADMIN_TOKEN = 'sp_admin_test_0123456789abcdefghijklmnop';

/** The configuration of a control plane on a free port of this machine, without a declarative file. */
export async function testConfig(
  { databaseUrl, keys }: { readonly databaseUrl: string; readonly keys: DeploymentKeyFiles },
  changes: Partial<ControlPlaneConfig> = {},
): Promise<ControlPlaneConfig> {
  const port = await freePort();
  return {
    publicUrl: `http://127.0.0.1:${port}`,
    gatewayUrl: 'http://127.0.0.1:7400',
    issuer: 'http://127.0.0.1:7401',
    jwksUrl: 'http://127.0.0.1:7401/jwks',
    host: '127.0.0.1',
    port,
    databaseUrl: new Secret(databaseUrl),
    adminToken: new Secret(ADMIN_TOKEN),
    declarativeFile: null,
    secretVariables: {},
    keys: {
      masterKeyFile: keys.master,
      configurationSigningKeyFile: keys.configurationSigning,
      leaseKeyFile: keys.lease,
      leaseSigningKeyFile: keys.leaseSigning,
      enrolledGateways: keys.gateways,
    },
    replica: 'control-plane',
    authorizationServers: ['authorization-server'],
    stalenessBoundMs: 300_000,
    heartbeatIntervalMs: 200,
    maxConnections: 10_000,
    trustedProxies: [],
    extraCertificateAuthorities: [],
    ...changes,
  };
}
