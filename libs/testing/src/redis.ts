import { findServerBinary } from './debian-binaries.js';
import { readTestEnvironment } from './environment.js';
import { freePort } from './free-port.js';
import { startPrivateServer } from './private-server.js';
import { makeScratch, removeScratch } from './scratch.js';

export interface TestRedis {
  /** Choose a key prefix of your own: a server of `REDIS_URL` is shared and not emptied. */
  readonly url: string;
  stop(): Promise<void>;
}

/** `REDIS_URL` when set, else a private server that keeps nothing. */
export async function startTestRedis(): Promise<TestRedis> {
  const { redisUrl } = readTestEnvironment();
  if (redisUrl !== undefined) return { url: redisUrl, stop: () => Promise.resolve() };
  const binary = await findServerBinary('redis');
  const scratch = makeScratch('redis');
  const port = await freePort();
  const server = await startPrivateServer(binary, ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', scratch, '--maxmemory-policy', 'noeviction'], { port, scratch });
  return {
    url: `redis://127.0.0.1:${port}`,
    async stop() {
      await server.stop();
      removeScratch(scratch);
    },
  };
}
