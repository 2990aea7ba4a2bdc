import { connect } from 'node:net';
import { SallyportError } from '@sallyport/kernel';
import { findBinary } from './debian-binaries.js';
import { readTestEnvironment } from './environment.js';
import { onFreePort, startPrivateServer } from './private-server.js';
import { makeScratch, removeScratch } from './scratch.js';

export interface TestRedis {
  /** Choose a key prefix of your own: a server of `REDIS_URL` is shared and not emptied. */
  readonly url: string;
  stop(): Promise<void>;
}

/** A server of our own, which may lose everything. */
export interface PrivateRedis extends TestRedis {
  /** Everything is gone, as after a restart without a disk. */
  flush(): Promise<void>;
  kill(): Promise<void>;
  /** After `kill()`: again on the same port, and empty. */
  restart(): Promise<void>;
}

/** `REDIS_URL` when set, else a private server that keeps nothing. */
export async function startTestRedis(): Promise<TestRedis> {
  const { redisUrl } = readTestEnvironment();
  return redisUrl === undefined ? startPrivateRedis() : { url: redisUrl, stop: () => Promise.resolve() };
}

/** A private server in any case: for tests of outages. */
export async function startPrivateRedis(): Promise<PrivateRedis> {
  const binary = await findBinary('redis');
  const scratch = makeScratch('redis');
  let port = 0;
  const start = () =>
    startPrivateServer(
      binary,
      [
        '--port',
        String(port),
        '--bind',
        '127.0.0.1',
        '--save',
        '',
        '--appendonly',
        'no',
        '--dir',
        scratch,
        '--maxmemory-policy',
        'noeviction',
      ],
      { ready: /Ready to accept connections/, scratch },
    );
  let server = await onFreePort((free) => {
    port = free;
    return start();
  });
  return {
    kill: () => server.kill(),
    async restart() {
      server = await start();
    },
    url: `redis://127.0.0.1:${port}`,
    async flush() {
      const socket = connect(port, '127.0.0.1');
      socket.end('FLUSHALL\r\n');
      let answer = '';
      for await (const chunk of socket.setEncoding('utf8')) answer += String(chunk);
      if (!answer.startsWith('+OK')) throw new SallyportError('test_server_failed', `Redis did not flush: ${answer}`);
    },
    async stop() {
      await server.stop();
      removeScratch(scratch);
    },
  };
}
