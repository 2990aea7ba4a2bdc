import { readEnvironment, variable } from '@sallyport/config';
import { eventRetention } from '@sallyport/control-plane';
import { gatewayTuning } from '@sallyport/gateway';
import { z } from 'zod';

const port = (fallback: number, use: string) => variable.port().default(fallback).describe(`Port of ${use}`);

/** The environment of `npm start`. Everything has a default; nothing needs to be set to try it. */
export const StandaloneEnvironment = z.strictObject({
  SALLYPORT_DATA_DIR: variable
    .path()
    .default('.sallyport')
    .describe('Where everything is kept: keys, database, spool, the demonstration’s data'),
  SALLYPORT_CONFIGURATION_FILE: variable
    .path()
    .optional()
    .describe('The declarative file; `sallyport.yaml` by default'),
  SALLYPORT_HOST: z
    .enum(['127.0.0.1', '::1', 'localhost'], 'must be a loopback address: standalone is for one machine')
    .default('127.0.0.1')
    .describe('Loopback address to listen on'),
  SALLYPORT_GATEWAY_PORT: port(7400, 'the gateway'),
  SALLYPORT_AUTHORIZATION_SERVER_PORT: port(7401, 'the authorization server'),
  SALLYPORT_CONTROL_PLANE_PORT: port(7402, 'the control plane'),
  SALLYPORT_DEMO_IDP_PORT: port(7403, 'the demo identity provider'),
  SALLYPORT_DEMO_NOTES_PORT: port(7410, 'the demo server `notes`'),
  SALLYPORT_DEMO_WHOAMI_PORT: port(7411, 'the demo server `whoami`'),
  SALLYPORT_HEALTH_PORT: port(7490, 'health and metrics'),
  SALLYPORT_DATABASE_PORT: port(7432, 'the embedded PostgreSQL'),
  SALLYPORT_DEMO: variable.flag().default(true).describe('Start the demo identity provider and servers'),
  SALLYPORT_DEMO_IDP_CLIENT_SECRET: variable
    .secret()
    .optional()
    .describe('What the demo identity provider knows us by; made up at each start when not set'),
  SALLYPORT_LOG_LEVEL: variable.logLevel().default('warn').describe('How much the services print'),
  SALLYPORT_EVENT_RETENTION: eventRetention(),
  ...gatewayTuning,
  SALLYPORT_ALLOWED_ORIGINS: gatewayTuning.SALLYPORT_ALLOWED_ORIGINS.describe(
    'Origins of browser applications that may call the gateway and get tokens for it; the demonstration allows MCP ' +
      'Inspector on this machine besides',
  ),
  SALLYPORT_CA_FILES: gatewayTuning.SALLYPORT_CA_FILES.describe(
    'PEM files of private certificate authorities that identity providers, client documents and servers may use',
  ),
  DATABASE_URL: variable
    .url('postgresql:', 'postgres:')
    .optional()
    .describe('A PostgreSQL of yours instead of the embedded one'),
});
export type StandaloneEnvironment = z.infer<typeof StandaloneEnvironment>;

/** @throws SallyportError `configuration_invalid` */
export function readConfig(env: Readonly<Record<string, string | undefined>>): StandaloneEnvironment {
  return readEnvironment(StandaloneEnvironment, env, { prefix: 'SALLYPORT_' });
}
