import { runService } from '@sallyport/process';
import { authorizationServerConfig, readAuthorizationServerEnvironment } from './config.js';
import { startAuthorizationServer } from './start-authorization-server.js';

await runService(
  'authorization-server',
  () => readAuthorizationServerEnvironment(process.env),
  (environment, adapters) => startAuthorizationServer(authorizationServerConfig(environment), adapters),
);
