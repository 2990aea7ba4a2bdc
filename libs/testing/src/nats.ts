import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findBinary } from './debian-binaries.js';
import { readTestEnvironment } from './environment.js';
import { onFreePort, startPrivateServer } from './private-server.js';
import { makeScratch, removeScratch } from './scratch.js';

export interface TestNats {
  readonly url: string;
  /** What the server wrote; empty for one of `NATS_URL`. */
  output(): string;
  stop(): Promise<void>;
}

/** A server of our own: it can be stopped and started again with what it stored. */
export interface PrivateNats extends TestNats {
  readonly storeDir: string;
  kill(): Promise<void>;
  /** After `kill()`: again on the same port with the same store. */
  restart(): Promise<void>;
  /** After `kill()`: loses the store, as a broken disk would. */
  forget(): void;
}

/** What a configuration has to name. */
export interface NatsPlace {
  readonly port: number;
  readonly storeDir: string;
}

const open = ({ port, storeDir }: NatsPlace) =>
  `host: 127.0.0.1\nport: ${port}\njetstream { store_dir: ${JSON.stringify(storeDir)} }\n`;

/**
 * JetStream without users: `NATS_URL` when set, else a private server. Two files on one `NATS_URL` share its streams.
 */
export async function startTestNats(): Promise<TestNats> {
  const { natsUrl } = readTestEnvironment();
  return natsUrl === undefined
    ? startPrivateNats(open)
    : { url: natsUrl, output: () => '', stop: () => Promise.resolve() };
}

/**
 * A private server in any case, with the configuration text that `configure` returns: for tests of permissions and
 * outages.
 */
export async function startPrivateNats(configure: (place: NatsPlace) => string = open): Promise<PrivateNats> {
  const binary = await findBinary('nats');
  const scratch = makeScratch('nats');
  const storeDir = join(scratch, 'jetstream');
  const file = join(scratch, 'nats-server.conf');
  const start = () => startPrivateServer(binary, ['--config', file], { ready: /Server is ready/, scratch });
  let port = 0;
  let server = await onFreePort((free) => {
    port = free;
    writeFileSync(file, configure({ port, storeDir }), { mode: 0o600 });
    return start();
  });
  let earlier = '';
  return {
    url: `nats://127.0.0.1:${port}`,
    storeDir,
    output: () => earlier + server.output(),
    kill: () => server.kill(),
    forget: () => rmSync(storeDir, { recursive: true, force: true }),
    async restart() {
      earlier += server.output();
      server = await start();
    },
    async stop() {
      await server.stop();
      removeScratch(scratch);
    },
  };
}
