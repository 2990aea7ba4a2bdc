import { runService } from '@sallyport/process';
import { readTokenRefreshWorkerEnvironment, tokenRefreshWorkerConfig } from './config.js';
import { startTokenRefreshWorker } from './start-token-refresh-worker.js';

await runService(
  'token-refresh-worker',
  () => readTokenRefreshWorkerEnvironment(process.env),
  (environment, adapters) => startTokenRefreshWorker(tokenRefreshWorkerConfig(environment), adapters),
);
