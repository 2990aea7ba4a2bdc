import { runService } from '@sallyport/process';
import { gatewayConfig, gatewayWorkers, readGatewayEnvironment } from './config.js';
import { startGateway } from './start-gateway.js';

/** One replica of the data plane, or one worker of it. Resolves when it runs. */
export const runGateway = (variables: NodeJS.ProcessEnv): Promise<void> =>
  runService(
    'gateway',
    () => readGatewayEnvironment(variables),
    (environment, adapters) => startGateway(gatewayConfig(environment, adapters.worker), adapters),
    { workersOf: gatewayWorkers },
  );
