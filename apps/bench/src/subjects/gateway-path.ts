import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DEMO_CLIENT_SECRET_VARIABLE, DemoAgent, demoUsers } from '@sallyport/demo';
import { SallyportError } from '@sallyport/kernel';
import { freePorts, makeScratch, removeScratch, spawnApp } from '@sallyport/testing';
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

const moved = [
  'GATEWAY',
  'AUTHORIZATION_SERVER',
  'CONTROL_PLANE',
  'DEMO_IDP',
  'DEMO_NOTES',
  'DEMO_WHOAMI',
  'HEALTH',
  'DATABASE',
] as const;

/**
 * The product as `npm start` runs it, on ports and data of its own, with everything on; signs an agent in the whole
 * way.
 */
export async function startGatewayPath(upstream: string): Promise<GatewayPath> {
  const directory = makeScratch('bench');
  const free = await freePorts(moved.length);
  const port = Object.fromEntries(moved.map((name, index) => [name, free[index]])) as Record<
    (typeof moved)[number],
    number
  >;
  const file = join(directory, 'sallyport.yaml');
  await writeFile(
    file,
    benchConfiguration({
      identityProvider: `http://127.0.0.1:${port.DEMO_IDP}`,
      clientSecretVariable: DEMO_CLIENT_SECRET_VARIABLE,
      upstream,
    }),
  );
  const app = await spawnApp({
    entry: 'apps/standalone/dist/main.js',
    env: {
      ...Object.fromEntries(moved.map((name) => [`SALLYPORT_${name}_PORT`, String(port[name])])),
      SALLYPORT_DATA_DIR: join(directory, 'data'),
      SALLYPORT_CONFIGURATION_FILE: file,
    },
    readyPattern: /Sallyport is ready/,
    readyTimeoutMs: 60_000,
  });
  const stop = async (): Promise<void> => {
    await app.stop();
    removeScratch(directory);
  };
  try {
    const url = `http://127.0.0.1:${port.GATEWAY}/mcp`;
    const alice = demoUsers.find(({ username }) => username === 'alice');
    const agent = new DemoAgent({ name: 'bench', endpoint: new URL(url), person: { credentials: () => alice } });
    await agent.signIn();
    const [tool] = await agent.toolNames();
    if (tool === undefined) throw new SallyportError('bench_no_tool', 'The gateway shows no tool of the bench server.');
    await agent.call(tool, { text: 'hello' });
    await agent.close();
    return { url, tool, token: agent.accessToken, stop };
  } catch (error) {
    process.stderr.write(app.output());
    await stop();
    throw error;
  }
}
