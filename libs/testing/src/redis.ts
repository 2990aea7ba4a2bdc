import { findServerBinary } from './debian-binaries.js';
import { readTestEnvironment } from './environment.js';
import { onFreePort, startPrivateServer } from './private-server.js';
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
  let port = 0;
  const server = await onFreePort((free) => {
    port = free;
    return startPrivateServer(binary, ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', scratch, '--maxmemory-policy', 'noeviction'], { ready: /Ready to accept connections/, scratch });
  });
  return {
    url: `redis://127.0.0.1:${port}`,
    async stop() {
      await server.stop();
      removeScratch(scratch);
    },
  };
}
