import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEMO_CLIENT_SECRET_VARIABLE, DemoAgent, demoUsers } from '@sallyport/demo';
import { SallyportError } from '@sallyport/kernel';
import { stop } from '../child.js';
import { benchConfiguration } from './bench-configuration.js';

export interface GatewayPath {
  /** The gateway's MCP endpoint. */
  readonly url: string;
  /** The upstream's tool as agents see it. */
  readonly tool: string;
  /** Alice's, through an agent that registered itself; good for longer than a run. */
  readonly token: string;
  stop(): Promise<void>;
}

const standalone = fileURLToPath(new URL('../../../standalone/dist/main.js', import.meta.url));
const ports = ['GATEWAY', 'AUTHORIZATION_SERVER', 'CONTROL_PLANE', 'DEMO_IDP', 'DEMO_NOTES', 'DEMO_WHOAMI', 'HEALTH', 'DATABASE'] as const;

/** The product as `npm start` runs it, on ports and data of its own, with everything on; signs an agent in the whole way. */
export async function startGatewayPath(upstream: string): Promise<GatewayPath> {
  const directory = await mkdtemp(join(tmpdir(), 'sallyport-bench-'));
  const port = Object.fromEntries(await Promise.all(ports.map(async (name) => [name, await freePort()]))) as Record<(typeof ports)[number], number>;
  const file = join(directory, 'sallyport.yaml');
  await writeFile(file, benchConfiguration({ identityProvider: `http://127.0.0.1:${port.DEMO_IDP}`, clientSecretVariable: DEMO_CLIENT_SECRET_VARIABLE, upstream }));
  const child = spawn(process.execPath, [standalone], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...process.env,
      ...Object.fromEntries(ports.map((name) => [`SALLYPORT_${name}_PORT`, String(port[name])])),
      SALLYPORT_DATA_DIR: join(directory, 'data'),
      SALLYPORT_CONFIGURATION_FILE: file,
    },
  });
  const stopAll = async (): Promise<void> => {
    await stop(child);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await ready(`http://127.0.0.1:${port.HEALTH}/readyz`, () => child.exitCode !== null);
    const url = `http://127.0.0.1:${port.GATEWAY}/mcp`;
    const alice = demoUsers.find(({ username }) => username === 'alice');
    const agent = new DemoAgent({ name: 'bench', endpoint: new URL(url), person: { credentials: () => alice } });
    await agent.signIn();
    const [tool] = await agent.toolNames();
    if (tool === undefined) throw new SallyportError('bench_no_tool', 'The gateway shows no tool of the bench server.');
    await agent.call(tool, { text: 'hello' });
    await agent.close();
    return { url, tool, token: agent.accessToken, stop: stopAll };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

/** @throws SallyportError `bench_not_ready` after 60 s or when the process has ended */
async function ready(url: string, hasEnded: () => boolean): Promise<void> {
  const until = performance.now() + 60_000;
  while (performance.now() < until && !hasEnded()) {
    const response = await fetch(url).catch(() => undefined);
    if (response?.ok === true) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new SallyportError('bench_not_ready', 'The system did not become ready.');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new TypeError('a listener without a port');
  return address.port;
}
