import type { Declaration } from '@sallyport/declaration';
import { runService } from '@sallyport/process';
import { controlPlaneConfig, declarativeFileOf, readAdminToken, readControlPlaneEnvironment } from './config.js';
import { readDeclaration, secretVariablesOf } from './configuration/read-declarative-file.js';
import { startControlPlane } from './start-control-plane.js';

const { env } = process;
let declaration: Declaration | undefined;
let secretNames: readonly string[] = [];

await runService(
  'control-plane',
  async () => {
    const declarativeFile = declarativeFileOf(env);
    declaration = declarativeFile === undefined ? undefined : await readDeclaration(declarativeFile);
    secretNames = declaration === undefined ? [] : secretVariablesOf(declaration);
    return readControlPlaneEnvironment(env, secretNames);
  },
  (environment, adapters) =>
    startControlPlane(
      controlPlaneConfig(environment, {
        adminToken: readAdminToken(environment.SALLYPORT_ADMIN_TOKEN_FILE),
        declaration,
        secretVariables: Object.fromEntries(secretNames.map((name) => [name, env[name]])),
      }),
      adapters,
    ),
);
