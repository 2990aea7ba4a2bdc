import { runService } from '@sallyport/process';
import { controlPlaneConfig, declarativeFileOf, readAdminToken, readControlPlaneEnvironment } from './config.js';
import { secretVariablesOf } from './configuration/read-declarative-file.js';
import { startControlPlane } from './start-control-plane.js';

const { env } = process;
let secretNames: readonly string[] = [];

await runService(
  'control-plane',
  async () => {
    const declarativeFile = declarativeFileOf(env);
    secretNames = declarativeFile === undefined ? [] : await secretVariablesOf(declarativeFile);
    return readControlPlaneEnvironment(env, secretNames);
  },
  (environment, adapters) =>
    startControlPlane(
      controlPlaneConfig(environment, {
        adminToken: readAdminToken(environment.SALLYPORT_ADMIN_TOKEN_FILE),
        secretVariables: Object.fromEntries(secretNames.map((name) => [name, env[name]])),
      }),
      adapters,
    ),
);
