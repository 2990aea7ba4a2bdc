import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { createRequire } from 'node:module';
import { freePort, spawnApp } from '@sallyport/testing';
import type { SpawnedApp } from '@sallyport/testing';

const require = createRequire(import.meta.url);
/** The program of a package that exports only its library. */
const programBeside = (library: string): string => join(dirname(library), 'index.js');

/** A server from npm that nobody here wrote, as its documentation says to run it. */
interface Published {
  readonly name: string;
  readonly entry: string;
  readonly args: (port: number) => readonly string[];
  readonly env?: (port: number, drawing: string) => Readonly<Record<string, string>>;
}

/** Where the drawings are that the chart server's own service would make. */
export const DRAWN = 'https://charts.example/pie.png';

export const publishedServers = [
  {
    name: 'everything',
    entry: require.resolve('@modelcontextprotocol/server-everything/dist/index.js'),
    args: () => ['streamableHttp'],
    env: (port) => ({ PORT: String(port) }),
  },
  {
    name: 'budget',
    entry: programBeside(require.resolve('@modelcontextprotocol/server-budget-allocator')),
    args: () => [],
    env: (port) => ({ PORT: String(port) }),
  },
  {
    name: 'chart',
    entry: programBeside(require.resolve('@antv/mcp-server-chart/sdk')),
    args: (port) => ['--transport', 'streamable', '--host', '127.0.0.1', '--port', String(port)],
    env: (_port, drawing) => ({ VIS_REQUEST_SERVER: drawing }),
  },
  {
    name: 'brave',
    entry: require.resolve('@brave/brave-search-mcp-server/dist/index.js'),
    args: (port) => ['--transport', 'http', '--host', '127.0.0.1', '--port', String(port), '--brave-api-key', 'none'],
  },
] as const satisfies readonly Published[];

export interface RunningServers {
  readonly servers: readonly { readonly name: string; readonly url: string }[];
  stop(): Promise<void>;
}

export async function startPublishedServers(): Promise<RunningServers> {
  const running: SpawnedApp[] = [];
  // The service the chart server has its charts drawn by; nothing leaves this machine.
  const drawing = createServer((_request, response) =>
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ success: true, resultObj: DRAWN })),
  );
  await new Promise<void>((resolve) => drawing.listen(0, '127.0.0.1', resolve));
  const drawingUrl = `http://127.0.0.1:${(drawing.address() as AddressInfo).port}/`;
  const stop = async (): Promise<void> => {
    await Promise.all(running.map((app) => app.stop()));
    drawing.closeAllConnections();
    drawing.close();
  };
  const start = async (published: Published) => {
    const port = await freePort();
    running.push(
      await spawnApp({
        entry: published.entry,
        args: published.args(port),
        env: published.env?.(port, drawingUrl) ?? {},
        readyPattern: /listening|running/i,
      }),
    );
    return { name: published.name, url: `http://127.0.0.1:${port}/mcp` };
  };
  try {
    return { servers: await Promise.all(publishedServers.map(start)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
