import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Watch } from './surface.js';

export interface EverythingServer {
  /** The MCP endpoint. */
  readonly url: string;
  readonly watch: Readonly<Watch>;
  close(): Promise<void>;
}

/** Serves one MCP endpoint on a free port of this machine. */
export async function serveEverything(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
  end: () => Promise<void>,
  watch: Watch,
): Promise<EverythingServer> {
  const server = createServer(handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    watch,
    url: `http://127.0.0.1:${port}/mcp`,
    async close() {
      await end();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
