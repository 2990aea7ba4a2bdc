import { runService } from '@sallyport/process';
import { gatewayConfig, gatewayWorkers, readGatewayEnvironment } from './config.js';
import { startGateway } from './start-gateway.js';

await runService(
  'gateway',
  () => readGatewayEnvironment(process.env),
  (environment, adapters) => startGateway(gatewayConfig(environment, adapters.worker), adapters),
  { workersOf: gatewayWorkers },
);
